"""The TextModerationService: proto in, proto out. What to find is the detectors' business."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from safelight.text_moderation.v1 import text_moderation_pb2 as pb
from safelight.text_moderation.v1 import text_moderation_pb2_grpc as pb_grpc
from services.common import telemetry
from services.common.errors import NotReady
from services.common.executor import BoundedExecutor
from services.common.moderation import Moderation
from services.common.validation import Violations
from services.text_moderation.shadow import Shadow

log = telemetry.logger("text_moderation")


class TextModerationServicer(pb_grpc.TextModerationServiceServicer):
    """Answers ModerateText; see protos/safelight/text_moderation/v1/text_moderation.proto."""

    def __init__(
        self,
        moderation: Callable[[], Moderation[str] | None],
        executor: BoundedExecutor,
        *,
        max_characters: int,
        log_prompts: bool = False,
        shadow: Shadow | None = None,
    ) -> None:
        """`moderation()` is asked once for each text, and is None until the detectors are loaded."""
        self._moderation = moderation
        self._executor = executor
        self._max_characters = max_characters
        self._log_prompts = log_prompts
        self._shadow = shadow

    async def ModerateText(self, request: pb.ModerateTextRequest, context: Any) -> pb.ModerateTextResponse:
        """Raises InvalidArgument with every field that is wrong, Overloaded, NotReady."""
        moderation = self._moderation()
        if moderation is None:
            raise NotReady("text_moderation is still loading; try again shortly")
        self._validate(request, moderation)
        if self._log_prompts:
            log.debug("text", text=request.text)
        # One job for all detectors: together they take less than handing over between threads would.
        verdict = await self._executor.run(
            moderation.judge,
            request.text,
            thresholds=request.thresholds,
            only=frozenset(request.detectors),
            run_all=request.run_all_detectors,
        )
        if self._shadow is not None:
            self._shadow.follow(context, request, verdict)
        return pb.ModerateTextResponse(flagged=verdict.flagged, findings=verdict.findings, detector_runs=verdict.runs)

    def _validate(self, request: pb.ModerateTextRequest, moderation: Moderation[str]) -> None:
        violations = Violations()
        violations.text("text", request.text, most=self._max_characters, required=True)
        violations.thresholds("thresholds", request.thresholds)
        violations.names("detectors", request.detectors, moderation.names)
        violations.raise_if_any()
