"""Blurred copies: nothing is found in them, formats and sizes are kept, and hopeless cases end in plain grey."""

import numpy as np
import pytest
from PIL import Image

from safelight.common.v1 import category_pb2, finding_pb2
from services.image_moderation.container import ImageType
from services.image_moderation.encode import Encoded, encode, fit
from services.image_moderation.redact import Encode, blur_region, blur_whole, redact
from tests.support import images

POSITIVES = range(4)
FORMATS: tuple[ImageType, ...] = ("PNG", "JPEG", "WEBP")


def find(pixels: Image.Image) -> list[finding_pb2.Finding]:
    """What the real detector finds; nudity of 0.5 and above is flagged."""
    findings = images.load_detector().detect(pixels)
    for finding in findings:
        finding.flagged = finding.category == category_pb2.CATEGORY_NUDITY and finding.confidence >= 0.5
    return findings


def as_type(image_type: ImageType) -> Encode:
    def encoded(pixels: Image.Image) -> tuple[Encoded, Image.Image]:
        result = encode(pixels, image_type)
        return result, images.opened(result.data).convert("RGB")

    return encoded


@pytest.mark.parametrize("image_type", FORMATS)
@pytest.mark.parametrize("regions", [False, True])
@pytest.mark.parametrize("seed", POSITIVES)
def test_nothing_is_found_in_a_redacted_copy(seed: int, regions: bool, image_type: ImageType) -> None:
    """The real detector flags the picture, and finds no nudity of any confidence in the bytes that come out."""
    picture = images.positive(seed)
    findings = find(picture)
    assert any(f.flagged for f in findings)
    copy = redact(picture, findings, regions=regions, find=find, encode=as_type(image_type))
    seen = images.opened(copy.data)
    assert seen.format == image_type
    assert seen.size == picture.size == (copy.width, copy.height)
    remaining = find(seen.convert("RGB"))
    assert [f for f in remaining if f.category == category_pb2.CATEGORY_NUDITY] == []
    if not regions:
        assert remaining == []


def test_regions_leave_the_rest_alone() -> None:
    """Outside the boxes and their margin not one pixel changes."""
    picture = images.clean((400, 300))
    box = finding_pb2.BoundingBox(left=0.5, top=0.5, width=0.2, height=0.2)
    changed = np.asarray(blur_region(picture, box, 0.15)) != np.asarray(picture)
    rows, columns = np.nonzero(changed.any(axis=2))
    assert len(rows)
    assert columns.min() >= 0.47 * 400 - 1
    assert columns.max() <= 0.73 * 400 + 1
    assert rows.min() >= 0.47 * 300 - 1
    assert rows.max() <= 0.73 * 300 + 1


@pytest.mark.parametrize(
    "box",
    [(0, 0, 1, 1), (0, 0, 0, 0), (1, 1, 0, 0), (0.999, 0, 0.001, 1), (0.2, 0.9, 0.001, 0.1), (0.9, 0.9, 0.1, 0.1)],
)
def test_boxes_at_the_edge_are_blurred_too(box: tuple[float, float, float, float]) -> None:
    """Empty boxes, thin ones and those that touch the edge are no special cases."""
    left, top, width, height = box
    location = finding_pb2.BoundingBox(left=left, top=top, width=width, height=height)
    for size in ((33, 500), (500, 33), (64, 64)):
        assert blur_region(images.clean(size), location, 0.4).size == size


def test_a_blurred_picture_keeps_no_detail() -> None:
    """Neighbouring pixels of a blurred picture of noise hardly differ."""
    blurred = np.asarray(blur_whole(images.noise((300, 200)), 12), dtype=int)
    assert np.abs(np.diff(blurred, axis=0)).max() <= 8
    assert np.abs(np.diff(blurred, axis=1)).max() <= 8


def test_a_finding_without_a_box_blurs_the_whole() -> None:
    """Where something is cannot be known, so all of it goes."""
    picture = images.clean((320, 320))
    finding = finding_pb2.Finding(category=category_pb2.CATEGORY_WEAPON, flagged=True)
    copy = redact(picture, [finding], regions=True, find=lambda _: [], encode=as_type("PNG"))
    assert copy.data == encode(blur_whole(picture, 12), "PNG").data


def test_what_survives_in_regions_blurs_the_whole() -> None:
    """A detector that still finds something outside the boxes gets the whole picture blurred."""
    picture = images.clean((320, 320))
    whole = encode(blur_whole(picture, 12), "PNG").data
    finding = finding_pb2.Finding(category=category_pb2.CATEGORY_WEAPON, flagged=True)
    finding.bounding_box.MergeFrom(finding_pb2.BoundingBox(left=0.4, top=0.4, width=0.1, height=0.1))

    def until_whole(pixels: Image.Image) -> list[finding_pb2.Finding]:
        return [] if encode(pixels, "PNG").data == whole else [finding]

    copy = redact(picture, [finding], regions=True, find=until_whole, encode=as_type("PNG"))
    assert copy.data == whole


def test_what_survives_every_blur_becomes_plain_grey() -> None:
    """A detector that finds something in anything gets a picture without content."""
    finding = finding_pb2.Finding(category=category_pb2.CATEGORY_WEAPON, flagged=True)
    copy = redact(images.positive(), [finding], regions=False, find=lambda _: [finding], encode=as_type("PNG"))
    assert images.opened(copy.data).getextrema() == ((128, 128),) * 3


@pytest.mark.parametrize("limit", [16_384, 50_000, 150_000])
def test_a_picture_is_made_to_fit(limit: int) -> None:
    """Even noise fits, at lower quality and then smaller, and does not become smaller than it need."""
    picture = images.noise((700, 500))
    copy = fit(picture, limit)
    assert limit / 4 < len(copy.data) <= limit
    assert copy.reencoded_to_fit
    assert copy.media_type == "image/jpeg"
    seen = images.opened(copy.data)
    assert seen.size == (copy.width, copy.height)
    assert seen.width / seen.height == pytest.approx(1.4, rel=0.02)


def test_quality_falls_before_size() -> None:
    """A picture that is a little too large keeps its pixels."""
    picture = images.positive(size=(800, 600))
    best = fit(picture, 1 << 20)
    assert best.width == 800
    copy = fit(picture, max(16_384, len(best.data) * 3 // 4))
    assert copy.width == 800
    assert len(copy.data) <= max(16_384, len(best.data) * 3 // 4)


def test_an_extreme_shape_fits() -> None:
    """A picture of 10,000 by 32 pixels of noise goes down to any limit allowed."""
    assert len(fit(images.noise((10_000, 32)), 16_384).data) <= 16_384
