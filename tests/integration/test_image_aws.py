"""Image moderation with Rekognition and Bedrock Guardrails behind it: boto3, real sockets, the stand-in for AWS."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from botocore.loaders import Loader
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image
from structlog.testing import capture_logs

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.image_moderation.v1 import image_moderation_pb2 as pb
from safelight.image_moderation.v1 import image_moderation_pb2_grpc as pb_grpc
from services.common.server import running
from services.common.telemetry import configure_logging
from services.image_moderation.app import build
from services.image_moderation.settings import Settings
from tests.support import images
from tests.support.aws import AwsStandIn, Gate, Guardrail, faults, moto_server
from tests.support.services import suite
from tests.support.streams import detail, status_of

REKOGNITION = {"detectors": ("rekognition",)}
GUARDRAIL = {"detectors": ("bedrock_guardrail",), "bedrock_guardrail_id": "guardrail1"}
DETECT, APPLY = "DetectModerationLabels", "ApplyGuardrail"
PREFIX = "SAFELIGHT_IMAGE_MODERATION_"
ADAPTER = "arn:aws:rekognition:eu-west-1:123456789012:project/mine/version/first/1700000000000"
FLOW = "arn:aws:sagemaker:eu-west-1:123456789012:flow-definition/people"
IMAGE_UNIT = "rekognition.detect_moderation_labels.image"
BUCKET = "pictures"

POSITIVE = images.encoded(images.positive())
CLEAN = images.encoded(images.clean())


@pytest.fixture(scope="module")
def shared() -> Iterator[AwsStandIn]:
    with moto_server() as s3_url, AwsStandIn(s3_url=s3_url) as stand_in:
        stand_in.bucket(BUCKET)
        yield stand_in


@pytest.fixture
def aws(shared: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsStandIn]:
    """The stand-in, with a guardrail, in the environment. Every request has to be valid."""
    for name, value in shared.environment().items():
        monkeypatch.setenv(name, value)
    # Not by its own method, which loads the text detectors.
    shared.guardrails.guardrails = {"guardrail1": Guardrail()}
    shared.rekognition.adapters = {ADAPTER: "TRAINING_COMPLETED"}
    shared.rekognition.content_types = []
    yield shared
    invalid = shared.invalid_requests
    shared.forget()
    assert invalid == []
    shared.raise_failures()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Every line, although the suite's level lets only errors through."""
    configure_logging("info", "json")
    with capture_logs() as lines:
        yield lines
    configure_logging("error", "json")


@dataclass
class Moderator:
    """A running service."""

    stub: Any
    health: Any
    address: str

    async def __call__(self, image: bytes = POSITIVE, timeout: float = 60, **fields: Any) -> pb.ModerateImageResponse:
        response = await self.stub.ModerateImage(pb.ModerateImageRequest(image=image, **fields), timeout=timeout)
        assert isinstance(response, pb.ModerateImageResponse)
        return response

    async def serving(self) -> None:
        """Returns once health says so."""
        async for response in self.health.Watch(health_pb2.HealthCheckRequest(), timeout=30):
            if response.status == health_pb2.HealthCheckResponse.SERVING:
                return

    async def status(self) -> str:
        response = await self.health.Check(health_pb2.HealthCheckRequest())
        return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)


@asynccontextmanager
async def moderator(wait_ready: bool = True, **settings: Any) -> AsyncIterator[Moderator]:
    service = build(Settings(**{"port": 0, "aws_max_attempts": 1, "aws_connect_timeout_s": 5, **settings}))
    options = [("grpc.max_receive_message_length", -1)]
    async with (
        running(service, wait_ready=wait_ready) as [started],
        grpc.aio.insecure_channel(started.address, options=options) as channel,
    ):
        yield Moderator(
            pb_grpc.ImageModerationServiceStub(channel), health_pb2_grpc.HealthStub(channel), started.address
        )


@dataclass(frozen=True)
class Ended:
    """How a call failed."""

    code: str
    reason: str
    named: str = ""
    """The setting or the fields that are named."""
    retry: bool = False


async def ended(call: Any) -> Ended:
    """Waits for a call, which must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    status = status_of(failed.value)
    info = detail(status, error_details_pb2.ErrorInfo)
    assert info.metadata.get("provider", "rekognition") in ("rekognition", "bedrock")
    named = info.metadata.get("setting", "") or info.metadata.get("fields", "")
    return Ended(failed.value.code().name, info.reason, named, detail(status, error_details_pb2.RetryInfo) is not None)


def asked(aws: AwsStandIn) -> list[dict[str, Any]]:
    """The parameters of each request to Rekognition."""
    return [dict(request.params) for request in aws.requests_of(DETECT)]


def labels(*found: tuple[str, str, float], **members: Any) -> dict[str, Any]:
    """An answer of Rekognition's: name, parent, confidence in percent."""
    return {
        "ModerationLabels": [
            {"Name": name, "ParentName": parent, "Confidence": confidence} for name, parent, confidence in found
        ],
        "ModerationModelVersion": "7.0",
        **members,
    }


def nothing_in_an_image() -> dict[str, Any]:
    """An answer of a guardrail's that looked at one image."""
    units = ("topic", "content", "word", "sensitiveInformation", "contextualGrounding")
    usage = {**dict.fromkeys((f"{unit}PolicyUnits" for unit in units), 0), "sensitiveInformationPolicyFreeUnits": 0}
    return {"action": "NONE", "outputs": [], "assessments": [], "usage": {**usage, "contentPolicyImageUnits": 1}}


# Rekognition.


