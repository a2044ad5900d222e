"""What each kind of model behind a SageMaker endpoint is sent, and what is made of its answers."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from safelight.common.v1 import image_format_pb2 as formats
from safelight.generator.v1 import generator_pb2 as pb
from services.common.errors import InvalidArgument
from services.generator import pictures
from services.generator.dialects import (
    Asked,
    Dialect,
    Failed,
    Made,
    Options,
    Refused,
    Sent,
    Unreadable,
    fitting,
    raw_image,
    sdxl,
    stable_diffusion_2,
    stable_diffusion_3_5,
)
from services.generator.dialects.known import CONTAINERS
from tests.support.images import encoded, png_claiming

OPTIONS = Options()
TINY = encoded(Image.new("RGB", (8, 8), "red"))


def asked(**fields: Any) -> Asked:
    return Asked(**{"prompt": "a dog", "seed": 7, "width": 1024, "height": 1024, **fields})


def sent(dialect: Dialect, options: Options = OPTIONS, **fields: Any) -> Sent:
    return dialect.request(asked(**fields), options)


def body(dialect: Dialect, **fields: Any) -> dict[str, Any]:
    return dict(json.loads(sent(dialect, **fields).body))


def notices(out: Sent) -> list[tuple[str, str]]:
    return [(pb.NoticeReason.Name(n.reason).removeprefix("NOTICE_REASON_"), n.field) for n in out.notices]


EVERYTHING = {"negative_prompt": "cats", "steps": 30, "guidance_scale": 7.5}


@pytest.mark.parametrize(
    ("dialect", "expected", "accept"),
    [
        (
            stable_diffusion_2,
            {
                "prompt": "a dog",
                "negative_prompt": "cats",
                "width": 1024,
                "height": 1024,
                "num_inference_steps": 30,
                "guidance_scale": 7.5,
                "num_images_per_prompt": 1,
                "seed": 7,
            },
            "application/json;jpeg",
        ),
        (
            sdxl,
            {
                "text_prompts": [{"text": "a dog", "weight": 1.0}, {"text": "cats", "weight": -1.0}],
                "width": 1024,
                "height": 1024,
                "steps": 30,
                "cfg_scale": 7.5,
                "samples": 1,
                "seed": 7,
            },
            "application/json;png",
        ),
        (
            raw_image,
            {
                "prompt": "a dog",
                "negative_prompt": "cats",
                "width": 1024,
                "height": 1024,
                "num_inference_steps": 30,
                "guidance_scale": 7.5,
                "seed": 7,
            },
            "image/png",
        ),
    ],
)
def test_all_that_is_asked_for_is_sent_in_the_models_words(dialect: Dialect, expected: Any, accept: str) -> None:
    """A container that takes everything gets everything, and nothing is said to be missing."""
    out = sent(dialect, **EVERYTHING)
    assert json.loads(out.body) == expected
    assert (out.content_type, out.accept, out.notices) == ("application/json", accept, ())


def test_stable_diffusion_3_5_takes_neither_steps_nor_guidance_and_it_is_said() -> None:
    """Its ratio stands for the size; what it has no word for is in notices."""
    out = sent(stable_diffusion_3_5, **EVERYTHING)
    assert json.loads(out.body) == {
        "prompt": "a dog",
        "negative_prompt": "cats",
        "aspect_ratio": "1:1",
        "seed": 7,
        "output_format": "png",
        "mode": "text-to-image",
    }
    assert notices(out) == [("SETTING_IGNORED", "steps"), ("SETTING_IGNORED", "guidance_scale")]


@pytest.mark.parametrize("dialect", CONTAINERS.values(), ids=CONTAINERS)
def test_what_is_unset_is_left_to_the_model(dialect: Dialect) -> None:
    """No steps, guidance or negative prompt of ours are made up, and there is nothing to notice."""
    out = sent(dialect)
    payload = json.loads(out.body)
    assert not {"negative_prompt", "steps", "num_inference_steps", "guidance_scale", "cfg_scale"} & payload.keys()
    assert len(payload.get("text_prompts", [1])) == 1
    assert out.notices == ()


@pytest.mark.parametrize("dialect", [stable_diffusion_2, raw_image])
def test_sides_that_are_no_multiples_of_8_are_refused_with_both_named(dialect: Dialect) -> None:
    """What a latent model cannot make at all is InvalidArgument on the fields."""
    with pytest.raises(InvalidArgument) as caught:
        sent(dialect, width=513, height=260)
    assert [v.field for v in caught.value.violations] == ["width", "height"]


@pytest.mark.parametrize(("guidance", "silenced"), [(0.0, True), (1.0, True), (1.1, False), (None, False)])
def test_guidance_of_1_or_less_silences_the_negative_prompt_and_says_so(guidance: float | None, silenced: bool) -> None:
    """Stable Diffusion 2 ignores such a scale and the negative prompt with it; without one there is nothing to say."""
    out = sent(stable_diffusion_2, negative_prompt="cats", guidance_scale=guidance)
    expected = [("NEGATIVE_PROMPT_WITHOUT_EFFECT", "negative_prompt")] if silenced else []
    assert notices(out) == expected
    assert not sent(stable_diffusion_2, guidance_scale=guidance).notices


@pytest.mark.parametrize(
    ("text", "least"),
    [("", 0), ("two dogs", 2), ("it's 42!", 5), ("naïve — déjà-vu", 5), ("snake_case", 3), ("IT'S", 2)],
)
def test_a_text_has_at_least_as_many_tokens_as_pieces(text: str, least: int) -> None:
    """CLIP's tokenizer splits words, digits and runs of signs before all else; contractions are one piece."""
    assert stable_diffusion_2.least_tokens(text) == least


