"""The composition that stands for an unsafe picture in the demo and in tests."""

import random

import pytest
from PIL import Image

from safelight.common.v1 import category_pb2
from services.generator.sketch import ellipses
from tests.support import images


def confidence(picture: Image.Image) -> float:
    """The highest confidence of any nudity that the real detector finds."""
    findings = images.load_detector().detect(picture)
    return max((f.confidence for f in findings if f.category == category_pb2.CATEGORY_NUDITY), default=0)


def test_the_same_seed_draws_the_same_picture() -> None:
    """Deterministic in the random generator's state, and different for another."""
    assert images.positive(5).tobytes() == images.positive(5).tobytes()
    assert images.positive(5).tobytes() != images.positive(6).tobytes()


def test_nearly_every_seed_is_flagged() -> None:
    """At the default threshold at least 19 in 20 are; measured over 400 seeds it is more than 99 in 100."""
    flagged = [confidence(images.positive(seed)) >= 0.5 for seed in range(20)]
    assert sum(flagged) >= 19


@pytest.mark.parametrize("size", [(256, 256), (768, 512), (512, 768), (1024, 1024)])
def test_other_sizes_are_flagged_too(size: tuple[int, int]) -> None:
    """The model fires at other sizes and shapes."""
    assert sum(confidence(images.positive(seed, size)) >= 0.5 for seed in range(4)) >= 3


def test_a_picture_drawn_at_twice_the_size_is_flagged() -> None:
    """The sketch backend draws larger and averages down, which must not matter."""
    for seed in range(6):
        assert confidence(images.positive(seed, (1024, 1024)).reduce(2)) >= 0.5


@pytest.mark.parametrize("size", [(1, 1), (32, 2000), (2000, 32), (33, 47)])
def test_any_size_is_filled(size: tuple[int, int]) -> None:
    """No size is a special case, and no pixel keeps what was there before."""
    before = (1, 255, 1)
    image = Image.new("RGB", size, before)
    ellipses.draw(image, random.Random(0))
    assert image.size == size
    colours = image.getcolors(size[0] * size[1])
    assert colours is not None
    assert before not in {colour for _, colour in colours}
