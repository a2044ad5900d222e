"""What makes the images: one file for each backend, and the port that they all implement."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from safelight.generator.v1 import generator_pb2 as pb


@dataclass(frozen=True)
class Defaults:
    """What a request gets where it leaves these unset, and the operator's settings do too."""

    width: int
    """In pixels, a multiple of 8."""
    height: int
    steps: int = 0
    """0: the model's own, which the backend does not know."""


class Backend(Protocol):
    """Makes images from text."""

    @property
    def name(self) -> str:
        """Short name, as callers see it in `GenerationStarted.backend`."""

    @property
    def version(self) -> str:
        """Which version or model it is."""

    @property
    def defaults(self) -> Defaults:
        """The size that its model makes best, and its steps."""

    def generate(self, request: pb.GenerateImagesRequest) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        """Streams one `started` first and one `completed` last.

        Between them come, for each image, `progress` for each step or every so often, and an `image` or `refused`; a
        `refused` without an index ends the images. A `notice` comes before the first image it is about, once for each
        thing that is not as it was asked for. `completed` has the calls that were made to a provider.

        `request` is valid and complete (service.py fills in the defaults; steps stay 0 and guidance_scale unset where
        the model's own are meant). Closing the generator stops the work, as far as a provider can be stopped. Raises
        before the first message: Overloaded when it has no room for the call, and InvalidArgument for what its model
        cannot make at all. Raises Provider*, DeadlineExceeded and ModelResponseInvalid where a provider is behind it.
        """

    async def close(self) -> None:
        """Waits, for a bounded time, for what is still to be cleaned up after calls that have ended."""
