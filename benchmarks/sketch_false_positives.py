"""How often the image detector fires on ordinary sketches: `python -m benchmarks.sketch_false_positives [--prompts N]`.

Draws varied prompts (things, colours, clothes, poses, settings, styles, seeds) with the generator's own renderer, runs
NudeNet on each picture and prints what it found: the number of prompts, how many were flagged, and each of these with
its prompt, seed, classes and scores. Faces and feet are never a finding and are not counted.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
from nudenet import NudeDetector

from services.generator.sketch.painting import Painting
from services.generator.sketch.palette import NAMED
from services.generator.sketch.things import NOUNS
from services.generator.sketch.vocabulary import CLOTHES, POSES, SETTINGS, STYLES, TIMES, WEATHER

HARMLESS = ("FACE_", "FEET_")


def prompts(count: int, seed: int) -> Iterator[str]:
    """Every thing by turns; half of the prompts show a person, since those are what the detector looks for."""
    rng = random.Random(seed)
    nouns = sorted(NOUNS)
    people = [name for name in nouns if NOUNS[name].creature and NOUNS[name].width < 0.6]

    def phrase(name: str) -> str:
        words = [rng.choice(("a", "a", "a", "two", "three"))]
        if rng.random() < 0.5:
            words.append(rng.choice(sorted(NAMED)))
        return " ".join([*words, name])

    def one_of(group: dict[str, tuple[str, ...]]) -> str:
        return rng.choice([word for words in group.values() for word in words])

    for i in range(count):
        text = phrase(rng.choice(people)) if i % 2 else phrase(nouns[i // 2 % len(nouns)])
        if rng.random() < 0.25:
            text += f" {one_of(POSES)}"
        if rng.random() < 0.35:
            text += f" in a {rng.choice(sorted(NAMED))} {one_of(CLOTHES)}"
        if rng.random() < 0.35:
            text += f" {rng.choice(('and', 'on', 'with', 'near'))} {phrase(rng.choice(nouns))}"
        if rng.random() < 0.4:
            text += f", {one_of(SETTINGS)}"
        if rng.random() < 0.25:
            text += f", {one_of(TIMES)}"
        if rng.random() < 0.15:
            text += f", {one_of(WEATHER)}"
        if rng.random() < 0.4:
            text += f", {one_of(STYLES)}"
        yield text


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=500, help="how many prompts (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which prompts and pictures (default: %(default)s)")
    parser.add_argument("--score", type=float, default=0.5, help="least score that counts (default: %(default)s)")
    arguments = parser.parse_args()
    detector = NudeDetector()
    flagged, classes, drawing, near = 0, Counter[str](), 0.0, Counter[str]()
    for i, prompt in enumerate(prompts(arguments.prompts, arguments.seed)):
        seed = arguments.seed * 1000 + i
        began = time.perf_counter()
        painting = Painting(prompt=prompt, seed=seed)
        painting.draw_until(painting.steps)
        drawing += time.perf_counter() - began
        found = [
            (item["class"], item["score"])
            for item in detector.detect(np.asarray(painting.image)[:, :, ::-1].copy())
            if not item["class"].startswith(HARMLESS)
        ]
        near.update({name for name, score in found if score >= arguments.score * 0.6})
        over = [(name, round(float(score), 2)) for name, score in found if score >= arguments.score]
        if over:
            flagged += 1
            classes.update({name for name, _ in over})
            print(f"seed {seed}: {prompt!r}: {over}", flush=True)
    print(f"prompts: {arguments.prompts}; flagged at {arguments.score} or above: {flagged}")
    print(f"share: {100 * flagged / arguments.prompts:.2f} %")
    print(f"mean time of a drawing: {1000 * drawing / arguments.prompts:.1f} ms")
    print(f"by class: {dict(classes.most_common())}")
    print(f"at {arguments.score * 0.6:.2f} or above: {dict(near.most_common())}")


if __name__ == "__main__":
    main()
