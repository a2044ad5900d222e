"""What the sketch draws."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from services.generator.sketch.encoding import encode
from services.generator.sketch.painting import Painting
from services.generator.sketch.palette import NAMED
from services.generator.sketch.styles import STYLES
from services.generator.sketch.things import NOUNS
from services.generator.sketch.vocabulary import STYLES as STYLE_WORDS


def paint(
    prompt: str, *, negative: str = "", seed: int = 1, width: int = 96, height: int = 96, steps: int = 20
) -> Image.Image:
    painting = Painting(prompt=prompt, negative_prompt=negative, seed=seed, width=width, height=height, steps=steps)
    painting.draw_until(steps)
    return painting.image


def digest(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def share_near(image: Image.Image, colour: tuple[int, int, int], reach: int = 45) -> float:
    near = sum(
        n
        for n, pixel in image.getcolors(1 << 24) or ()
        if max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < reach
    )
    return near / (image.width * image.height)


def test_the_same_request_gives_the_same_bytes_and_another_seed_does_not() -> None:
    prompt = "two dogs in the forest at night, watercolor"
    assert encode(paint(prompt), "PNG") == encode(paint(prompt), "PNG")
    assert digest(paint(prompt)) != digest(paint(prompt, seed=2))


def test_the_number_of_steps_changes_nothing_in_the_finished_picture() -> None:
    assert len({digest(paint("a castle and three balloons", steps=steps)) for steps in (1, 7, 20, 150)}) == 1


def test_steps_draw_the_picture_bit_by_bit() -> None:
    painting = Painting(prompt="a house and a tree", seed=1, width=96, height=96, steps=10)
    seen = []
    for step in range(1, 11):
        painting.draw_until(step)
        seen.append(digest(painting.image))
    assert painting.steps_done == 10
    assert len(set(seen)) >= 4


@pytest.mark.parametrize("name", sorted(NOUNS))
def test_each_noun_changes_the_picture(name: str) -> None:
    # The setting is named, so that only the thing itself can make the difference.
    assert digest(paint(f"{name}, in a field by day")) != digest(paint("in a field by day"))


@pytest.mark.parametrize("name", sorted(STYLES))
def test_each_style_changes_the_picture_and_keeps_its_size(name: str) -> None:
    styled = paint(f"a boat, {STYLE_WORDS[name][0]}", width=128, height=72)
    assert styled.size == (128, 72)
    assert styled.mode == "RGB"
    assert digest(styled) != digest(paint("a boat", width=128, height=72))


def test_a_thing_named_in_the_negative_prompt_is_left_out() -> None:
    assert digest(paint("a dog and a cat", negative="cat")) == digest(paint("a dog"))


def test_the_colour_of_a_thing_is_seen() -> None:
    for colour in ("red", "blue", "green"):
        painted = share_near(paint(f"a {colour} balloon in the desert"), NAMED[colour])
        assert painted > 3 * share_near(paint("a white balloon in the desert"), NAMED[colour]) + 0.01, colour


def test_a_colour_named_in_the_negative_prompt_is_not_chosen_by_chance_either() -> None:
    for seed in range(5):
        assert share_near(paint("a balloon in the snow", negative="red", seed=seed), NAMED["red"]) < 0.01


def test_more_things_cover_more_of_the_picture() -> None:
    empty = paint("by day in a field")

    def covered(prompt: str) -> int:
        change = ImageChops.difference(paint(prompt), empty).convert("L")
        return sum(change.histogram()[12:])

    assert covered("an eagle, by day in a field") < covered("five eagles, by day in a field")


@pytest.mark.parametrize(("width", "height"), [(64, 64), (512, 64), (64, 1024), (648, 368)])
def test_the_size_is_honoured(width: int, height: int) -> None:
    assert paint("a ship and three palm trees", width=width, height=height).size == (width, height)


def test_a_large_picture_is_drawn_too() -> None:
    assert paint("a ship", width=1600, height=1024).size == (1600, 1024)


@pytest.mark.parametrize("prompt", ["a polar bear in the snow", "an owl at night", "six ellipses", "entropy"])
@pytest.mark.parametrize("side", [64, 256, 512])
def test_the_note_is_visible_on_light_and_dark_pictures(prompt: str, side: int) -> None:
    picture = paint(prompt, width=side, height=side)
    band = picture.crop((0, side - max(8, side // 32), side, side)).convert("L")
    darkest, lightest = band.getextrema()
    assert isinstance(darkest, int)
    assert isinstance(lightest, int)
    assert lightest - darkest > 90


@pytest.mark.parametrize("seed", range(6))
def test_unknown_words_still_give_a_picture_with_many_tones(seed: int) -> None:
    picture = paint("qwertz uiop", seed=seed).crop((0, 0, 96, 88))
    assert len(picture.getcolors(1 << 16) or ()) > 40
    assert digest(picture) != digest(paint("asdf ghjk", seed=seed).crop((0, 0, 96, 88)))


def test_children_wear_day_clothes_whatever_the_prompt_says() -> None:
    """The colour of swimwear has no effect on a child's picture, because none is drawn."""
    pictures = {digest(paint(f"a girl in {colour} swimwear")) for colour in ("red", "green")}
    assert len(pictures) == 1


def test_ellipses_fill_the_picture_without_style_or_things() -> None:
    assert digest(paint("ellipses and a dog, pixel art")) == digest(paint("ellipses"))


WORDS = [*NOUNS, "two", "on", "red", "rain"]


@settings(max_examples=40, deadline=None)
@given(
    prompt=st.one_of(
        st.text(max_size=80), st.lists(st.sampled_from([*NOUNS, "two", "on", "red", "rain"]), max_size=8).map(" ".join)
    ),
    negative=st.text(max_size=20),
    seed=st.integers(0, 2**32 - 1),
    width=st.sampled_from((64, 72, 128)),
    height=st.sampled_from((64, 72, 128)),
)
def test_every_prompt_and_seed_gives_a_picture(prompt: str, negative: str, seed: int, width: int, height: int) -> None:
    picture = paint(prompt, negative=negative, seed=seed, width=width, height=height)
    assert picture.size == (width, height)
    assert len(picture.getcolors(1 << 16) or ()) > 10
