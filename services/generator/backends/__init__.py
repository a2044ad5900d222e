"""What makes the images: one file for each backend, and the port that they all implement."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from safelight.generator.v1 import generator_pb2 as pb


class Backend(Protocol):
    """Makes images from text."""

    @property
    def name(self) -> str:
        """Short name, as callers see it in `GenerationStarted.backend`."""

    @property
    def version(self) -> str:
        """Which version or model it is."""

    def generate(self, request: pb.GenerateImagesRequest) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        """Streams one `started`, a `progress` for each step of each image, an `image` for each, one `completed`.

        `request` is valid and complete (service.py fills in the defaults). Closing the generator stops the work.
        Raises Overloaded before the first of these when it has no room for the call, and Provider* errors where a
        provider is behind it.
        """
