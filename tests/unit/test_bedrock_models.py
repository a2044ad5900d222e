"""What the image models on Bedrock are sent, what is made of their answers, and what their ids tell."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from PIL import Image

from safelight.common.v1 import image_format_pb2 as formats
from safelight.generator.v1 import generator_pb2 as pb
from services.common.settings import SettingsError, load
from services.generator.backends.bedrock import base_id, foundation_model, unit
from services.generator.dialects import (
    Asked,
    Dialect,
    Failed,
    Made,
    Options,
    Refused,
    Sent,
    Unreadable,
    amazon,
    nova_canvas,
    stability_image,
    titan_image,
)
from services.generator.settings import Settings
from tests.support.aws.image_models import ALL_BLOCKED, BLOCKED_PROMPT, SOME_BLOCKED, nova_size
from tests.support.images import encoded

TINY = encoded(Image.new("RGB", (8, 8), "red"))
B64 = base64.b64encode(TINY).decode()
EVERYTHING = {"negative_prompt": "cats", "steps": 30, "guidance_scale": 7.5}


def sent(dialect: Dialect, options: Options | None = None, **fields: Any) -> Sent:
    asked = Asked(**{"prompt": "a dog", "seed": 7, "width": 1024, "height": 1024, **fields})
    return dialect.request(asked, options or Options())


def notices(out: Sent) -> list[tuple[str, str]]:
    return [(pb.NoticeReason.Name(n.reason).removeprefix("NOTICE_REASON_"), n.field) for n in out.notices]


def test_stability_models_are_sent_a_ratio_and_take_neither_steps_nor_guidance() -> None:
    """Stable Image Core has no parameter `mode`, so none is sent to any."""
    out = sent(stability_image, width=1536, height=640, image_format=formats.IMAGE_FORMAT_JPEG, **EVERYTHING)
    assert json.loads(out.body) == {
        "prompt": "a dog",
        "negative_prompt": "cats",
        "aspect_ratio": "21:9",
        "seed": 7,
        "output_format": "jpeg",
    }
    assert notices(out) == [("SETTING_IGNORED", "steps"), ("SETTING_IGNORED", "guidance_scale")]
    assert "negative_prompt" not in json.loads(sent(stability_image).body)


@pytest.mark.parametrize(
    ("dialect", "quality", "variant"),
    [
        (nova_canvas, "standard", "1024.standard"),
        (nova_canvas, "premium", "1024.premium"),
        (titan_image, "standard", "1024.standard"),
    ],
)
def test_amazons_models_are_sent_a_size_and_the_operators_quality(dialect: Dialect, quality: str, variant: str) -> None:
    """They take no steps. The price hangs on size and quality, which the price's unit names."""
    out = sent(dialect, Options(quality=quality), **EVERYTHING)
    assert json.loads(out.body) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "a dog", "negativeText": "cats"},
        "imageGenerationConfig": {
            "numberOfImages": 1,
            "quality": quality,
            "width": 1024,
            "height": 1024,
            "cfgScale": 7.5,
            "seed": 7,
        },
    }
    assert notices(out) == [("SETTING_IGNORED", "steps")]
    assert out.variant == variant


@pytest.mark.parametrize(("dialect", "most"), [(nova_canvas, 1024), (titan_image, 512)])
def test_amazons_models_take_short_texts_and_guidance_from_1_1_to_10(dialect: Dialect, most: int) -> None:
    """An empty negative text is not one of theirs, so it is left out."""
    out = sent(dialect, prompt="x" * 2000, negative_prompt="y" * (most + 1), guidance_scale=0.5)
    payload = json.loads(out.body)
    assert {len(text) for text in payload["textToImageParams"].values()} == {most}
    assert payload["imageGenerationConfig"]["cfgScale"] == 1.1
    assert notices(out) == [
        ("TEXT_CUT", "negative_prompt"),
        ("TEXT_CUT", "prompt"),
        ("SETTING_IGNORED", "guidance_scale"),
    ]
    assert "negativeText" not in json.loads(sent(dialect).body)["textToImageParams"]


