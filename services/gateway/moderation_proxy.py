"""Text and image moderation at the gateway's own address: passed on as they are, so that clients need one target."""

from __future__ import annotations

from typing import Any

import grpc

from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common import telemetry
from services.gateway.upstreams import Upstreams, require_answer, stage_timeout, translate


class TextModerationProxy(text_moderation_pb2_grpc.TextModerationServiceServicer):
    """Forwards to text moderation."""

    def __init__(self, upstreams: Upstreams) -> None:
        """Uses the pipeline's own channels."""
        self._upstreams = upstreams

    async def ModerateText(
        self, request: text_moderation_pb2.ModerateTextRequest, context: Any
    ) -> text_moderation_pb2.ModerateTextResponse:
        """See the proto."""
        upstream = self._upstreams.text_moderation
        deadline = self._upstreams.deadline(context)
        try:
            response = await self._upstreams.text.ModerateText(
                request, timeout=stage_timeout(upstream, deadline), metadata=telemetry.outgoing_metadata()
            )
        except grpc.aio.AioRpcError as error:
            raise translate(error, upstream, deadline) from None
        require_answer(response, upstream)
        return response


class ImageModerationProxy(image_moderation_pb2_grpc.ImageModerationServiceServicer):
    """Forwards to image moderation."""

    def __init__(self, upstreams: Upstreams, *, max_image_bytes: int) -> None:
        """Uses the pipeline's own channels. Delivery copies have at most `max_image_bytes` unless a request says."""
        self._upstreams = upstreams
        self._max_image_bytes = max_image_bytes

    async def ModerateImage(
        self, request: image_moderation_pb2.ModerateImageRequest, context: Any
    ) -> image_moderation_pb2.ModerateImageResponse:
        """See the proto."""
        upstream = self._upstreams.image_moderation
        if request.max_delivery_bytes == 0:
            # What comes back must fit into the message that a client accepts by default.
            request.max_delivery_bytes = self._max_image_bytes
        deadline = self._upstreams.deadline(context)
        try:
            response = await self._upstreams.images.ModerateImage(
                request, timeout=stage_timeout(upstream, deadline), metadata=telemetry.outgoing_metadata()
            )
        except grpc.aio.AioRpcError as error:
            raise translate(error, upstream, deadline) from None
        require_answer(response, upstream)
        return response
