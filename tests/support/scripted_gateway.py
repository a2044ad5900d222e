"""A gateway that plays scripts over real gRPC, for the tests of the client and of the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.gateway.v1 import gateway_pb2_grpc
from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common import errors

PIXELS = b"\x89PNG pixels"

RAN = detector_run_pb2.DetectorRun(
    detector="terms",
    version="1",
    status=detector_run_pb2.DETECTOR_RUN_STATUS_RAN,
    flagged=True,
    duration=Duration(nanos=2_000_000),
)
SKIPPED = detector_run_pb2.DetectorRun(
    detector="classifier",
    version="1",
    status=detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED,
    skip_reason=detector_run_pb2.DETECTOR_SKIP_REASON_ALREADY_FLAGGED,
)
NUDITY = finding_pb2.Finding(
    category=category_pb2.CATEGORY_NUDITY,
    label="BREAST_EXPOSED",
    confidence=0.75,
    threshold=0.5,
    flagged=True,
    detector="nudenet",
    bounding_box=finding_pb2.BoundingBox(left=0.25, top=0.5, width=0.125, height=0.125),
)

Script = Callable[[pb.GenerateImagesRequest, grpc.ServicerContext], Iterator[dict[str, Any]]]


def term(start: int, end: int) -> finding_pb2.Finding:
    """A finding in code points start to end of a text."""
    return finding_pb2.Finding(
        category=category_pb2.CATEGORY_INSULT,
        label="insult-7",
        confidence=0.9,
        threshold=0.5,
        flagged=True,
        detector="terms",
        text_span=finding_pb2.TextSpan(start=start, end=end),
        respellings=["leetspeak"],
    )


def completed(outcome: pb.Outcome.ValueType, **fields: Any) -> dict[str, Any]:
    """The terminal event."""
    stages = [
        pb.StageDuration(stage=pb.STAGE_TEXT_MODERATION, duration=Duration(nanos=250_000_000)),
        pb.StageDuration(stage=pb.STAGE_GENERATION, duration=Duration(seconds=1)),
        pb.StageDuration(stage=pb.STAGE_IMAGE_MODERATION, duration=Duration(nanos=250_000_000)),
    ]
    values: dict[str, Any] = {
        "outcome": outcome,
        "message": "that is all",
        "attempts": 1,
        "stage_durations": stages,
        "total_duration": Duration(seconds=2),
        "moderation_share": 0.25,
        "policy": "standard",
        "policy_version": "1",
        "decision_id": "d-1",
    }
    return {"completed": pb.Completed(**(values | fields))}


def image(index: int, disposition: pb.ImageDisposition.ValueType = pb.IMAGE_DISPOSITION_CLEARED) -> dict[str, Any]:
    """The final word on image `index`, made from seed 40 + index."""
    produced = pb.ImageProduced(image_index=index, disposition=disposition, seed=40 + index, attempt=1)
    if disposition != pb.IMAGE_DISPOSITION_WITHHELD:
        produced.image = PIXELS
        produced.media_type, produced.width, produced.height = "image/png", 512, 256
    if disposition != pb.IMAGE_DISPOSITION_CLEARED:
        produced.findings.append(NUDITY)
    return {"image_produced": produced}


def started(stage: pb.Stage.ValueType, attempt: int = 0) -> dict[str, Any]:
    """A stage begins."""
    return {"stage_started": pb.StageStarted(stage=stage, attempt=attempt)}


def delivers(request: pb.GenerateImagesRequest, context: grpc.ServicerContext) -> Iterator[dict[str, Any]]:
    """The usual story, with the images out of order and the first one blurred after a second attempt."""
    yield started(pb.STAGE_TEXT_MODERATION)
    runs = [RAN, SKIPPED]
    yield {"stage_finished": pb.StageFinished(stage=pb.STAGE_TEXT_MODERATION, detector_runs=runs, duration=Duration())}
    yield started(pb.STAGE_GENERATION, attempt=1)
    progress = pb.StageProgress(stage=pb.STAGE_GENERATION, attempt=1, step=3, total_steps=4)
    yield {"stage_progress": progress}
    yield {"stage_started": pb.StageStarted(stage=pb.STAGE_IMAGE_MODERATION, attempt=1, image_index=0)}
    verdict = pb.StageFinished(
        stage=pb.STAGE_IMAGE_MODERATION, attempt=1, image_index=0, flagged=True, findings=[NUDITY], duration=Duration()
    )
    yield {"stage_finished": verdict}
    yield {"stage_finished": pb.StageFinished(stage=pb.STAGE_GENERATION, attempt=1, backend="sketch")}
    warning = pb.Warning(
        stage=pb.STAGE_IMAGE_MODERATION,
        reason=pb.WARNING_REASON_IMAGE_BLURRED,
        message="image 0 was blurred",
        findings=[NUDITY],
        image_index=0,
        attempt=1,
    )
    yield {"warning": warning}
    yield image(1)
    yield image(0, pb.IMAGE_DISPOSITION_BLURRED)
    yield completed(pb.OUTCOME_DELIVERED_BLURRED, findings=[NUDITY])


def rejects(request: pb.GenerateImagesRequest, context: grpc.ServicerContext) -> Iterator[dict[str, Any]]:
    """The prompt is refused."""
    yield started(pb.STAGE_TEXT_MODERATION)
    yield {"stage_finished": pb.StageFinished(stage=pb.STAGE_TEXT_MODERATION, flagged=True, findings=[term(2, 6)])}
    yield completed(pb.OUTCOME_PROMPT_REJECTED, attempts=0)


def withholds(request: pb.GenerateImagesRequest, context: grpc.ServicerContext) -> Iterator[dict[str, Any]]:
    """The only image is withheld."""
    yield image(0, pb.IMAGE_DISPOSITION_WITHHELD)
    yield completed(pb.OUTCOME_WITHHELD)


def plans(request: pb.GenerateImagesRequest, context: grpc.ServicerContext) -> Iterator[dict[str, Any]]:
    """What a dry run says."""
    plan = pb.DryRunPlan(
        prompt_accepted=True, negative_prompt="gore", max_attempts=3, on_unsafe_image=pb.UNSAFE_IMAGE_ACTION_BLUR
    )
    yield completed(pb.OUTCOME_DRY_RUN_ACCEPTED, attempts=0, plan=plan)


class ScriptedGateway(
    gateway_pb2_grpc.GatewayServiceServicer,
    text_moderation_pb2_grpc.TextModerationServiceServicer,
    image_moderation_pb2_grpc.ImageModerationServiceServicer,
):
    """Plays `script` for a generation and flags whatever it is asked to moderate; `error` fails every call."""

    def __init__(self) -> None:
        self.script: Script = delivers
        self.error: errors.SafelightError | None = None
        self.flags = True
        self.term = ""
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.cancelled = threading.Event()
        """Set when the server has seen a generation end before the script did."""
        self.health = health.HealthServicer()
        self.target = ""

    def hangs(self, request: pb.GenerateImagesRequest, context: grpc.ServicerContext) -> Iterator[dict[str, Any]]:
        """A script that begins to generate, sends one image, and then waits until the caller leaves."""
        left = threading.Event()
        context.add_callback(left.set)
        yield started(pb.STAGE_GENERATION, attempt=1)
        yield image(0)
        left.wait(60)

    def _receive(self, request: Any, context: grpc.ServicerContext) -> None:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        request_id = self.metadata[-1].get("x-request-id", "")
        trailing: list[tuple[str, str | bytes]] = [("x-request-id", request_id)]
        if self.error is None:
            context.set_trailing_metadata(trailing)
            return
        status = errors.to_status(self.error).SerializeToString()
        context.set_trailing_metadata([*trailing, (errors.STATUS_DETAILS_KEY, status)])
        context.abort(self.error.code, self.error.message)

    def GenerateImages(self, request: Any, context: Any) -> Iterator[pb.GenerateImagesResponse]:
        finished = False

        def ended() -> None:
            if not finished:
                self.cancelled.set()

        context.add_callback(ended)
        self._receive(request, context)
        for number, event in enumerate(self.script(request, context), start=1):
            yield pb.GenerateImagesResponse(sequence=number, **event)
        finished = True

    def ListPolicies(self, request: Any, context: Any) -> pb.ListPoliciesResponse:
        self._receive(request, context)
        policy = pb.Policy(
            name="standard",
            version="1",
            description="For most uses.",
            on_unsafe_prompt=pb.UNSAFE_PROMPT_ACTION_REJECT,
            regenerations=[pb.REGENERATION_NEW_SEED, pb.REGENERATION_ADD_NEGATIVE_PROMPTS],
            on_unsafe_image=pb.UNSAFE_IMAGE_ACTION_BLUR,
            on_text_moderation_failure=pb.MODERATOR_FAILURE_ACTION_CLOSED,
        )
        return pb.ListPoliciesResponse(policies=[policy], default_policy="standard")

    def ModerateText(self, request: Any, context: Any) -> text_moderation_pb2.ModerateTextResponse:
        self._receive(request, context)
        findings = [term(2, 6)] if self.flags else []
        for finding in findings:
            finding.term = self.term
        return text_moderation_pb2.ModerateTextResponse(
            flagged=self.flags, findings=findings, detector_runs=[RAN, SKIPPED]
        )

    def ModerateImage(self, request: Any, context: Any) -> image_moderation_pb2.ModerateImageResponse:
        self._receive(request, context)
        response = image_moderation_pb2.ModerateImageResponse(
            flagged=self.flags, width=640, height=480, media_type="image/png", detector_runs=[RAN]
        )
        if self.flags:
            response.findings.append(NUDITY)
            if request.redaction:
                response.delivery_copy.CopyFrom(
                    image_moderation_pb2.DeliveryCopy(image=b"blurred", media_type="image/jpeg", redacted=True)
                )
        return response


@contextmanager
def serving(credentials: grpc.ServerCredentials | None = None) -> Iterator[ScriptedGateway]:
    """A scripted gateway on a free port of loopback, with health, for the length of a `with`."""
    gateway = ScriptedGateway()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    gateway_pb2_grpc.add_GatewayServiceServicer_to_server(gateway, server)
    text_moderation_pb2_grpc.add_TextModerationServiceServicer_to_server(gateway, server)
    image_moderation_pb2_grpc.add_ImageModerationServiceServicer_to_server(gateway, server)
    health_pb2_grpc.add_HealthServicer_to_server(gateway.health, server)
    gateway.health.set("", health_pb2.HealthCheckResponse.SERVING)
    address = "127.0.0.1:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    gateway.target = f"127.0.0.1:{port}"
    server.start()
    try:
        yield gateway
    finally:
        server.stop(None).wait()