async def test_a_picture_is_judged_by_rekognition(aws: AwsStandIn) -> None:
    """Labels with their parents are findings without a box; model, request id and the unit that is paid are told."""
    async with moderator(**REKOGNITION) as moderate:
        flagged, clean = await moderate(), await moderate(CLEAN)
    assert flagged.flagged
    assert {f.label for f in flagged.findings} >= {"Explicit", "Explicit Nudity"}
    assert {f.category for f in flagged.findings if f.flagged} >= {category_pb2.CATEGORY_NUDITY}
    assert all(f.detector == "rekognition" and not f.WhichOneof("location") for f in flagged.findings)
    assert all(0.5 <= f.confidence <= 1 for f in flagged.findings)
    assert not clean.flagged
    assert not clean.findings
    for response, request in zip((flagged, clean), aws.requests_of(DETECT), strict=True):
        [run] = response.detector_runs
        assert (run.detector, run.version) == ("rekognition", "DetectModerationLabels 7.0")
        assert run.status == detector_run_pb2.DETECTOR_RUN_STATUS_RAN
        [usage] = run.usage
        assert (usage.provider, usage.operation, usage.request_id) == ("rekognition", DETECT, request.request_id)
        assert (usage.unit, usage.quantity, usage.attempts) == (IMAGE_UNIT, 1, 1)
        assert 0 < usage.duration.ToNanoseconds() <= run.duration.ToNanoseconds()
    # The lowest of the service's own thresholds, and nothing else is asked for.
    assert [set(parameters) for parameters in asked(aws)] == [{"Image", "MinConfidence"}] * 2
    assert [parameters["MinConfidence"] for parameters in asked(aws)] == [50, 50]


async def test_the_thresholds_of_the_request_are_asked_for(aws: AwsStandIn) -> None:
    """In percent, the lowest; a category without any does not lower it."""
    nudity, weapon = category_pb2.CATEGORY_NUDITY, category_pb2.CATEGORY_WEAPON
    ignored = [
        finding_pb2.CategoryThreshold(category=category, ignored=True)
        for category in category_pb2.Category.values()
        if category
    ]
    async with moderator(**REKOGNITION, default_threshold=0.9) as moderate:
        await moderate()
        await moderate(thresholds=[finding_pb2.CategoryThreshold(category=nudity, threshold=0.3)])
        await moderate(thresholds=[finding_pb2.CategoryThreshold(category=weapon, ignored=True)])
        seen = await moderate(thresholds=[finding_pb2.CategoryThreshold(category=weapon)])
        unasked = await moderate(thresholds=ignored)
    assert [parameters.get("MinConfidence") for parameters in asked(aws)] == [90, 30, 90, 0, None]
    assert min(f.confidence for f in seen.findings) < 0.9
    assert unasked.findings
    assert not unasked.flagged


async def test_labels_of_every_version_and_unknown_ones_become_findings(aws: AwsStandIn) -> None:
    """Each label is a finding of its own; an unknown one is what its parent is, or a refusal, and never dropped."""
    answer = labels(
        ("Exposed Female Nipple", "Explicit Nudity", 99.5),
        ("Explicit Nudity", "Explicit", 99.5),
        ("Explicit", "", 99.5),
        ("Barechested Male", "Suggestive", 88),
        ("Female Swimwear Or Underwear", "Suggestive", 87),
        ("Trebuchets", "Weapons", 86),
        ("Sorcery", "The Occult", 85),
    )
    aws.answer(DETECT, answer)
    async with moderator(**REKOGNITION) as moderate:
        response = await moderate(CLEAN)
    found = {f.label: (category_pb2.Category.Name(f.category), round(f.confidence, 4)) for f in response.findings}
    assert found == {
        "Exposed Female Nipple": ("CATEGORY_NUDITY", 0.995),
        "Explicit Nudity": ("CATEGORY_NUDITY", 0.995),
        "Explicit": ("CATEGORY_SEXUAL_EXPLICIT", 0.995),
        "Barechested Male": ("CATEGORY_NUDITY_PARTIAL", 0.88),
        "Female Swimwear Or Underwear": ("CATEGORY_SWIMWEAR_OR_UNDERWEAR", 0.87),
        "Trebuchets": ("CATEGORY_WEAPON", 0.86),
        "Sorcery": ("CATEGORY_PROVIDER_REFUSAL", 0.85),
    }
    assert {f.label for f in response.findings if not f.flagged} == {"Barechested Male", "Female Swimwear Or Underwear"}


async def test_a_label_of_unknown_kind_alone_flags(aws: AwsStandIn) -> None:
    """What nobody knows is not clean."""
    aws.answer(DETECT, labels(("Sorcery", "", 60)))
    async with moderator(**REKOGNITION) as moderate:
        assert (await moderate(CLEAN)).flagged


@pytest.mark.parametrize(
    "label",
    [
        {"Confidence": 99.0},
        {"Name": "", "Confidence": 99.0},
        {"Name": "Explicit"},
    ],
)
async def test_a_label_without_sense_is_an_error(aws: AwsStandIn, label: dict[str, Any]) -> None:
    """A name and a confidence are needed."""
    aws.answer(DETECT, {"ModerationLabels": [label]})
    async with moderator(**REKOGNITION) as moderate:
        assert await ended(moderate()) == Ended("INTERNAL", "MODEL_RESPONSE_INVALID")


async def test_content_types_are_remarks(aws: AwsStandIn) -> None:
    """They describe the picture, and are no findings."""
    aws.rekognition.content_types = [
        {"Name": "Animated", "Confidence": 98.2},
        {"Name": "Illustrated", "Confidence": 97.0},
    ]
    async with moderator(**REKOGNITION) as moderate:
        response = await moderate(CLEAN)
    [run] = response.detector_runs
    assert list(run.remarks) == ["content type: Animated 0.98", "content type: Illustrated 0.97"]
    assert not response.findings


