"""What does the work behind the stand-in: Safelight's embedded detectors and its sketch renderer, loaded once."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from functools import cache

from PIL import Image

from services.generator.sketch.painting import Painting
from services.image_moderation.detectors.nudenet import NudeNet
from services.text_moderation.detectors.classifier import Classifier
from services.text_moderation.detectors.terms import Terms

_loading = threading.Lock()
# The picture hangs on them only in how finely the drawing is divided.
_STEPS = 1


@cache
def _terms() -> Terms:
    return Terms.load()


@cache
def _classifier() -> Classifier:
    return Classifier.load()


@cache
def _nudenet() -> NudeNet:
    return NudeNet()


def load_text_detectors() -> None:
    """Loads them now, which takes seconds once, so that no answer is slow because of it."""
    with _loading:
        _terms()
        _classifier()


def read(text: str) -> Mapping[int, float]:
    """The categories (numbers of safelight.common.v1.Category) that the embedded text detectors see in a text, each
    with its highest confidence (0..1).
    """
    with _loading:
        detectors = (_terms(), _classifier())
    found: dict[int, float] = {}
    for detector in detectors:
        for finding in detector.detect(text):
            found[finding.category] = max(found.get(finding.category, 0.0), finding.confidence)
    return found


def look(picture: Image.Image) -> Mapping[str, float]:
    """NudeNet's labels for a picture (any mode), each with its highest confidence (0..1)."""
    with _loading:
        detector = _nudenet()
    found: dict[str, float] = {}
    for finding in detector.detect(picture.convert("RGB")):
        found[finding.label] = max(found.get(finding.label, 0.0), finding.confidence)
    return found


def draw(prompt: str, *, negative_prompt: str = "", seed: int = 0, width: int = 512, height: int = 512) -> Image.Image:
    """The sketch renderer's picture (RGB). The seed is taken modulo 2^32."""
    painting = Painting(
        prompt=prompt,
        negative_prompt=negative_prompt,
        seed=seed % 2**32,
        width=width,
        height=height,
        steps=_STEPS,
    )
    painting.draw_until(_STEPS)
    return painting.image


def encode(picture: Image.Image, image_type: str) -> bytes:
    """The picture as a file: "PNG", "JPEG" or "WEBP"."""
    buffer = io.BytesIO()
    picture.save(buffer, image_type, **({"compress_level": 1} if image_type == "PNG" else {}))
    return buffer.getvalue()