def test_every_size_of_the_contract_becomes_one_that_nova_makes() -> None:
    """And those that it makes are kept; sizes it does not make move as little as its limits allow."""
    for width in range(64, 2049, 8):
        for height in (64, 72, 320, 328, 512, 1000, 1024, 2040, 2048):
            made = nova_canvas.nearest_size(width, height)
            assert nova_size(*made) is None
            if nova_size(width, height) is None:
                assert made == (width, height)
    assert nova_canvas.nearest_size(2048, 2048) == (2032, 2032)
    assert nova_canvas.nearest_size(64, 2048) == (320, 1280)
    assert nova_canvas.nearest_size(1000, 1000) == (992, 992)


@pytest.mark.parametrize(
    ("dialect", "asked", "made", "variant"),
    [
        (nova_canvas, (1280, 720), (1280, 720), "2048.standard"),
        (titan_image, (512, 512), (512, 512), "512.standard"),
        (titan_image, (520, 520), (512, 512), "512.standard"),
        (titan_image, (2048, 2048), (1024, 1024), "1024.standard"),
        (titan_image, (1920, 1080), (1152, 640), "1024.standard"),
        (titan_image, (64, 2048), (320, 704), "1024.standard"),
    ],
)
def test_the_nearest_size_is_asked_for(
    dialect: Dialect, asked: tuple[int, int], made: tuple[int, int], variant: str
) -> None:
    """In shape first; of one shape, in area."""
    out = sent(dialect, width=asked[0], height=asked[1])
    config = json.loads(out.body)["imageGenerationConfig"]
    assert (config["width"], config["height"], out.variant) == (*made, variant)


@pytest.mark.parametrize(
    ("dialect", "wanted", "got"),
    [
        (nova_canvas, 0, 0),
        (nova_canvas, 858_993_459, 858_993_459),
        (nova_canvas, 858_993_460, 0),
        (titan_image, 2**32 - 1, 1),
        (stability_image, 0, 2**32 - 2),
    ],
)
def test_seeds_are_wrapped_into_the_models_range(dialect: Dialect, wanted: int, got: int) -> None:
    """The same one each time: an image can be made again from its seed."""
    assert sent(dialect, seed=wanted).seed == got


PROMPT, IMAGE = pb.REFUSAL_SUBJECT_PROMPT, pb.REFUSAL_SUBJECT_IMAGE


@pytest.mark.parametrize(
    ("dialect", "given", "expected"),
    [
        (stability_image, {"seeds": [7], "finish_reasons": [None], "images": [B64]}, [Made(TINY, 7)]),
        (stability_image, {"finish_reasons": ["Filter reason: prompt"]}, [Refused(PROMPT, "Filter reason: prompt")]),
        (
            stability_image,
            {"finish_reasons": ["Filter reason: output image"]},
            [Refused(IMAGE, "Filter reason: output image")],
        ),
        (stability_image, {"finish_reasons": ["Something new"]}, [Refused(IMAGE, "Something new")]),
        (stability_image, {"finish_reasons": ["Inference error"]}, [Failed()]),
        (nova_canvas, {"images": [B64]}, [Made(TINY)]),
        (nova_canvas, {"images": [B64], "error": None}, [Made(TINY)]),
        (nova_canvas, {"images": [B64], "error": SOME_BLOCKED}, [Made(TINY)]),
        (nova_canvas, {"images": [], "error": ALL_BLOCKED}, [Refused(IMAGE, amazon.BLOCKED)]),
        (nova_canvas, {"images": None, "error": ALL_BLOCKED}, [Refused(IMAGE, amazon.BLOCKED)]),
        (titan_image, {"images": [], "error": BLOCKED_PROMPT}, [Refused(PROMPT, amazon.BLOCKED)]),
        (titan_image, {"error": "no \n word"}, [Refused(IMAGE, "other")]),
    ],
)
def test_answers_are_read(dialect: Dialect, given: Any, expected: Any) -> None:
    """Who was refused, the prompt or the image, decides whether another seed is worth trying."""
    assert dialect.images(json.dumps(given).encode(), "application/json") == expected


@pytest.mark.parametrize("dialect", [stability_image, nova_canvas, titan_image])
@pytest.mark.parametrize("given", [b"", b"\xff", b"7", b'{"images": 7}', b'{"images": ["?"]}', b'{"images": [7]}'])
def test_nonsense_is_unreadable(dialect: Dialect, given: bytes) -> None:
    """There is one kind of error for it."""
    with pytest.raises(Unreadable):
        dialect.images(given, "application/json")