@pytest.mark.parametrize(
    ("picture", "image_type", "calls", "kind", "size"),
    [
        (images.positive(), "PNG", 1, "PNG", (512, 512)),
        (images.positive(), "JPEG", 1, "PNG", (512, 512)),
        (images.positive(), "WEBP", 1, "PNG", (512, 512)),
        (images.clean((40, 64)), "PNG", 1, "PNG", (80, 128)),
        (images.noise((1500, 1300)), "PNG", 1, "JPEG", (1500, 1300)),
        (images.clean((10_400, 2600)), "JPEG", 1, "JPEG", (10_000, 2500)),
        (images.clean((1200, 60)), "PNG", 16, "PNG", (1600, 80)),
        (images.clean((32, 11_000)), "PNG", 16, "PNG", (80, 10_000)),
    ],
    ids=["png", "jpeg", "webp", "tiny", "heavy", "huge", "long", "long and thin"],
)
async def test_what_rekognition_does_not_take_is_made_fit(
    aws: AwsStandIn, picture: Image.Image, image_type: str, calls: int, kind: str, size: tuple[int, int]
) -> None:
    """Formats, bytes and sides; the answer is about the picture as it was sent to us."""
    if max(picture.size) > 1000:
        # NudeNet, which the stand-in asks, would take seconds for these.
        aws.answer(DETECT, labels())
    async with moderator(**REKOGNITION, max_side=16_000) as moderate:
        response = await moderate(images.encoded(picture, image_type))
    assert (response.width, response.height) == picture.size
    sent = [parameters["Image"]["Bytes"] for parameters in asked(aws)]
    assert len(sent) == len(response.detector_runs[0].usage) == calls
    assert max(len(data) for data in sent) <= 5_242_880
    pictures = [images.opened(data) for data in sent]
    assert {each.format for each in pictures} <= {"PNG", "JPEG"}
    assert all(80 <= side <= 10_000 for each in pictures for side in each.size)
    assert (pictures[0].format, pictures[0].size) == (kind, size)


async def test_what_a_part_of_a_long_picture_shows_is_found_once(aws: AwsStandIn) -> None:
    """Each label once, with the confidence of the surest part, where the whole shows nothing."""
    strip = images.clean((2000, 400))
    strip.paste(images.positive(size=(400, 400)), (1000, 0))

    surest: dict[str, float] = {}

    def judge(parameters: dict[str, Any]) -> dict[str, Any]:
        picture = images.opened(parameters["Image"]["Bytes"])
        if picture.size == strip.size:
            # A model that makes nothing out in a strip.
            return labels()
        answer = aws.rekognition.detect_moderation_labels(parameters)
        # The parts are seen one after the other; each sees less than the one before.
        sure = 99.0 - 10 * len(aws.requests_of(DETECT))
        for label in answer["ModerationLabels"]:
            label["Confidence"] = sure
            surest.setdefault(label["Name"], sure)
        return answer

    aws.answer(DETECT, judge)
    async with moderator(**REKOGNITION) as moderate:
        response = await moderate(images.encoded(strip))
    assert response.flagged
    assert len(aws.requests_of(DETECT)) == 5
    names = [f.label for f in response.findings]
    assert "Explicit Nudity" in names
    assert len(names) == len(set(names))
    assert {f.label: round(100 * f.confidence) for f in response.findings} == surest


async def test_the_surest_look_at_a_long_picture_decides(aws: AwsStandIn) -> None:
    """A part that is surer than the whole flags what the whole would not; the review is still that of the whole."""
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:human-loop/whole"

    def judge(parameters: dict[str, Any]) -> dict[str, Any]:
        # The whole first, and each part surer than what came before: 59 to 95 percent.
        sure = 50.0 + 9 * len(aws.requests_of(DETECT))
        begun = {"HumanLoopActivationOutput": {"HumanLoopArn": arn}} if "HumanLoopConfig" in parameters else {}
        return labels(("Explicit Nudity", "Explicit", sure), **begun)

    aws.answer(DETECT, judge)
    async with moderator(**REKOGNITION, rekognition_flow_definition_arn=FLOW, default_threshold=0.9) as moderate:
        response = await moderate(images.encoded(images.clean((500, 100))))
    assert len(aws.requests_of(DETECT)) == 5
    [finding] = response.findings
    assert finding.flagged
    assert finding.confidence == pytest.approx(0.95)
    assert finding.human_review_arn == arn


async def test_people_review_a_picture_once_and_findings_say_where(aws: AwsStandIn) -> None:
    """The flow definition is named, the loop's name is new each time, and no copy of the picture is reviewed."""
    settings = {"rekognition_flow_definition_arn": FLOW, "rekognition_content_classifiers": "FreeOfAdultContent"}
    async with moderator(**REKOGNITION, **settings) as moderate:
        response = await moderate(redaction=pb.REDACTION_BLUR_IMAGE)
        again = await moderate(CLEAN)
    assert response.delivery_copy.redacted
    loops = [parameters.get("HumanLoopConfig") for parameters in asked(aws)]
    assert [loop is not None for loop in loops] == [True, *[False] * (len(loops) - 2), True]
    assert len(loops) > 2
    assert loops[0]["FlowDefinitionArn"] == FLOW
    assert loops[0]["DataAttributes"] == {"ContentClassifiers": ["FreeOfAdultContent"]}
    assert loops[0]["HumanLoopName"] != loops[-1]["HumanLoopName"]
    [arn] = {f.human_review_arn for f in response.findings}
    assert arn.endswith(f":human-loop/{loops[0]['HumanLoopName']}")
    assert not again.detector_runs[0].remarks


async def test_a_review_of_a_picture_without_findings_is_a_remark(aws: AwsStandIn) -> None:
    """A flow may take samples of what is clean."""
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:human-loop/sample"
    aws.answer(DETECT, labels(HumanLoopActivationOutput={"HumanLoopArn": arn}))
    async with moderator(**REKOGNITION, rekognition_flow_definition_arn=FLOW) as moderate:
        response = await moderate(CLEAN)
    assert list(response.detector_runs[0].remarks) == [f"human review: {arn}"]


async def test_an_adapter_is_used_and_named(aws: AwsStandIn) -> None:
    """In the request, and in the version of the run."""
    async with moderator(**REKOGNITION, rekognition_project_version=ADAPTER) as moderate:
        response = await moderate()
    [run] = response.detector_runs
    assert run.version == "DetectModerationLabels 7.0 with mine/version/first/1700000000000"
    assert [parameters["ProjectVersion"] for parameters in asked(aws)] == [ADAPTER]
    # Looking at it is not billed and does not show.
    assert len(run.usage) == 1
    assert aws.requests_of("DescribeProjectVersions")


