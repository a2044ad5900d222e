"""What the sketch reads in a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.generator.sketch.layout import arrange, setting_of, time_of
from services.generator.sketch.scene import MOST_OF_A_THING, Scene, Thing, read
from services.generator.sketch.things import NOUNS


def only(scene: Scene) -> Thing:
    (thing,) = scene.things
    return thing


def names(prompt: str, negative: str = "") -> list[str]:
    return [thing.name for thing in read(prompt, negative, 1).things]


def test_it_knows_more_than_sixty_nouns() -> None:
    assert len(NOUNS) >= 60


def test_every_word_of_every_noun_is_read_as_that_noun() -> None:
    for noun in NOUNS.values():
        for word in noun.words:
            assert names(f"a {word}") == [noun.name], word


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("a dog", 1),
        ("two dogs", 2),
        ("three dogs", 3),
        ("a dozen dogs", 12),
        ("dogs", 3),
        ("7 dogs", 7),
        ("a dog and a dog", 2),
        ("a pair of dogs", 2),
    ],
)
def test_counts_are_read(prompt: str, count: int) -> None:
    assert only(read(prompt, "", 1)).count == count


def test_a_large_count_stays_within_what_fits() -> None:
    assert only(read("a dozen dogs and a dozen dogs", "", 1)).count == MOST_OF_A_THING


def test_a_cup_of_coffee_is_one_cup() -> None:
    assert only(read("a cup of coffee", "", 1)).count == 1


def test_a_colour_belongs_to_the_noun_after_it() -> None:
    umbrella, car = read("a red umbrella and a dark blue car", "", 1).things
    assert (umbrella.colours, car.colours) == (("red",), ("dark blue",))


def test_two_colours_take_turns() -> None:
    assert only(read("red and blue balloons", "", 1)).colours == ("red", "blue")


@pytest.mark.parametrize(
    ("prompt", "clothes"),
    [("A dog in a suit", "suit"), ("a lady in swimming wear", "swimwear"), ("a man in a red coat", "coat")],
)
def test_clothes_belong_to_who_wears_them(prompt: str, clothes: str) -> None:
    assert only(read(prompt, "", 1)).clothes == clothes


def test_the_colour_of_clothes_is_read() -> None:
    assert only(read("a woman in a red dress", "", 1)).clothes_colour == "red"


def test_a_boxer_dancing_on_a_table_dances_and_stands_on_it() -> None:
    boxer, table = read("A boxer dancing on a table", "", 1).things
    assert (boxer.name, boxer.pose, boxer.on, table.name) == ("boxer", "dance", "table", "table")
    below, above = arrange(read("A boxer dancing on a table", "", 1), 1.0, read("", "", 1).chance("layout"))
    assert below.thing.name == "table"
    assert above.foot < below.foot


def test_setting_time_weather_and_style_are_read() -> None:
    scene = read("a fox in a snowy forest at night in the rain, oil painting", "", 1)
    assert (scene.setting, scene.time, scene.weather, scene.style) == ("snow", "night", "rain", "oil")


@pytest.mark.parametrize(
    ("prompt", "setting"),
    [("a lady on the beach", "beach"), ("a whale", "underwater"), ("an astronaut", "space"), ("qwertz", "abstract")],
)
def test_the_setting_is_the_prompts_or_the_things_own(prompt: str, setting: str) -> None:
    assert setting_of(read(prompt, "", 1)) == setting


def test_an_owl_brings_the_night() -> None:
    assert time_of(read("an owl", "", 1)) == "night"


@pytest.mark.parametrize(
    ("prompt", "negative", "same_as"),
    [
        ("a dog and a cat", "cats", "a dog"),
        ("a red car", "red", "a car"),
        ("a lady on the beach", "seaside", "a lady"),
        ("a dog at night", "midnight", "a dog"),
        ("a dog in a suit", "suit", "a dog"),
        ("a dog, watercolor", "water color", "a dog"),
    ],
)
def test_the_negative_prompt_takes_things_out(prompt: str, negative: str, same_as: str) -> None:
    with_negative = read(prompt, negative, 1)
    without = read(same_as, "", 1)
    assert with_negative.things == without.things
    assert (with_negative.setting, with_negative.time, with_negative.style) == ("", "", "")


def test_a_negative_prompt_is_read_to_its_end() -> None:
    """The gateway puts a policy's negative prompts after the caller's, however long those are."""
    assert read("a dog and a cat", "blur " * 3000 + "cats", 1).things == read("a dog", "", 1).things


def test_a_negative_prompt_of_unknown_words_changes_nothing() -> None:
    assert read("a dog", "blurry, low quality", 1) == read("a dog", "", 1)


def test_ellipses_make_the_moderation_example_unless_excluded() -> None:
    assert read("six ovals", "", 1).ellipses
    assert not read("six ovals", "ellipses", 1).ellipses


@given(prompt=st.text(max_size=300), negative=st.text(max_size=100), seed=st.integers(0, 2**32 - 1))
def test_any_text_is_read_the_same_way_twice(prompt: str, negative: str, seed: int) -> None:
    assert read(prompt, negative, seed) == read(prompt, negative, seed)


@given(
    words=st.lists(st.sampled_from([*NOUNS, "two", "twelve", "on", "beach", "space", "red"]), max_size=12),
    aspect=st.floats(1 / 32, 32),
)
def test_everything_in_a_scene_gets_a_place_in_the_picture(words: list[str], aspect: float) -> None:
    scene = read(" ".join(words), "", 1)
    items = arrange(scene, aspect, scene.chance("layout"))
    assert len(items) == sum(thing.count for thing in scene.things)
    assert all(0 <= item.x <= 1 and -0.1 <= item.foot <= 1.1 and item.height > 0 for item in items)


def test_the_documentation_lists_every_noun_and_every_word_for_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sketch.md").read_text()
    text = " ".join(page.split())
    assert [noun.name for noun in NOUNS.values() if f"**{noun.name}**" not in text] == []
    assert [noun.name for noun in NOUNS.values() if ", ".join(noun.words[1:]) not in text] == []