def test_a_text_that_clip_surely_cuts_carries_a_notice() -> None:
    """75 words may fit and are not said to be cut; 76 cannot. The texts are sent whole: the model does the cutting."""
    assert sent(stable_diffusion_2, prompt="dog " * 75).notices == ()
    out = sent(stable_diffusion_2, prompt="dog " * 76, negative_prompt="cat " * 100)
    assert notices(out) == [("TEXT_CUT", "prompt"), ("TEXT_CUT", "negative_prompt")]
    assert body(stable_diffusion_2, prompt="dog " * 76)["prompt"] == "dog " * 76
    assert "dog" not in " ".join(n.message for n in out.notices)


@pytest.mark.parametrize(
    ("side", "accept", "notice"),
    [(512, "application/json", []), (568, "application/json", [("NEAR_LIMIT", "width")]), (768, None, None)],
)
def test_pixels_are_asked_for_where_they_fit(side: int, accept: str | None, notice: Any) -> None:
    """Estimated before the call: near the limit it is said, beyond it JPEG is asked for, and that is said too."""
    out = sent(stable_diffusion_2, Options(pixels=True), width=side, height=side)
    assert out.accept == (accept or "application/json;jpeg")
    assert notices(out) == (notice if notice is not None else [("NEAR_LIMIT", "width")])


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ((512, 512), (1024, 1024)),
        ((2048, 1024), (1344, 768)),
        ((64, 2048), (640, 1536)),
        ((1152, 896), (1152, 896)),
        ((600, 800), (896, 1152)),
    ],
)
def test_sdxl_is_asked_for_the_nearest_of_its_nine_sizes(size: tuple[int, int], made: tuple[int, int]) -> None:
    """Nearest in shape. That it is another is told once the image is there, whose size is then known."""
    payload = body(sdxl, width=size[0], height=size[1])
    assert (payload["width"], payload["height"]) == made


@pytest.mark.parametrize(
    ("size", "ratio"), [((512, 512), "1:1"), ((1920, 1080), "16:9"), ((64, 2048), "9:21"), ((800, 640), "5:4")]
)
def test_stable_diffusion_3_5_is_asked_for_the_nearest_ratio(size: tuple[int, int], ratio: str) -> None:
    """It takes no size in pixels."""
    assert body(stable_diffusion_3_5, width=size[0], height=size[1])["aspect_ratio"] == ratio