async def test_an_answer_without_the_adapter_is_none(aws: AwsStandIn) -> None:
    """Rekognition answers by its base model once the adapter has expired: that is not what was asked for."""
    async with moderator(**REKOGNITION, rekognition_project_version=ADAPTER) as moderate:
        aws.rekognition.adapters[ADAPTER] = "EXPIRED"
        assert await ended(moderate(CLEAN)) == rejected("REKOGNITION_PROJECT_VERSION")


# Copies.


async def test_every_call_that_a_redaction_takes_is_told(aws: AwsStandIn) -> None:
    """The blurred copy is judged too, and billed."""
    async with moderator(**REKOGNITION) as moderate:
        response = await moderate(redaction=pb.REDACTION_BLUR_REGIONS)
    assert response.flagged
    assert response.delivery_copy.redacted
    [run] = response.detector_runs
    assert [usage.request_id for usage in run.usage] == [request.request_id for request in aws.requests_of(DETECT)]
    assert len(run.usage) >= 2
    assert run.duration.ToNanoseconds() >= sum(usage.duration.ToNanoseconds() for usage in run.usage)


async def test_a_blur_ends_where_only_what_is_ignored_is_seen(aws: AwsStandIn) -> None:
    """A provider may see swimwear in any blur, which is never flagged: nothing is gained by a plainer picture."""
    swimwear = {"Name": "Swimwear or Underwear", "ParentName": "", "Confidence": 75.0, "TaxonomyLevel": 1}
    nudity = {"Name": "Explicit Nudity", "ParentName": "Explicit", "Confidence": 87.5, "TaxonomyLevel": 2}
    for labels, times in (([nudity, swimwear], 1), ([swimwear], None)):
        aws.answer(DETECT, {"ModerationLabels": labels, "ModerationModelVersion": "7.0"}, times=times)
    async with moderator(**REKOGNITION) as moderate:
        response = await moderate(redaction=pb.REDACTION_BLUR_IMAGE)
    assert response.delivery_copy.redacted
    assert len(aws.requests_of(DETECT)) == 2
    assert any(low < high for low, high in images.opened(response.delivery_copy.image).getextrema())


async def test_a_long_picture_is_looked_at_in_parts_and_its_blur_as_a_whole(aws: AwsStandIn) -> None:
    """Each look is billed, and there is nothing small in a blur."""
    label = {"Name": "Explicit Nudity", "ParentName": "Explicit", "Confidence": 87.5, "TaxonomyLevel": 2}
    aws.answer(DETECT, {"ModerationLabels": [label], "ModerationModelVersion": "7.0"}, times=1)
    aws.answer(DETECT, {"ModerationLabels": [], "ModerationModelVersion": "7.0"})
    async with moderator(**REKOGNITION) as moderate:
        response = await moderate(images.encoded(images.clean((1200, 100))), redaction=pb.REDACTION_BLUR_IMAGE)
        seen = len(aws.requests_of(DETECT))
        await moderate(images.encoded(images.clean((1200, 100))))
    assert response.flagged
    assert seen == 1 + len(aws.requests_of(DETECT)) - seen


async def test_a_detector_that_only_saw_copies_tells_its_calls(aws: AwsStandIn) -> None:
    """NudeNet flags the picture, Rekognition is skipped; but the copy has to pass both."""
    async with moderator(detectors=("nudenet", "rekognition")) as moderate:
        response = await moderate(redaction=pb.REDACTION_BLUR_IMAGE)
    embedded, cloud = response.detector_runs
    assert cloud.status == detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED
    assert not cloud.HasField("duration")
    assert [usage.request_id for usage in cloud.usage] == [each.request_id for each in aws.requests_of(DETECT)]
    assert cloud.usage
    assert not embedded.usage


async def test_a_copy_with_loss_is_judged_and_told(aws: AwsStandIn) -> None:
    """A smaller copy is another picture."""
    async with moderator(**REKOGNITION) as moderate:
        response = await moderate(
            images.encoded(images.noise((300, 300))), prepare_delivery=True, max_delivery_bytes=40_000
        )
    assert response.delivery_copy.reencoded_to_fit
    assert len(response.detector_runs[0].usage) == len(aws.requests_of(DETECT)) == 2


@pytest.mark.parametrize("settings", [REKOGNITION, GUARDRAIL], ids=["rekognition", "guardrail"])
async def test_a_provider_that_fails_at_the_copy_lets_nothing_pass(aws: AwsStandIn, settings: dict[str, Any]) -> None:
    """The picture was judged, its blurred copy could not be: there is no answer."""
    aws.misbehave(DETECT, faults.HtmlError(503), after=1)
    aws.misbehave(APPLY, faults.HtmlError(503), after=1)
    async with moderator(**settings) as moderate:
        failed = await ended(moderate(redaction=pb.REDACTION_BLUR_IMAGE))
    assert failed == Ended("UNAVAILABLE", "PROVIDER_UNAVAILABLE", retry=True)


# S3.


def put(aws: AwsStandIn, key: str, data: bytes) -> pb.S3Object:
    aws.s3().put_object(Bucket=BUCKET, Key=key, Body=data)
    return pb.S3Object(bucket=BUCKET, key=key)


