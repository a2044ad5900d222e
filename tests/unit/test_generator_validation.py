"""Which requests the generator accepts, and what it fills in."""

from __future__ import annotations

import pytest

from safelight.common.v1 import image_format_pb2
from safelight.generator.v1.generator_pb2 import GenerateImagesRequest
from services.common.errors import InvalidArgument
from services.common.settings import SettingsError, load
from services.generator.backends import Defaults
from services.generator.backends.sketch import SketchBackend
from services.generator.service import validate, with_defaults
from services.generator.settings import Settings

SETTINGS = Settings(port=0)


def test_the_smallest_request_is_valid_and_gets_the_documented_defaults() -> None:
    request = GenerateImagesRequest(prompt="a dog")
    validate(request, SETTINGS)
    filled = with_defaults(request, SETTINGS, SketchBackend.defaults)
    assert (filled.width, filled.height, filled.steps, filled.count) == (512, 512, 20, 1)
    assert filled.output_format == image_format_pb2.IMAGE_FORMAT_PNG
    assert filled.HasField("seed")
    assert not request.HasField("seed")


def test_a_seed_of_zero_is_kept() -> None:
    assert with_defaults(GenerateImagesRequest(prompt="a dog", seed=0), SETTINGS, SketchBackend.defaults).seed == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "x" * 10_000, "negative_prompt": "y" * 20_000},
        {"prompt": "x", "width": 64, "height": 2048, "steps": 150, "count": 8, "guidance_scale": 30.0},
        {"prompt": "\N{GRINNING FACE}", "guidance_scale": 0.0, "seed": 2**32 - 1, "steps": 1},
    ],
)
def test_the_limits_themselves_are_valid(fields: dict[str, object]) -> None:
    validate(GenerateImagesRequest(**fields), SETTINGS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", " \n"),
        ("prompt", "x" * 10_001),
        ("negative_prompt", "x" * 20_001),
        ("width", 56),
        ("width", 2056),
        ("width", 513),
        ("height", 1),
        ("height", 2**32 - 1),
        ("steps", 151),
        ("guidance_scale", -0.1),
        ("guidance_scale", 30.5),
        ("guidance_scale", float("nan")),
        ("count", 9),
        ("output_format", 99),
    ],
)
def test_a_field_out_of_range_is_named(field: str, value: object) -> None:
    request = GenerateImagesRequest(**{"prompt": "a dog", field: value})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument) as caught:
        validate(request, SETTINGS)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_all_invalid_fields_are_reported_together_and_no_prompt_is_quoted() -> None:
    request = GenerateImagesRequest(
        negative_prompt="secret" * 4000, width=7, height=4096, steps=1000, guidance_scale=99, count=100, output_format=7
    )
    with pytest.raises(InvalidArgument) as caught:
        validate(request, SETTINGS)
    fields = [violation.field for violation in caught.value.violations]
    assert fields == [
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "steps",
        "guidance_scale",
        "count",
        "output_format",
    ]
    assert "secret" not in caught.value.message
    assert "must have at most 20,000 characters; has 24,000" in caught.value.message


def test_settings_lower_the_limits_and_the_defaults_follow() -> None:
    small = Settings(port=0, max_characters=10, max_side=256, max_count=2, max_steps=5)
    with pytest.raises(InvalidArgument) as caught:
        validate(GenerateImagesRequest(prompt="x" * 11, negative_prompt="y" * 21, width=512, count=3, steps=6), small)
    fields = [violation.field for violation in caught.value.violations]
    assert fields == ["prompt", "negative_prompt", "width", "steps", "count"]
    validate(GenerateImagesRequest(prompt="x" * 10, negative_prompt="y" * 20), small)
    filled = with_defaults(GenerateImagesRequest(prompt="a dog"), small, SketchBackend.defaults)
    assert (filled.width, filled.height, filled.steps) == (256, 256, 5)


def test_unset_size_and_steps_are_the_operators_then_the_models() -> None:
    """A model that knows its own steps keeps them: 0 is passed on as unset."""
    request, model = GenerateImagesRequest(prompt="a dog", height=256), Defaults(width=1344, height=768)
    filled = with_defaults(request, SETTINGS, model)
    assert (filled.width, filled.height, filled.steps) == (1344, 256, 0)
    assert not filled.HasField("guidance_scale")
    filled = with_defaults(request, Settings(port=0, default_side=640, default_steps=9), model)
    assert (filled.width, filled.height, filled.steps) == (640, 256, 9)
    assert with_defaults(request, Settings(port=0, max_side=512), model).width == 512


def test_an_unknown_backend_stops_the_start_with_the_variables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_GENERATOR_BACKEND", "crayons")
    with pytest.raises(SettingsError, match="SAFELIGHT_GENERATOR_BACKEND"):
        load(Settings)