def test_sdxl_takes_2000_characters_10_to_50_steps_and_guidance_to_35() -> None:
    """What is beyond is cut or moved to the nearest, and said."""
    out = sent(sdxl, prompt="x" * 2001, negative_prompt="y" * 3000, steps=5, guidance_scale=30.0)
    payload = json.loads(out.body)
    assert [len(text["text"]) for text in payload["text_prompts"]] == [2000, 2000]
    assert (payload["steps"], payload["cfg_scale"]) == (10, 30.0)
    assert notices(out) == [("TEXT_CUT", "prompt"), ("TEXT_CUT", "negative_prompt"), ("SETTING_IGNORED", "steps")]
    assert body(sdxl, steps=150)["steps"] == 50


def test_a_long_negative_prompt_is_cut_at_10000_characters_for_stable_diffusion_3_5() -> None:
    """The contract allows 20,000: a policy's come on top of a caller's."""
    out = sent(stable_diffusion_3_5, negative_prompt="y" * 20_000)
    assert len(json.loads(out.body)["negative_prompt"]) == 10_000
    assert notices(out) == [("TEXT_CUT", "negative_prompt")]


@pytest.mark.parametrize(
    ("dialect", "wanted", "got"),
    [
        (stable_diffusion_2, 0, 0),
        (stable_diffusion_2, 2**32 - 1, 2**32 - 1),
        (raw_image, 0, 0),
        (sdxl, 0, 2**32 - 1),
        (sdxl, 1, 1),
        (stable_diffusion_3_5, 0, 2**32 - 2),
        (stable_diffusion_3_5, 2**32 - 1, 1),
        (stable_diffusion_3_5, 2**32 - 2, 2**32 - 2),
    ],
)
def test_every_seed_of_the_contract_is_one_of_the_models(dialect: Dialect, wanted: int, got: int) -> None:
    """Where 0 means "draw one at random" another stands for it, the same each time, so that it can be made again."""
    out = sent(dialect, seed=wanted)
    assert json.loads(out.body)["seed"] == out.seed == got


@pytest.mark.parametrize(
    ("dialect", "jpeg"),
    [(stable_diffusion_3_5, '"output_format": "jpeg"'), (raw_image, "image/jpeg")],
)
def test_jpeg_is_asked_for_where_it_is_wanted(dialect: Dialect, jpeg: str) -> None:
    """WebP is not among what these models give: PNG is asked for, which loses nothing on the way."""
    wanted = sent(dialect, image_format=formats.IMAGE_FORMAT_JPEG)
    assert jpeg in wanted.body.decode() + wanted.accept
    other = sent(dialect, image_format=formats.IMAGE_FORMAT_WEBP)
    assert "png" in other.body.decode() + other.accept


# Answers.


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def answer(value: Any) -> bytes:
    return json.dumps(value).encode()


ROWS = [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [1, 2, 3]]]


