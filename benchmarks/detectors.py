"""How long the detectors take for one item, and the generator for one picture, called directly in one thread."""

from __future__ import annotations

import io
import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from PIL import Image

from safelight.image_moderation.v1 import image_moderation_pb2
from services.common.moderation import Detector, Moderation, Thresholds
from services.generator.sketch import ellipses
from services.generator.sketch.encoding import encode
from services.generator.sketch.painting import Painting
from services.image_moderation.decode import Limits, decode, inspect
from services.image_moderation.detectors.nudenet import NudeNet
from services.image_moderation.service import ImageModerator
from services.text_moderation.detectors.classifier import Classifier
from services.text_moderation.detectors.terms import Terms

LENGTHS = (20, 100, 1_000, 10_000)
SIDE = 512

TEXT = (
    "a quiet harbour at dawn with three small boats, two gulls on a wooden post and a red lighthouse behind them in "
    "the fog, painted in water colour with a broad brush; an old man mends a net, his dog sleeps beside him"
)


@dataclass(frozen=True)
class Timing:
    """One row of the report."""

    what: str
    median: float
    """Seconds."""
    slow: float
    """Seconds; one call in twenty took longer."""
    calls: int


def measure(*, seconds: float) -> Iterator[Timing]:
    """Times each for so many seconds."""
    yield from _text(seconds)
    yield from _image(seconds)
    yield from _sketch(seconds)


def _timed(what: str, calls: Iterator[Callable[[], object]], seconds: float) -> Timing:
    """Times each call, but not the making of it."""
    next(calls)()  # the first call may still load or cache something
    took: list[float] = []
    end = time.perf_counter() + seconds
    while len(took) < 5 or time.perf_counter() < end:
        call = next(calls)
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    took.sort()
    return Timing(what, statistics.median(took), took[len(took) * 95 // 100], len(took))


def _text(seconds: float) -> Iterator[Timing]:
    for detector in (Terms.load(), Classifier.load()):
        for length in LENGTHS:
            # A new text for each call, so that nothing is gained by remembering the last one.
            calls = map(partial(_detection, detector, length), itertools.count())
            yield _timed(f"text, `{detector.name}`, {length:,} characters", calls, seconds)


def _detection(detector: Detector[str], length: int, number: int) -> Callable[[], object]:
    return partial(detector.detect, _prompt(length, number))


def _prompt(length: int, number: int) -> str:
    chance, words = random.Random(number), TEXT.split()
    text = ""
    while len(text) < length:
        text += chance.choice(words) + " "
    return text[:length]


def _image(seconds: float) -> Iterator[Timing]:
    limits = Limits()
    detector = NudeNet(threads=1)
    moderator = ImageModerator(Moderation([detector], Thresholds.from_names(0.5, {})), limits)
    sketch = _drawn("two boats on a lake at sunset", 7)
    png = encode(sketch, "PNG")
    request = image_moderation_pb2.ModerateImageRequest
    clear = request(image=png, media_type="image/png", prepare_delivery=True)
    assert not moderator.moderate(clear).flagged
    unsafe = request(image=_flagged(moderator), redaction=image_moderation_pb2.REDACTION_BLUR_IMAGE)
    calls: dict[str, Callable[[], object]] = {
        "decode": lambda: decode(inspect(png, "image/png", limits)),
        f"`{detector.name}` alone": lambda: detector.detect(sketch),
        "whole answer, nothing found": lambda: moderator.moderate(clear),
        "whole answer, flagged and blurred": lambda: moderator.moderate(unsafe),
    }
    for what, call in calls.items():
        yield _timed(f"image, {what}, {SIDE} x {SIDE} PNG", itertools.repeat(call), seconds)


def _flagged(moderator: ImageModerator) -> bytes:
    """A picture of plain ellipses that the detector fires on."""
    for seed in range(200):
        picture = Image.new("RGB", (SIDE, SIDE))
        ellipses.draw(picture, random.Random(seed))
        file = io.BytesIO()
        picture.save(file, "PNG")
        if moderator.moderate(image_moderation_pb2.ModerateImageRequest(image=file.getvalue())).flagged:
            return file.getvalue()
    raise RuntimeError("the detector fires on none of 200 pictures of ellipses")


def _sketch(seconds: float) -> Iterator[Timing]:
    prompts = itertools.cycle(
        (
            "a boxer dancing on a table",
            "a lady on the beach in swimming wear, water color style",
            "a dog in a suit",
            "two boats on a lake at sunset",
            "words that it does not know",
        )
    )
    draw = (partial(_drawn, prompt, number) for number, prompt in enumerate(prompts))
    yield _timed(f"generator, `sketch`, {SIDE} x {SIDE}", draw, seconds)
    pictures = [_drawn(prompt, 7) for prompt in itertools.islice(prompts, 5)]
    encodings = (partial(encode, picture, "PNG") for picture in itertools.cycle(pictures))
    yield _timed(f"generator, encoding as PNG, {SIDE} x {SIDE}", encodings, seconds)


def _drawn(prompt: str, seed: int) -> Image.Image:
    painting = Painting(prompt=prompt, seed=seed, width=SIDE, height=SIDE, steps=20)
    painting.draw_until(20)
    return painting.image