async def test_an_image_in_s3_is_judged_where_it_lies(aws: AwsStandIn) -> None:
    """Rekognition reads it; the service sees no pixels, and says so by leaving size and type unset."""
    place = put(aws, "a folder/positive.png", POSITIVE)
    async with moderator(**REKOGNITION, s3_buckets=BUCKET) as moderate:
        response = await moderate(b"", s3_object=place)
        clean = await moderate(b"", s3_object=put(aws, "clean.jpg", images.encoded(images.clean(), "JPEG")))
        await moderate(b"", s3_object=pb.S3Object(bucket=BUCKET, key=place.key, version="3"))
    assert response.flagged
    assert not clean.flagged
    assert (response.width, response.height, response.media_type) == (0, 0, "")
    assert not response.HasField("delivery_copy")
    [run] = response.detector_runs
    assert (run.status, [(usage.unit, usage.quantity) for usage in run.usage]) == (
        detector_run_pb2.DETECTOR_RUN_STATUS_RAN,
        [(IMAGE_UNIT, 1)],
    )
    places = [parameters["Image"] for parameters in asked(aws)]
    assert places[0] == {"S3Object": {"Bucket": BUCKET, "Name": place.key}}
    assert places[2] == {"S3Object": {"Bucket": BUCKET, "Name": place.key, "Version": "3"}}


async def test_a_detector_that_cannot_read_s3_is_skipped_where_another_is_named(aws: AwsStandIn) -> None:
    """Named, Rekognition judges alone; both runs are told."""
    place = put(aws, "positive.png", POSITIVE)
    async with moderator(detectors=("nudenet", "rekognition"), s3_buckets=BUCKET) as moderate:
        response = await moderate(b"", s3_object=place, detectors=["rekognition"])
        unnamed = await ended(moderate(b"", s3_object=place))
        named = await ended(moderate(b"", s3_object=place, detectors=["rekognition", "nudenet"]))
    assert response.flagged
    assert [(run.detector, run.skip_reason) for run in response.detector_runs] == [
        ("nudenet", detector_run_pb2.DETECTOR_SKIP_REASON_NOT_REQUESTED),
        ("rekognition", detector_run_pb2.DETECTOR_SKIP_REASON_UNSPECIFIED),
    ]
    assert unnamed == Ended("INVALID_ARGUMENT", "FIELD_INVALID", "detectors")
    assert named == Ended("INVALID_ARGUMENT", "FIELD_INVALID", "detectors[1]")


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("nothing.png", None),
        ("webp.png", images.encoded(images.positive(), "WEBP")),
        ("tiny.png", images.encoded(images.clean((40, 40)))),
    ],
    ids=["missing", "webp", "tiny"],
)
async def test_an_object_that_rekognition_cannot_take_is_the_callers_fault(
    aws: AwsStandIn, key: str, data: bytes | None
) -> None:
    """The field is named; the service's settings are in order."""
    place = put(aws, key, data) if data else pb.S3Object(bucket=BUCKET, key=key)
    async with moderator(**REKOGNITION, s3_buckets=BUCKET) as moderate:
        failed = await ended(moderate(b"", s3_object=place))
    assert failed == Ended("INVALID_ARGUMENT", "FIELD_INVALID", "s3_object")


@pytest.mark.parametrize(
    ("request_fields", "buckets", "named"),
    [
        ({"s3_object": {"bucket": BUCKET, "key": "a"}}, "", "s3_object.bucket"),
        ({"s3_object": {"bucket": "other", "key": "a"}}, BUCKET, "s3_object.bucket"),
        ({"s3_object": {}}, BUCKET, "s3_object.bucket,s3_object.key"),
        ({"s3_object": {"bucket": BUCKET, "key": "ä" * 513}}, BUCKET, "s3_object.key"),
        ({"image": CLEAN, "s3_object": {"bucket": BUCKET, "key": "a"}}, BUCKET, "s3_object"),
        (
            {
                "s3_object": {"bucket": BUCKET, "key": "a", "version": "v" * 1025},
                "media_type": "image/png",
                "redaction": pb.REDACTION_BLUR_IMAGE,
                "prepare_delivery": True,
                "thresholds": [{"category": 0}],
                "detectors": ["rekognition", "clairvoyance"],
            },
            BUCKET,
            "thresholds[0].category,detectors[1],s3_object.version,media_type,redaction,prepare_delivery",
        ),
        ({"image": b""}, BUCKET, "image"),
    ],
)
async def test_all_that_is_wrong_with_a_request_for_s3_is_said_at_once(
    aws: AwsStandIn, request_fields: dict[str, Any], buckets: str, named: str
) -> None:
    """Before anything is asked of anybody, and without telling which buckets are allowed."""
    async with moderator(**REKOGNITION, s3_buckets=buckets) as moderate:
        failed = await ended(moderate(**{"image": b"", **request_fields}))
    assert failed == Ended("INVALID_ARGUMENT", "FIELD_INVALID", named)
    assert aws.requests_of(DETECT) == []


async def test_the_gateway_passes_a_request_for_s3_on(aws: AwsStandIn) -> None:
    """The size that it asks of delivery copies is no hindrance."""
    place = put(aws, "positive.png", POSITIVE)
    async with (
        moderator(**REKOGNITION, s3_buckets=BUCKET) as moderate,
        suite(targets={"image_moderation_target": moderate.address}) as gateway,
    ):
        stub = pb_grpc.ImageModerationServiceStub(gateway.channel)
        response = await stub.ModerateImage(pb.ModerateImageRequest(s3_object=place))
    assert response.flagged
    assert response.detector_runs[0].usage


# Guardrails.


async def test_a_picture_is_judged_by_a_guardrail(aws: AwsStandIn) -> None:
    """Its content filters for images; what is paid is the image."""
    async with moderator(**GUARDRAIL, bedrock_guardrail_version="1") as moderate:
        flagged, clean = await moderate(), await moderate(CLEAN)
    [finding] = flagged.findings
    assert (finding.category, finding.label, finding.detector) == (
        category_pb2.CATEGORY_SEXUAL,
        "SEXUAL",
        "bedrock_guardrail",
    )
    assert finding.flagged
    assert finding.confidence == pytest.approx(0.75)
    assert not clean.flagged
    assert not clean.findings
    [run] = flagged.detector_runs
    assert run.version == "guardrail1 version 1"
    [usage] = run.usage
    first = aws.requests_of(APPLY)[0]
    assert (usage.provider, usage.operation, usage.request_id) == ("bedrock", APPLY, first.request_id)
    assert (usage.unit, usage.quantity) == ("bedrock.apply_guardrail.image.content_policy", 1)
    [block] = first.params["content"]
    assert block["image"]["format"] == "png"
    assert first.params["source"] == "OUTPUT"
    # Without it, what the guardrail only detects may be left out of the answer.
    assert first.params["outputScope"] == "FULL"


