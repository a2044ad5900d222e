"""What else can be moderated than pixels: an object in S3; and whether pixels are those of a copy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Protocol, Self, runtime_checkable

from PIL import Image

from safelight.common.v1 import finding_pb2
from safelight.image_moderation.v1.image_moderation_pb2 import S3Object
from services.common.moderation import Detector, Moderation, Thresholds


@runtime_checkable
class S3Reader(Protocol):
    """A detector whose provider reads an image from S3 by itself."""

    def detect_object(self, subject: S3Object, thresholds: Thresholds) -> list[finding_pb2.Finding]:
        """As ThresholdAware.detect_above, of an object in S3."""
        ...


@dataclass(frozen=True)
class InS3:
    """The moderation of objects in S3, by those detectors that can read them."""

    moderation: Moderation[S3Object]
    readers: frozenset[str]
    """The names of the detectors that can."""
    buckets: frozenset[str]
    """The buckets that the operator allows."""

    @classmethod
    def of(
        cls, detectors: Sequence[Detector[Image.Image]], thresholds: Thresholds, buckets: Collection[str] = ()
    ) -> Self:
        """Of all the service's detectors: those that cannot read S3 are told as skipped."""
        moderation = Moderation([_Reading(one) for one in detectors], thresholds)
        return cls(moderation, frozenset(d.name for d in detectors if isinstance(d, S3Reader)), frozenset(buckets))


@dataclass(frozen=True)
class _Reading:
    """A detector, asked about objects in S3."""

    detector: Detector[Image.Image]

    @property
    def name(self) -> str:
        return self.detector.name

    @property
    def version(self) -> str:
        return self.detector.version

    def detect(self, subject: S3Object) -> list[finding_pb2.Finding]:
        return self.detect_above(subject, Thresholds(0, {}))

    def detect_above(self, subject: S3Object, thresholds: Thresholds) -> list[finding_pb2.Finding]:
        if not isinstance(self.detector, S3Reader):
            raise TypeError(f"{self.name} cannot read S3")
        return self.detector.detect_object(subject, thresholds)


_copy: ContextVar[Literal["", "lossy", "blurred"]] = ContextVar("safelight_image_copy", default="")


@contextmanager
def copies(*, blurred: bool = False) -> Iterator[None]:
    """Within, detectors look at copies of a picture that they have seen already: `blurred`, or encoded with loss."""
    token = _copy.set("blurred" if blurred else "lossy")
    try:
        yield
    finally:
        _copy.reset(token)


def is_copy() -> bool:
    """Whether the picture that is looked at is a copy: nothing is begun for it that was begun for the picture."""
    return bool(_copy.get())


def is_blurred() -> bool:
    """Whether it is blurred: there are no details in it to be looked for in parts."""
    return _copy.get() == "blurred"
