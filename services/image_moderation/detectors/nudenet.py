"""NudeNet (https://github.com/notAI-tech/NudeNet): finds exposed and covered parts of bodies.

The model is "320n", which its wheel carries.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped] # ships none
from PIL import Image

from safelight.common.v1 import category_pb2, finding_pb2
from services.image_moderation.parts import Part, divide

# The model's classes in the order of its output.
CLASSES = (
    "FEMALE_GENITALIA_COVERED",
    "FACE_FEMALE",
    "BUTTOCKS_EXPOSED",
    "FEMALE_BREAST_EXPOSED",
    "FEMALE_GENITALIA_EXPOSED",
    "MALE_BREAST_EXPOSED",
    "ANUS_EXPOSED",
    "FEET_EXPOSED",
    "BELLY_COVERED",
    "FEET_COVERED",
    "ARMPITS_COVERED",
    "ARMPITS_EXPOSED",
    "FACE_MALE",
    "BELLY_EXPOSED",
    "MALE_GENITALIA_EXPOSED",
    "ANUS_COVERED",
    "FEMALE_BREAST_COVERED",
    "BUTTOCKS_COVERED",
)

CATEGORIES: dict[str, category_pb2.Category.ValueType] = {
    "FEMALE_BREAST_EXPOSED": category_pb2.CATEGORY_NUDITY,
    "FEMALE_GENITALIA_EXPOSED": category_pb2.CATEGORY_NUDITY,
    "MALE_GENITALIA_EXPOSED": category_pb2.CATEGORY_NUDITY,
    "BUTTOCKS_EXPOSED": category_pb2.CATEGORY_NUDITY,
    "ANUS_EXPOSED": category_pb2.CATEGORY_NUDITY,
    "MALE_BREAST_EXPOSED": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "FEMALE_GENITALIA_COVERED": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "ANUS_COVERED": category_pb2.CATEGORY_NUDITY_PARTIAL,
    # These two fire on anybody in swimwear, and often on the clothed.
    "FEMALE_BREAST_COVERED": category_pb2.CATEGORY_SWIMWEAR_OR_UNDERWEAR,
    "BUTTOCKS_COVERED": category_pb2.CATEGORY_SWIMWEAR_OR_UNDERWEAR,
}

# Parts of a body that are no concern of moderation's.
NEVER_A_FINDING = frozenset(
    {
        "FACE_FEMALE",
        "FACE_MALE",
        "FEET_EXPOSED",
        "FEET_COVERED",
        "BELLY_EXPOSED",
        "BELLY_COVERED",
        "ARMPITS_EXPOSED",
        "ARMPITS_COVERED",
    }
)

INPUT_SIDE = 320
# The package's own figures: the least score of a candidate, the least of a result, and how much two may overlap.
_LEAST_CANDIDATE, _LEAST_SCORE, _MOST_OVERLAP = 0.2, 0.25, 0.45
# Larger pictures are first averaged down to this. The package samples, at any size, the four pixels next to each of the
# model's own; beyond twice the model's side it passes over the others, and a crafted picture shows the model something
# else than it shows people.
_SAMPLED_SIDE = 2 * INPUT_SIDE
# A picture that is longer than this many times its shorter side is also looked at in parts: the model's input is a
# square, and in it such a picture is a strip in which nothing can be made out.
_LONGEST_WHOLE = 2
# A part is as long as the picture is short, and never less than this fraction of the picture: that bounds their number,
# at an overlap of one half, to 31.
_SHORTEST_PART = 1 / 16

# Left, top, width and height, relative to the picture.
_Box = tuple[float, float, float, float]


class NudeNet:
    """The detector. Safe to use from several threads at a time."""

    name = "nudenet"

    def __init__(self, *, threads: int = 1) -> None:
        """Loads the model, which takes a few tenths of a second. `threads` work on one picture together."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A waiting thread must not burn a core that other calls could use.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        model = files("nudenet").joinpath("320n.onnx").read_bytes()
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.version = f"nudenet {version('nudenet')} / 320n"

    def detect(self, subject: Image.Image) -> list[finding_pb2.Finding]:
        """Findings in an RGB picture, by falling confidence; boxes in relative coordinates.

        A picture that is more than twice as long as it is short is looked at whole and in up to 31 parts.
        """
        seen = self.boxes(subject)
        parts = _parts(*subject.size)
        for part in parts:
            seen += [
                (label, score, _of_whole(box, part, subject.size))
                for label, score, box in self.boxes(subject.crop(part))
            ]
        findings = []
        for label, score, (left, top, width, height) in _surest(seen) if parts else seen:
            if label in NEVER_A_FINDING:
                continue
            findings.append(
                finding_pb2.Finding(
                    category=CATEGORIES[label],
                    label=label,
                    confidence=score,
                    detector=self.name,
                    bounding_box=finding_pb2.BoundingBox(left=left, top=top, width=width, height=height),
                )
            )
        return findings

    def boxes(self, picture: Image.Image) -> list[tuple[str, float, _Box]]:
        """Everything the model sees, of all 18 classes: label, score, and left, top, width and height relative to the
        picture's. The same as the package's own `NudeDetector.detect` up to 640 pixels a side.
        """
        raw = self._session.run(None, {self._input: _prepare(picture)})[0]
        # One row for each of the model's 2,100 candidates: centre x and y, width, height, then a score for each class.
        rows = np.asarray(raw, dtype=np.float32)[0].T
        best = rows[:, 4:].max(axis=1)
        rows = rows[best >= _LEAST_CANDIDATE]
        if not len(rows):
            return []
        classes, scores = rows[:, 4:].argmax(axis=1), rows[:, 4:].max(axis=1)
        # The model's input is the picture in the upper left of a square. What it answers becomes pixels of the picture.
        width, height = picture.size
        square = max(width, height)
        centres, sizes = rows[:, 0:2] * square / INPUT_SIDE, rows[:, 2:4] * square / INPUT_SIDE
        corners = np.clip(centres - sizes / 2, 0, (width, height))
        sizes = np.minimum(sizes, np.array((width, height)) - corners)
        kept = cv2.dnn.NMSBoxes(np.hstack([corners, sizes]).tolist(), scores.tolist(), _LEAST_SCORE, _MOST_OVERLAP)
        return [
            (
                CLASSES[int(classes[i])],
                float(scores[i]),
                (
                    float(corners[i, 0] / width),
                    float(corners[i, 1] / height),
                    float(sizes[i, 0] / width),
                    float(sizes[i, 1] / height),
                ),
            )
            for i in np.asarray(kept, dtype=np.intp).flatten()
        ]