async def test_detect_mode_finds_the_same(aws: AwsStandIn) -> None:
    """A guardrail that does not intervene still says what it saw."""
    aws.guardrails.guardrails["guardrail1"] = Guardrail(detect_only=True)
    async with moderator(**GUARDRAIL) as moderate:
        response = await moderate()
    assert response.flagged
    assert [f.label for f in response.findings] == ["SEXUAL"]


async def test_the_strength_of_the_filter_is_the_guardrails_own_threshold(aws: AwsStandIn) -> None:
    """What stays below it is not reported."""
    aws.guardrails.guardrails["guardrail1"] = Guardrail(strengths={"SEXUAL": "LOW"})
    async with moderator(**GUARDRAIL) as moderate:
        assert not (await moderate()).findings


async def test_an_intervention_without_a_reason_flags(aws: AwsStandIn) -> None:
    """Whatever it was."""

    def refuse(parameters: dict[str, Any]) -> dict[str, Any]:
        answer = aws.guardrails.apply_guardrail(parameters)
        return {**answer, "action": "GUARDRAIL_INTERVENED"}

    aws.answer(APPLY, refuse)
    async with moderator(**GUARDRAIL) as moderate:
        response = await moderate(CLEAN)
    assert response.flagged
    assert [f.category for f in response.findings] == [category_pb2.CATEGORY_PROVIDER_REFUSAL]


async def test_the_surest_look_of_a_guardrail_at_a_long_picture_decides(aws: AwsStandIn) -> None:
    """Low for the whole, high for one part, low again: one finding, with the confidence of that part."""

    def judge(parameters: dict[str, Any]) -> dict[str, Any]:
        word = "HIGH" if len(aws.requests_of(APPLY)) == 3 else "LOW"
        seen = {"type": "VIOLENCE", "confidence": word, "action": "NONE", "detected": True}
        return {**nothing_in_an_image(), "assessments": [{"contentPolicy": {"filters": [seen]}}]}

    aws.answer(APPLY, judge)
    async with moderator(**GUARDRAIL) as moderate:
        response = await moderate(images.encoded(images.clean((500, 100))))
    assert len(aws.requests_of(APPLY)) == 5
    [finding] = response.findings
    assert (finding.label, finding.category) == ("VIOLENCE", category_pb2.CATEGORY_VIOLENCE)
    assert finding.confidence == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("picture", "image_type", "calls", "kind", "size"),
    [
        (images.clean((64, 40)), "WEBP", 1, "png", (64, 40)),
        (images.noise((1500, 1300)), "PNG", 1, "jpeg", (1500, 1300)),
        (images.clean((8400, 2100)), "JPEG", 1, "jpeg", (8000, 2000)),
        (images.clean((1200, 60)), "PNG", 16, "png", (1200, 60)),
    ],
    ids=["tiny webp", "heavy", "huge", "long"],
)
async def test_what_a_guardrail_does_not_take_is_made_fit(
    aws: AwsStandIn, picture: Image.Image, image_type: str, calls: int, kind: str, size: tuple[int, int]
) -> None:
    """By its own limits."""
    if max(picture.size) > 1000:
        # NudeNet, which the stand-in asks, would take seconds for these.
        aws.answer(APPLY, nothing_in_an_image())
    async with moderator(**GUARDRAIL) as moderate:
        response = await moderate(images.encoded(picture, image_type))
    blocks = [request.params["content"][0]["image"] for request in aws.requests_of(APPLY)]
    assert len(blocks) == len(response.detector_runs[0].usage) == calls
    assert max(len(block["source"]["bytes"]) for block in blocks) <= 4_000_000
    whole = images.opened(blocks[0]["source"]["bytes"])
    assert (blocks[0]["format"], whole.size) == (kind, size)


async def test_a_guardrail_that_does_not_look_at_images_passes_none(aws: AwsStandIn, logged: list[Any]) -> None:
    """It answers that nothing was found: it looked at nothing. The service does not serve until one looks."""
    aws.guardrails.guardrails["guardrail1"] = Guardrail(image_filters=())
    async with moderator(wait_ready=False, **GUARDRAIL, aws_check_interval_s=1) as moderate:
        await until_unusable(logged)
        assert await moderate.status() == "NOT_SERVING"
        assert await ended(moderate(CLEAN)) == rejected("BEDROCK_GUARDRAIL_ID")
        aws.guardrails.guardrails["guardrail1"] = Guardrail()
        await moderate.serving()
        assert not (await moderate(CLEAN)).flagged


# Faults.


def rejected(setting: str) -> Ended:
    return Ended("FAILED_PRECONDITION", "PROVIDER_REJECTED", PREFIX + setting)


THROTTLED = Ended("RESOURCE_EXHAUSTED", "PROVIDER_THROTTLED", retry=True)
UNAVAILABLE = Ended("UNAVAILABLE", "PROVIDER_UNAVAILABLE", retry=True)
NONSENSE = Ended("INTERNAL", "MODEL_RESPONSE_INVALID")
CREDENTIALS = Ended("FAILED_PRECONDITION", "PROVIDER_REJECTED", "AWS credentials")
INVALID = Ended("INVALID_ARGUMENT", "FIELD_INVALID", "image")

