"""Rekognition's labels and thresholds in our terms, and pictures as providers take them."""

from __future__ import annotations

import io
import itertools
import struct

import pytest
from botocore.loaders import Loader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from safelight.common.v1 import category_pb2
from services.common.moderation import Thresholds
from services.image_moderation.detectors import bedrock_guardrail
from services.image_moderation.detectors.rekognition import LABELS, LIMITS, category_of, least_confidence
from services.image_moderation.parts import divide
from services.image_moderation.provided import ProviderLimits, looks, prepare
from tests.support import images

# The whole taxonomy of version 6.1, as its edition of the developer guide had it: parent, then children.
VERSION_6 = {
    "Explicit Nudity": (
        "Nudity",
        "Graphic Male Nudity",
        "Graphic Female Nudity",
        "Sexual Activity",
        "Illustrated Explicit Nudity",
        "Adult Toys",
    ),
    "Suggestive": (
        "Female Swimwear Or Underwear",
        "Male Swimwear Or Underwear",
        "Partial Nudity",
        "Barechested Male",
        "Revealing Clothes",
        "Sexual Situations",
    ),
    "Violence": ("Graphic Violence Or Gore", "Physical Violence", "Weapon Violence", "Weapons", "Self Injury"),
    "Visually Disturbing": ("Emaciated Bodies", "Corpses", "Hanging", "Air Crash", "Explosions And Blasts"),
    "Rude Gestures": ("Middle Finger",),
    "Drugs": ("Drug Products", "Drug Use", "Pills", "Drug Paraphernalia"),
    "Tobacco": ("Tobacco Products", "Smoking"),
    "Alcohol": ("Drinking", "Alcoholic Beverages"),
    "Gambling": ("Gambling",),
    "Hate Symbols": ("Nazi Party", "White Supremacy", "Extremist"),
}


def as_float32(value: float) -> float:
    """What a field of a proto keeps of it."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def test_every_label_of_version_6_has_a_category() -> None:
    """Found by its own name, not by its parent's, whatever its capitals."""
    for name in (*VERSION_6, *itertools.chain(*VERSION_6.values())):
        assert category_of(name, "") != category_pb2.CATEGORY_PROVIDER_REFUSAL, name
    assert category_of("Female Swimwear Or Underwear", "Suggestive") == category_pb2.CATEGORY_SWIMWEAR_OR_UNDERWEAR


@pytest.mark.parametrize(
    ("name", "parent", "category"),
    [
        ("Exposed Female Nipple", "Explicit Nudity", category_pb2.CATEGORY_NUDITY),
        ("EXPOSED FEMALE NIPPLE", "", category_pb2.CATEGORY_NUDITY),
        ("Flamethrowers", "Weapons", category_pb2.CATEGORY_WEAPON),
        ("Absinthe", "alcoholic beverages", category_pb2.CATEGORY_ALCOHOL),
        ("Sorcery", "", category_pb2.CATEGORY_PROVIDER_REFUSAL),
        ("Sorcery", "The Occult", category_pb2.CATEGORY_PROVIDER_REFUSAL),
    ],
)
def test_a_label_that_is_not_known_is_what_its_parent_is(name: str, parent: str, category: int) -> None:
    """And a refusal of unknown reason where its parent is not known either."""
    assert category_of(name, parent) == category


def test_no_two_labels_differ_by_capitals_alone() -> None:
    """So that the table says what the look-up does."""
    assert len({name.casefold() for name in LABELS}) == len(LABELS)


@pytest.mark.parametrize(
    ("default", "by_name", "least"),
    [
        (0.5, {}, 50.0),
        (0.5, {"nudity": 0.8}, 50.0),
        (0.9, {"nudity": 0.35, "weapon": 0.6}, 35.0),
        # Rekognition cannot find these, so they do not matter.
        (0.9, {"insult": 0.1, "prompt_attack": 0.0}, 90.0),
        # What is ignored may stay away.
        (0.9, {"alcohol": None}, 90.0),
        (0.0, {}, 0.0),
        (1.0, {}, 100.0),
        # An unknown label would be this.
        (0.9, {"provider_refusal": 0.2}, 20.0),
    ],
)
def test_the_lowest_threshold_that_matters_is_asked_for(
    default: float, by_name: dict[str, float | None], least: float
) -> None:
    """MinConfidence is that of the most sensitive category that Rekognition can give."""
    assert least_confidence(Thresholds.from_names(default, by_name)) == least


def test_without_a_threshold_none_is_asked_for() -> None:
    """All categories are ignored: the operation's own default then says what is reported for information."""
    nothing = {name.removeprefix("CATEGORY_"): None for name in category_pb2.Category.keys()[1:]}
    assert least_confidence(Thresholds.from_names(0.5, nothing)) is None


@given(st.integers(0, 10_000))
def test_rounding_loses_no_finding(hundredths: int) -> None:
    """A confidence that reaches a threshold as floats of 32 bits is never below what is asked for."""
    threshold = as_float32(hundredths / 10_000)
    least = least_confidence(Thresholds(threshold, {}))
    assert least is not None
    assert as_float32(hundredths / 100 / 100) >= threshold
    assert 0 <= least <= hundredths / 100 <= 100
    assert hundredths / 100 - least < 0.02