@pytest.mark.parametrize(
    ("dialect", "given", "expected"),
    [
        (stable_diffusion_2, {"generated_images": [b64(TINY)], "prompt": "a dog"}, [Made(TINY)]),
        (stable_diffusion_2, {"generated_images": [ROWS]}, [Made(ROWS)]),
        (
            sdxl,
            {"result": "success", "artifacts": [{"base64": b64(TINY), "finishReason": "SUCCESS", "seed": 7}]},
            [Made(TINY, 7)],
        ),
        (sdxl, {"artifacts": [{"base64": b64(TINY), "seed": "7"}]}, [Made(TINY, 7)]),
        (
            sdxl,
            {"artifacts": [{"base64": b64(TINY), "finishReason": "CONTENT_FILTERED", "seed": 7}]},
            [Refused(pb.REFUSAL_SUBJECT_IMAGE, "CONTENT_FILTERED")],
        ),
        (sdxl, {"artifacts": [{"finishReason": "ERROR"}]}, [Failed()]),
        (sdxl, {"artifacts": [{"finishReason": {"a": 1}}]}, [Refused(pb.REFUSAL_SUBJECT_IMAGE, "other")]),
        (stable_diffusion_3_5, {"body": {"images": [b64(TINY)], "seeds": [7]}}, [Made(TINY, 7)]),
        (
            stable_diffusion_3_5,
            {"body": {"images": [b64(TINY)], "seeds": [7], "finish_reasons": [None]}},
            [Made(TINY, 7)],
        ),
        (stable_diffusion_3_5, {"images": [b64(TINY)]}, [Made(TINY)]),
        (
            stable_diffusion_3_5,
            {"finish_reasons": ["Filter reason: prompt"]},
            [Refused(pb.REFUSAL_SUBJECT_PROMPT, "Filter reason: prompt")],
        ),
        (
            stable_diffusion_3_5,
            {"body": {"finish_reasons": ["Filter reason: output image"], "seeds": [7]}},
            [Refused(pb.REFUSAL_SUBJECT_IMAGE, "Filter reason: output image")],
        ),
        (stable_diffusion_3_5, {"finish_reasons": ["Inference error"]}, [Failed()]),
    ],
)
def test_answers_are_read(dialect: Dialect, given: Any, expected: Any) -> None:
    """Images, refusals in the provider's own words, and failures are told apart."""
    assert dialect.images(answer(given), "application/json") == expected


@pytest.mark.parametrize(
    ("dialect", "given"),
    [
        (stable_diffusion_2, b"\xff\xfe not an answer"),
        (stable_diffusion_2, b"[]"),
        (stable_diffusion_2, b"[" * 100_000),
        (stable_diffusion_2, answer({})),
        (stable_diffusion_2, answer({"generated_images": "no list"})),
        (stable_diffusion_2, answer({"generated_images": [None]})),
        (stable_diffusion_2, answer({"generated_images": ["not base64!"]})),
        (sdxl, answer({"artifacts": None})),
        (sdxl, answer({"artifacts": ["text"]})),
        (sdxl, answer({"artifacts": [{"finishReason": "SUCCESS"}]})),
        (stable_diffusion_3_5, answer({"finish_reasons": [None]})),
        (stable_diffusion_3_5, answer({"finish_reasons": "none"})),
        (stable_diffusion_3_5, answer({"images": {}})),
        (stable_diffusion_3_5, answer({"images": [""]})),
        (stable_diffusion_3_5, answer({"body": {"images": [b64(TINY)], "seeds": 7}})),
    ],
)
def test_nonsense_is_unreadable_and_not_quoted(dialect: Dialect, given: bytes) -> None:
    """Whatever a container makes up, there is one kind of error for it, without a word of the answer's."""
    with pytest.raises(Unreadable) as caught:
        dialect.images(given, "application/json")
    assert "not an answer" not in str(caught.value)


def test_a_raw_image_is_the_body_unless_the_container_says_otherwise() -> None:
    """The media type that a container gives is only looked at for what is no image at all."""
    for kind in ("image/png", "IMAGE/JPEG", "application/octet-stream", ""):
        assert raw_image.images(TINY, kind) == [Made(TINY)]
    with pytest.raises(Unreadable):
        raw_image.images(b"{}", "application/json")


@pytest.mark.parametrize(
    ("word", "label"),
    [("CONTENT_FILTERED", "CONTENT_FILTERED"), ("", "other"), ("x" * 41, "other"), ("a\nb", "other"), (7, "other")],
)
def test_only_a_word_becomes_a_label(word: Any, label: str) -> None:
    """Labels are logged and counted, and what is long or odd may quote a prompt."""
    assert fitting.label(word) == label