# What each error of the operation's own model comes to.
MODELED = {
    DETECT: {
        "AccessDeniedException": CREDENTIALS,
        "HumanLoopQuotaExceededException": THROTTLED,
        "ImageTooLargeException": INVALID,
        "InternalServerError": UNAVAILABLE,
        "InvalidImageFormatException": INVALID,
        "InvalidParameterException": rejected("REKOGNITION_PROJECT_VERSION"),
        "InvalidS3ObjectException": INVALID,
        "ProvisionedThroughputExceededException": THROTTLED,
        "ResourceNotFoundException": rejected("REKOGNITION_PROJECT_VERSION"),
        "ResourceNotReadyException": rejected("REKOGNITION_PROJECT_VERSION"),
        "ThrottlingException": THROTTLED,
    },
    APPLY: {
        "AccessDeniedException": CREDENTIALS,
        "InternalServerException": UNAVAILABLE,
        "ResourceNotFoundException": rejected("BEDROCK_GUARDRAIL_ID"),
        "ServiceQuotaExceededException": THROTTLED,
        "ServiceUnavailableException": UNAVAILABLE,
        "ThrottlingException": THROTTLED,
        "ValidationException": rejected("BEDROCK_GUARDRAIL_ID"),
    },
}
COMMON: list[tuple[Any, Ended]] = [
    (faults.Error("ExpiredTokenException"), CREDENTIALS),
    (faults.Error("UnrecognizedClientException"), CREDENTIALS),
    (faults.HtmlError(500), UNAVAILABLE),
    (faults.HtmlError(503), UNAVAILABLE),
    (faults.HtmlError(429), THROTTLED),
    (faults.Reset(), UNAVAILABLE),
    (faults.HalfBody(), UNAVAILABLE),
    (faults.Garbage(), NONSENSE),
    (faults.WrongShape(), NONSENSE),
    (faults.EmptyBody(), NONSENSE),
]
WITH_FAULTS = {DETECT: {**REKOGNITION, "rekognition_project_version": ADAPTER}, APPLY: GUARDRAIL}


@pytest.mark.parametrize("operation", [DETECT, APPLY])
async def test_every_fault_has_its_status_and_lets_nothing_pass(aws: AwsStandIn, operation: str) -> None:
    """Each error of the model, those of any service, and answers that are none. The next call is served."""
    service = {DETECT: "rekognition", APPLY: "bedrock-runtime"}[operation]
    model = Loader().load_service_model(service, "service-2")
    modeled = MODELED[operation]
    assert {error["shape"] for error in model["operations"][operation]["errors"]} == set(modeled)
    planned = [(faults.Error(code), expected) for code, expected in modeled.items()] + COMMON
    async with moderator(**WITH_FAULTS[operation]) as moderate:
        for fault, expected in planned:
            aws.misbehave(operation, fault, times=1)
            assert (fault, await ended(moderate(CLEAN))) == (fault, expected)
        assert not (await moderate(CLEAN)).flagged
        assert (await moderate()).flagged
    assert len(aws.requests_of(operation)) == len(planned) + 2


@pytest.mark.parametrize("operation", [DETECT, APPLY])
async def test_a_provider_that_is_silent_ends_with_the_deadline(aws: AwsStandIn, operation: str) -> None:
    """Slow past the deadline or never to answer: the caller's time is over, and the next call is served."""
    slow = Gate()
    async with moderator(**WITH_FAULTS[operation]) as moderate:
        for fault in (faults.Hang(), faults.Slow(slow)):
            aws.misbehave(operation, fault, times=1)
            with pytest.raises(grpc.aio.AioRpcError) as late:
                await moderate(timeout=0.6)
            assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        slow.open()
        assert (await moderate()).flagged


async def test_what_may_help_is_tried_again_and_told(aws: AwsStandIn) -> None:
    """A throttled attempt is repeated within the call; both attempts are told, and one picture is paid."""
    aws.misbehave(DETECT, faults.Error("ThrottlingException"), times=1)
    async with moderator(**REKOGNITION, aws_max_attempts=2) as moderate:
        response = await moderate()
    assert [usage.attempts for usage in response.detector_runs[0].usage] == [2]
    assert [usage.quantity for usage in response.detector_runs[0].usage] == [1]


# Not serving.


async def until_unusable(logged: list[Any]) -> None:
    """Returns once that is logged: a service is not serving before it has looked, either."""
    async with asyncio.timeout(30):
        while not any(line["event"] == "provider.not_usable" for line in logged):  # noqa: ASYNC110 # a line is no event
            await asyncio.sleep(0.01)


def mended_adapter(aws: AwsStandIn) -> None:
    aws.rekognition.adapters[ADAPTER] = "TRAINING_COMPLETED"


def mended_guardrail(aws: AwsStandIn) -> None:
    aws.guardrails.guardrails["guardrail1"] = Guardrail()


def another_adapter(aws: AwsStandIn) -> None:
    # Deleted and trained again under the same name: only the time of creation at the ARN's end differs.
    aws.rekognition.adapters = {ADAPTER[:-1] + "1": "TRAINING_COMPLETED"}


def broken_adapter(status: str) -> Callable[[AwsStandIn], None]:
    return lambda aws: aws.rekognition.adapters.update({ADAPTER: status})