def test_the_limits_are_those_of_the_service_model() -> None:
    """The largest blob of bytes, which botocore itself does not enforce; the sides stand in the documentation only."""
    shapes = Loader().load_service_model("rekognition", "service-2")["shapes"]
    assert shapes["ImageBlob"]["max"] == LIMITS.max_bytes
    formats = Loader().load_service_model("bedrock-runtime", "service-2")["shapes"]["GuardrailImageFormat"]["enum"]
    assert formats == ["png", "jpeg"]


def test_no_answer_has_a_place_in_the_picture() -> None:
    """Neither API's answer has a box in its model: should one come, findings are to have it."""
    for service, shape in (("rekognition", "ModerationLabel"), ("bedrock-runtime", "GuardrailContentFilter")):
        members = Loader().load_service_model(service, "service-2")["shapes"][shape]["members"]
        assert not [name for name in members if "box" in name.lower() or "geometry" in name.lower()]


SMALL = ProviderLimits(max_bytes=20_000, min_side=80, max_side=300)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(st.integers(16, 640), st.integers(16, 640), st.booleans())
def test_whatever_comes_out_is_within_the_limits(width: int, height: int, noisy: bool) -> None:
    """Sides and bytes, of pictures that are too small, too large, too long, and that no encoder can make small."""
    picture = images.noise((width, height)) if noisy else images.clean((width, height))
    encoded = prepare(picture, SMALL)
    assert len(encoded.data) <= SMALL.max_bytes
    with Image.open(io.BytesIO(encoded.data)) as decoded:
        assert f"image/{decoded.format}".lower() == encoded.media_type
        assert decoded.size == (encoded.width, encoded.height)
        assert decoded.mode == "RGB"
        assert min(decoded.size) >= SMALL.min_side
        assert max(decoded.size) <= SMALL.max_side


def test_a_picture_within_the_limits_is_sent_without_loss() -> None:
    """Its very pixels, as PNG."""
    picture = images.positive()
    encoded = prepare(picture, LIMITS)
    assert encoded.media_type == "image/png"
    assert images.opened(encoded.data).tobytes() == picture.tobytes()


@pytest.mark.parametrize("limits", [LIMITS, bedrock_guardrail.LIMITS])
def test_a_picture_of_too_many_bytes_becomes_a_jpeg(limits: ProviderLimits) -> None:
    """Of its own size, where falling quality does."""
    encoded = prepare(images.noise((1500, 1200)), limits)
    assert encoded.media_type == "image/jpeg"
    assert len(encoded.data) <= limits.max_bytes
    assert (encoded.width, encoded.height) == (1500, 1200)


@pytest.mark.parametrize(
    ("size", "content", "frame"),
    [
        ((32, 32), (80, 80), (80, 80)),
        ((40, 64), (80, 128), (80, 128)),
        ((40, 200), (80, 400), (80, 400)),
        # The longer side may grow no further: what is missing is padding.
        ((10_000, 40), (10_000, 40), (10_000, 80)),
        ((9000, 40), (10_000, 44), (10_000, 80)),
        ((100, 12_000), (83, 10_000), (83, 10_000)),
        ((32, 16_000), (20, 10_000), (80, 10_000)),
    ],
)
def test_sides_out_of_bounds_are_scaled_and_then_padded(
    size: tuple[int, int], content: tuple[int, int], frame: tuple[int, int]
) -> None:
    """The content keeps its proportions and fills the frame as far as it can; the rest is grey."""
    sent = images.opened(prepare(Image.new("RGB", size, (200, 30, 60)), LIMITS).data)
    assert sent.size == frame
    inside = sent.crop((0, 0, *content))
    assert inside.getextrema() == ((200, 200), (30, 30), (60, 60))
    if content != frame:
        corner = (0, content[1]) if frame[0] > frame[1] else (content[0], 0)
        assert sent.crop((*corner, *frame)).getextrema() == ((128, 128),) * 3


@pytest.mark.parametrize(
    ("size", "count"), [((400, 100), 1), ((401, 100), 5), ((100, 900), 9), ((2000, 100), 16), ((3000, 100), 16)]
)
def test_long_pictures_are_also_looked_at_in_parts(size: tuple[int, int], count: int) -> None:
    """The whole first, then at most fifteen parts of it, none of which is a strip if it can be helped."""
    seen = list(looks(images.clean(size), LIMITS))
    assert len(seen) == count
    assert max(seen[0].width, seen[0].height) == max(size)
    for part in seen[1:]:
        assert max(part.width, part.height) <= max(2 * min(size), max(size) / 8 + 1)


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_the_parts_of_a_picture_leave_no_gap(width: int, height: int) -> None:
    """They reach from end to end, overlap by half or more, and are at most fifteen."""
    parts = divide(width, height, longest_whole=4, length=2, shortest=1 / 8)
    along = 0 if width >= height else 1
    assert len(parts) <= 15
    assert bool(parts) == (max(width, height) > 4 * min(width, height))
    if parts:
        assert parts[0][:2] == (0, 0)
        assert parts[-1][2:] == (width, height)
    for before, after in itertools.pairwise(parts):
        assert 0 <= after[along] - before[along] <= (before[along + 2] - before[along]) / 2 + 1