def test_only_blocked_content_in_an_error_is_a_refusal() -> None:
    """Other ValidationExceptions are mistakes of ours or of the settings'."""
    assert amazon.refusal(BLOCKED_PROMPT) == Refused(PROMPT, amazon.BLOCKED)
    assert amazon.refusal("Malformed input request: width is not a permissible size") is None


CORE = "stability.stable-image-core-v1:1"
ARN = f"arn:aws:bedrock:us-west-2::foundation-model/{CORE}"
PROFILE_ARN = f"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.{CORE}"
PROVISIONED = "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abcdefghijkl"


@pytest.mark.parametrize(
    ("model", "described", "version", "price"),
    [
        (CORE, CORE, CORE, f"bedrock.{CORE}.image"),
        (f"us.{CORE}", None, CORE, f"bedrock.{CORE}.image"),
        (ARN, CORE, CORE, f"bedrock.{CORE}.image"),
        (PROFILE_ARN, None, "", ""),
        (PROVISIONED, None, "", ""),
    ],
)
def test_what_an_id_tells(model: str, described: str | None, version: str, price: str) -> None:
    """Profiles and provisioned models are not described by GetFoundationModel; the latter are not paid by the image."""
    assert (foundation_model(model), base_id(model), unit(model, "")) == (described, version, price)


def test_the_units_name_size_and_quality() -> None:
    """As the price file has them."""
    assert unit("amazon.nova-canvas-v1:0", "1024.standard") == "bedrock.amazon.nova-canvas-v1:0.image.1024.standard"


@pytest.mark.parametrize(
    ("model", "family"),
    [
        (CORE, "stability_image"),
        ("stability.stable-image-ultra-v1:1", "stability_image"),
        ("us.stability.sd3-5-large-v1:0", "stability_image"),
        (ARN, "stability_image"),
        ("amazon.nova-canvas-v1:0", "nova_canvas"),
        ("amazon.titan-image-generator-v2:0", "titan_image"),
        ("stability.stable-diffusion-xl-v1", "sdxl"),
    ],
)
def test_the_id_tells_the_family(model: str, family: str) -> None:
    """So that one setting is enough."""
    assert Settings(port=0, backend="bedrock", bedrock_model=model).family == family


def test_an_id_that_tells_nothing_needs_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start stops with the variable's name; with it set, it does not."""
    monkeypatch.setenv("SAFELIGHT_GENERATOR_BACKEND", "bedrock")
    monkeypatch.setenv("SAFELIGHT_GENERATOR_BEDROCK_MODEL", PROVISIONED)
    with pytest.raises(SettingsError, match="SAFELIGHT_GENERATOR_BEDROCK_FAMILY"):
        load(Settings)
    monkeypatch.setenv("SAFELIGHT_GENERATOR_BEDROCK_FAMILY", "titan_image")
    assert load(Settings).family == "titan_image"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"BACKEND": "sagemaker"}, "SAGEMAKER_ENDPOINT"),
        ({"BACKEND": "sagemaker_async", "SAGEMAKER_ENDPOINT": "sd"}, "SAGEMAKER_ASYNC_BUCKET"),
        ({"BACKEND": "sagemaker", "SAGEMAKER_ENDPOINT": "no name!"}, "SAGEMAKER_ENDPOINT"),
        ({"BACKEND": "sagemaker", "SAGEMAKER_ENDPOINT": "sd", "SAGEMAKER_DIALECT": "x"}, "SAGEMAKER_DIALECT"),
        (
            {
                "BACKEND": "sagemaker_async",
                "SAGEMAKER_ENDPOINT": "sd",
                "SAGEMAKER_ASYNC_BUCKET": "bucket",
                "SAGEMAKER_TARGET_VARIANT": "v",
            },
            "SAGEMAKER_TARGET_VARIANT",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_named(
    variables: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked of AWS."""
    for name, value in variables.items():
        monkeypatch.setenv(f"SAFELIGHT_GENERATOR_{name}", value)
    with pytest.raises(SettingsError, match=f"SAFELIGHT_GENERATOR_{named}"):
        load(Settings)