def _parts(width: int, height: int) -> list[Part]:
    """The parts that a long picture is looked at in. None for any other."""
    return divide(width, height, longest_whole=_LONGEST_WHOLE, length=1, shortest=_SHORTEST_PART)


def _of_whole(box: _Box, part: Part, size: tuple[int, int]) -> _Box:
    """A box relative to a part of a picture, made relative to the whole picture."""
    (left, top, right, bottom), (width, height) = part, size
    x, y, across, down = box
    across_whole, down_whole = (right - left) / width, (bottom - top) / height
    return left / width + x * across_whole, top / height + y * down_whole, across * across_whole, down * down_whole


def _surest(seen: list[tuple[str, float, _Box]]) -> list[tuple[str, float, _Box]]:
    """By falling score, without those that overlap a surer one of the same label: parts see the same thing twice."""
    kept: list[tuple[str, float, _Box]] = []
    for label, score, box in sorted(seen, key=lambda one: -one[1]):
        if all(label != other or _overlap(box, surer) <= _MOST_OVERLAP for other, _, surer in kept):
            kept.append((label, score, box))
    return kept


def _overlap(a: _Box, b: _Box) -> float:
    """The area that two boxes share, as a fraction of the area that they cover together."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0
    return across * down / (a[2] * a[3] + b[2] * b[3] - across * down)


def _prepare(picture: Image.Image) -> npt.NDArray[np.float32]:
    """The model's input, of shape (1, 3, 320, 320): padded to a square on the right and below, scaled, 0 to 1.

    The channels are blue, green, red. That is what the package feeds to the model: it reads files as BGR and then swaps
    red and blue twice.
    """
    longest = max(picture.size)
    if longest > _SAMPLED_SIDE:
        ratio = _SAMPLED_SIDE / longest
        size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
        picture = picture.resize(size, Image.Resampling.BOX)
    pixels = np.asarray(picture)
    side = max(picture.size)
    square = cv2.copyMakeBorder(pixels, 0, side - picture.height, 0, side - picture.width, cv2.BORDER_CONSTANT)
    blob = cv2.dnn.blobFromImage(square, 1 / 255.0, (INPUT_SIDE, INPUT_SIDE), (0, 0, 0), swapRB=True, crop=False)
    return np.asarray(blob, dtype=np.float32)
