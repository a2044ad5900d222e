"""The generator's servicer: checks the request, fills in what it left unset, and passes on what the backend makes."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

from safelight.common.v1 import image_format_pb2
from safelight.generator.v1 import generator_pb2 as pb
from safelight.generator.v1 import generator_pb2_grpc
from services.common.validation import Violations
from services.generator.backends import Backend, Defaults
from services.generator.settings import Settings

# A negative prompt may be this much longer than a prompt: the gateway adds a policy's to the caller's.
NEGATIVE_PROMPT_FACTOR = 2
LEAST_SIDE = 64
SIDE_MULTIPLE = 8
MOST_GUIDANCE = 30.0


class GeneratorServicer(generator_pb2_grpc.GeneratorServiceServicer):
    """`safelight.generator.v1.GeneratorService`, whatever backend makes the images."""

    def __init__(self, backend: Backend, settings: Settings) -> None:
        """`settings` give the limits and the defaults of a request."""
        self._backend = backend
        self._settings = settings

    async def GenerateImages(
        self, request: pb.GenerateImagesRequest, context: Any
    ) -> AsyncIterator[pb.GenerateImagesResponse]:
        """Raises InvalidArgument with every field that is wrong; other errors are the backend's own."""
        validate(request, self._settings)
        complete = with_defaults(request, self._settings, self._backend.defaults)
        # Closed here, so that the backend stops at once when the caller has left.
        async with contextlib.aclosing(self._backend.generate(complete)) as responses:
            async for response in responses:
                yield response


def validate(request: pb.GenerateImagesRequest, settings: Settings) -> None:
    """Checks every field against the contract and the settings. Raises InvalidArgument with all that are wrong."""
    found = Violations()
    found.text("prompt", request.prompt, most=settings.max_characters, required=True)
    most_negative = NEGATIVE_PROMPT_FACTOR * settings.max_characters
    found.text("negative_prompt", request.negative_prompt, most=most_negative)
    # 0 is unset for these, and has a default.
    if request.width:
        found.number("width", request.width, least=LEAST_SIDE, most=settings.max_side, multiple_of=SIDE_MULTIPLE)
    if request.height:
        found.number("height", request.height, least=LEAST_SIDE, most=settings.max_side, multiple_of=SIDE_MULTIPLE)
    if request.steps:
        found.number("steps", request.steps, least=1, most=settings.max_steps)
    if request.HasField("guidance_scale"):
        found.number("guidance_scale", request.guidance_scale, least=0, most=MOST_GUIDANCE)
    if request.count:
        found.number("count", request.count, least=1, most=settings.max_count)
    found.enum("output_format", request.output_format, image_format_pb2.ImageFormat)
    found.raise_if_any()


def with_defaults(
    request: pb.GenerateImagesRequest, settings: Settings, defaults: Defaults
) -> pb.GenerateImagesRequest:
    """A copy of a valid request in which what is unset has the operator's default or the backend's.

    The seed is then random. Left unset are guidance_scale, and steps where the model's own are meant.
    """
    filled = pb.GenerateImagesRequest()
    filled.CopyFrom(request)
    filled.width = request.width or min(settings.default_side or defaults.width, settings.max_side)
    filled.height = request.height or min(settings.default_side or defaults.height, settings.max_side)
    filled.steps = request.steps or min(settings.default_steps or defaults.steps, settings.max_steps)
    filled.count = request.count or 1
    if not request.HasField("seed"):
        filled.seed = secrets.randbits(32)
    if request.output_format == image_format_pb2.IMAGE_FORMAT_UNSPECIFIED:
        filled.output_format = image_format_pb2.IMAGE_FORMAT_PNG
    return filled