@pytest.mark.parametrize(
    ("settings", "break_it", "mend", "setting"),
    [
        (
            {**REKOGNITION, "rekognition_project_version": ADAPTER},
            lambda aws: aws.rekognition.adapters.clear(),
            mended_adapter,
            "REKOGNITION_PROJECT_VERSION",
        ),
        (
            {**REKOGNITION, "rekognition_project_version": ADAPTER},
            broken_adapter("TRAINING_IN_PROGRESS"),
            mended_adapter,
            "REKOGNITION_PROJECT_VERSION",
        ),
        (
            {**REKOGNITION, "rekognition_project_version": ADAPTER},
            broken_adapter("EXPIRED"),
            mended_adapter,
            "REKOGNITION_PROJECT_VERSION",
        ),
        (
            {**REKOGNITION, "rekognition_project_version": ADAPTER},
            another_adapter,
            mended_adapter,
            "REKOGNITION_PROJECT_VERSION",
        ),
        (GUARDRAIL, lambda aws: aws.guardrails.guardrails.clear(), mended_guardrail, "BEDROCK_GUARDRAIL_ID"),
        (
            GUARDRAIL,
            lambda aws: aws.guardrails.guardrails.update({"guardrail1": replace(Guardrail(), status="CREATING")}),
            mended_guardrail,
            "BEDROCK_GUARDRAIL_ID",
        ),
    ],
    ids=[
        "no adapter",
        "adapter in training",
        "expired adapter",
        "another adapter of that name",
        "no guardrail",
        "guardrail in the making",
    ],
)
async def test_what_does_not_work_is_named_and_it_serves_once_that_is_mended(
    aws: AwsStandIn,
    logged: list[Any],
    settings: dict[str, Any],
    break_it: Callable[[AwsStandIn], Any],
    mend: Callable[[AwsStandIn], Any],
    setting: str,
) -> None:
    """Not serving, a line that names the variable, and no answer to a call; without a restart it serves."""
    break_it(aws)
    async with moderator(wait_ready=False, **settings, aws_check_interval_s=1) as moderate:
        await until_unusable(logged)
        assert await moderate.status() == "NOT_SERVING"
        assert (await ended(moderate(CLEAN))).code == "FAILED_PRECONDITION"
        mend(aws)
        await moderate.serving()
        assert not (await moderate(CLEAN)).flagged
    assert [line["setting"] for line in logged if line["event"] == "provider.not_usable"] == [PREFIX + setting]


@pytest.mark.parametrize(
    ("settings", "missing", "setting"),
    [
        (REKOGNITION, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "AWS credentials"),
        (GUARDRAIL, ("SAFELIGHT_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"), f"{PREFIX}AWS_REGION"),
    ],
    ids=["credentials", "region"],
)
async def test_without_credentials_or_region_it_is_not_serving_and_recovers(
    aws: AwsStandIn,
    logged: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    missing: tuple[str, ...],
    setting: str,
) -> None:
    """What is missing is named, and looked for again."""
    kept = {name: aws.environment()[name] for name in missing}
    for name in missing:
        monkeypatch.delenv(name)
    async with moderator(wait_ready=False, **settings, aws_check_interval_s=1) as moderate:
        await until_unusable(logged)
        assert await moderate.status() == "NOT_SERVING"
        assert await ended(moderate(CLEAN)) == Ended("FAILED_PRECONDITION", "PROVIDER_REJECTED", setting)
        for name, value in kept.items():
            monkeypatch.setenv(name, value)
        await moderate.serving()
        assert (await moderate()).flagged
    assert [line["setting"] for line in logged if line["event"] == "provider.not_usable"] == [setting]


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        (
            {**REKOGNITION, "rekognition_project_version": "arn:aws:rekognition:eu-west-1:1"},
            "REKOGNITION_PROJECT_VERSION",
        ),
        (
            {**REKOGNITION, "rekognition_project_version": ADAPTER.replace("/version/first", "")},
            "REKOGNITION_PROJECT_VERSION",
        ),
        (
            {**REKOGNITION, "rekognition_project_version": ADAPTER.replace("eu-west-1", "us-east-1")},
            "REKOGNITION_PROJECT_VERSION",
        ),
        ({**REKOGNITION, "rekognition_flow_definition_arn": ADAPTER}, "REKOGNITION_FLOW_DEFINITION_ARN"),
        (
            {
                **REKOGNITION,
                "rekognition_project_version": ADAPTER,
                "rekognition_flow_definition_arn": FLOW.replace("eu-west-1", "us-east-1"),
            },
            "REKOGNITION_FLOW_DEFINITION_ARN",
        ),
        ({**GUARDRAIL, "bedrock_guardrail_id": "Guardrail One"}, "BEDROCK_GUARDRAIL_ID"),
        (
            {**GUARDRAIL, "bedrock_guardrail_id": "arn:aws:bedrock:us-east-1:123456789012:guardrail/guardrail1"},
            "BEDROCK_GUARDRAIL_ID",
        ),
    ],
)
async def test_an_arn_that_cannot_be_right_is_named(
    aws: AwsStandIn, logged: list[Any], settings: dict[str, Any], setting: str
) -> None:
    """Of another service, without a version, of another region; and an id that is none."""
    async with moderator(wait_ready=False, **settings) as moderate:
        await until_unusable(logged)
        assert await moderate.status() == "NOT_SERVING"
    [line] = [line for line in logged if line["event"] == "provider.not_usable"]
    assert line["setting"] == PREFIX + setting
    assert aws.requests_of(DETECT) + aws.requests_of(APPLY) == []


@pytest.mark.parametrize(
    ("settings", "operation"),
    [
        ({**REKOGNITION, "rekognition_project_version": ADAPTER}, "DescribeProjects"),
        ({**REKOGNITION, "rekognition_project_version": ADAPTER}, "DescribeProjectVersions"),
        (GUARDRAIL, "GetGuardrail"),
    ],
)
async def test_who_may_not_look_may_still_call(aws: AwsStandIn, settings: dict[str, Any], operation: str) -> None:
    """A role that is not allowed to describe things is no reason not to serve."""
    aws.misbehave(operation, faults.Error("AccessDeniedException", status=403))
    async with moderator(**settings) as moderate:
        assert (await moderate()).flagged


async def test_a_guardrail_may_be_named_by_its_arn(aws: AwsStandIn) -> None:
    """Of the client's own region."""
    async with moderator(**{**GUARDRAIL, "bedrock_guardrail_id": aws.guardrails.arn("guardrail1")}) as moderate:
        response = await moderate()
    assert response.flagged
    assert response.detector_runs[0].version == "guardrail1 version DRAFT"


def test_the_embedded_detector_needs_no_boto3() -> None:
    """The service is built, and NudeNet loaded and asked, where boto3 cannot be imported."""
    program = """
import asyncio, sys
sys.modules["boto3"] = sys.modules["botocore"] = None
from PIL import Image
from services.common.server import running
from services.image_moderation.app import build
from services.image_moderation.settings import Settings
async def main():
    async with running(build(Settings(port=0))):
        pass
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2], timeout=60)