@pytest.mark.parametrize(("told", "seed"), [(7, 7), ("7", 7), (-1, None), (2**32, None), ("x", None), (True, None)])
def test_a_told_seed_is_taken_if_it_is_one_of_ours(told: Any, seed: int | None) -> None:
    """Some answers have numbers, some digits."""
    assert fitting.reported_seed(told) == seed


# Pictures.


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_keeps_its_bytes_in_its_own_encoding_and_is_encoded_anew_in_others(kind: str) -> None:
    """Nothing is lost where nothing has to change."""
    data = encoded(Image.new("RGB", (32, 16), "red"), kind)
    picture = pictures.from_file(data)
    assert picture.encoded(kind) == data
    for other in ("PNG", "JPEG", "WEBP"):
        with Image.open(io.BytesIO(picture.encoded(other))) as image:
            assert (image.format, image.size) == (other, (32, 16))


def test_png_made_of_a_jpeg_has_the_very_pixels() -> None:
    """What JPEG lost is lost; nothing more is."""
    with Image.open(io.BytesIO(encoded(Image.linear_gradient("L").convert("RGB"), "JPEG"))) as jpeg:
        pixels = jpeg.convert("RGB").tobytes()
    picture = pictures.from_file(encoded(Image.linear_gradient("L").convert("RGB"), "JPEG"))
    with Image.open(io.BytesIO(picture.encoded("PNG"))) as png:
        assert png.convert("RGB").tobytes() == pixels


def test_what_would_be_shown_otherwise_than_decoded_is_encoded_anew() -> None:
    """A turned or transparent file, or one of other colours than RGB, is not passed on as it is."""
    turned = Image.Exif()
    turned[0x0112] = 6
    for image, options in (
        (Image.new("RGB", (8, 4)), {"exif": turned}),
        (Image.new("RGBA", (8, 4), (0, 0, 0, 0)), {}),
        (Image.new("L", (8, 4)), {}),
    ):
        data = encoded(image, "PNG", **options)
        assert pictures.from_file(data).encoded("PNG") != data
    clear = pictures.from_file(encoded(Image.new("RGBA", (8, 4), (0, 0, 0, 0))))
    assert clear.pixels.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00 no image",
        TINY[:40],
        png_claiming(4097, 8),
        png_claiming(8, 100_000),
        png_claiming(4096, 4096),
        encoded(Image.new("RGB", (8, 8)), "GIF"),
    ],
    ids=["empty", "garbage", "cut off", "too wide", "too high", "claims too much", "GIF"],
)
def test_what_is_no_image_of_ours_is_unreadable(data: bytes) -> None:
    """A bomb is refused by its header; other formats are not tried."""
    with pytest.raises(Unreadable):
        pictures.from_file(data)


def test_rows_of_pixels_become_a_picture() -> None:
    """In the order in which they stand."""
    picture = pictures.from_rows(ROWS)
    assert picture.pixels.size == (2, 2)
    assert picture.pixels.tobytes() == bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [[]],
        [[1]],
        [[[1, 2]]],
        [[[1, 2, 256]]],
        [[[1, 2, -1]]],
        [[[1, 2, 0.5]]],
        [[["a", "b", "c"]]],
        [[[1, 2, 3]], [[1, 2, 3], [1, 2, 3]]],
        [7],
        [[[0, 0, 0]]] * 4097,
    ],
    ids=repr,
)
def test_rows_that_are_no_pixels_are_unreadable(rows: Any) -> None:
    """Ragged, empty, out of range, of other types, too many."""
    with pytest.raises(Unreadable):
        pictures.from_rows(rows)


def test_black_is_told_from_dark() -> None:
    """A safety checker's black survives JPEG; a picture with anything on it is none."""
    assert pictures.from_file(encoded(Image.new("RGB", (64, 64)), "JPEG")).is_black
    dark = Image.new("RGB", (64, 64))
    dark.putpixel((5, 5), (0, 9, 0))
    assert not pictures.from_file(encoded(dark)).is_black
