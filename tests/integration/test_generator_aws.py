"""The generator with SageMaker and Bedrock behind it: real boto3, real sockets, the stand-in for AWS."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
import structlog
from PIL import Image

from safelight.common.v1 import category_pb2
from safelight.common.v1 import image_format_pb2 as formats
from safelight.generator.v1 import generator_pb2 as pb
from services.common.executor import BoundedExecutor
from services.common.telemetry import configure_logging
from services.generator.backends.sagemaker import SageMakerBackend
from services.generator.dialects import stable_diffusion_2
from services.generator.settings import Settings
from tests.support.aws import (
    AwsStandIn,
    Filters,
    Gate,
    RawImage,
    Reply,
    StableDiffusion2,
    StableDiffusion35,
    StableDiffusionXL,
    faults,
)
from tests.support.aws.image_models import StabilityModel, nova, titan
from tests.support.generation import Ended, generator

SAGEMAKER = {"backend": "sagemaker", "sagemaker_endpoint": "sd", "sagemaker_instance_type": "ml.g5.xlarge"}
SECOND = "sagemaker.ml.g5.xlarge.second"
CORE = "stability.stable-image-core-v1:1"
BEDROCK = {"backend": "bedrock", "bedrock_model": CORE}
# Words that a container's own filter refuses, in these tests.
FILTERS = Filters(prompt=lambda prompt: "forbidden" in prompt, image=lambda image: image.getpixel((0, 0)) == (1, 2, 3))
MARK = "zebrafish-in-a-prompt"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsStandIn]:
    """The stand-in, with a small Stable Diffusion behind the endpoint "sd" and in the environment."""
    with AwsStandIn() as stand_in:
        for name, value in stand_in.environment().items():
            monkeypatch.setenv(name, value)
        stand_in.endpoint("sd", StableDiffusion2(side=512, black=lambda prompt: "black" in prompt))
        stand_in.image_models.models[CORE] = StabilityModel(filters=FILTERS, scale=0.125)
        yield stand_in
        assert stand_in.invalid_requests == []


Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    """Gives the log lines so far, of every level."""
    before, parts = structlog.get_config(), []

    def lines() -> list[dict[str, Any]]:
        parts.append(capsys.readouterr().err)
        return [json.loads(line) for line in "".join(parts).splitlines() if line.startswith("{")]

    configure_logging("debug", "json")
    yield lines
    structlog.configure(**before)


def opened(image: pb.GeneratedImage) -> Image.Image:
    """The image, which is what it says it is."""
    decoded = Image.open(io.BytesIO(image.image))
    assert decoded.size == (image.width, image.height)
    assert Image.MIME[str(decoded.format)] == image.media_type
    return decoded


async def test_images_come_one_by_one_each_from_its_own_seed(aws: AwsStandIn) -> None:
    """Three images are three calls, from seed, seed + 1 and so on; the second can be made again by itself."""
    async with generator(**SAGEMAKER) as made:
        call = await made.call(count=3, seed=2**32 - 1)
        again = await made.call(seed=0)
    assert call.kinds == ["started", "notice", "image", "image", "image", "completed"]
    assert call.responses[0].started == pb.GenerationStarted(backend="sagemaker", version="stable_diffusion_2")
    assert [(image.image_index, image.seed) for image in call.images] == [(0, 2**32 - 1), (1, 0), (2, 1)]
    assert call.images[1].image == again.images[0].image != call.images[0].image
    assert [json.loads(each.params["Body"])["seed"] for each in aws.requests_of("InvokeEndpoint")] == [
        2**32 - 1, 0, 1, 0,
    ]  # fmt: skip
    assert all(opened(image).format == "PNG" for image in call.images)


async def test_the_calls_and_their_seconds_are_told_at_the_end(aws: AwsStandIn) -> None:
    """Provider, operation, request id, attempts, and seconds of the instance as what is paid."""
    async with generator(**SAGEMAKER) as made:
        completed = (await made.call(count=2)).completed
    assert completed.image_count == 2
    ids = [request.request_id for request in aws.requests_of("InvokeEndpoint")]
    assert [usage.request_id for usage in completed.usage] == ids
    for usage in completed.usage:
        assert (usage.provider, usage.operation, usage.attempts, usage.unit) == (
            "sagemaker", "InvokeEndpoint", 1, SECOND,
        )  # fmt: skip
        assert usage.quantity == pytest.approx(usage.duration.ToNanoseconds() / 1e9, rel=1e-3)
    assert completed.duration.ToNanoseconds() >= sum(usage.duration.ToNanoseconds() for usage in completed.usage)


async def test_without_the_instance_type_no_price_is_claimed(aws: AwsStandIn) -> None:
    """The call is told all the same."""
    async with generator(**{**SAGEMAKER, "sagemaker_instance_type": None}) as made:
        assert (await made.call()).usage == [("InvokeEndpoint", "", 0)]


@pytest.mark.parametrize(
    ("dialect", "container", "size", "notices"),
    [
        ("stable_diffusion_2", StableDiffusion2(), (64, 64), [("FORMAT_CHANGED", "output_format")]),
        ("sdxl", StableDiffusionXL(), (1024, 1024), [("SIZE_CHANGED", "width")]),
        ("stable_diffusion_3_5", StableDiffusion35(scale=0.25), (256, 256), [("SIZE_CHANGED", "width")]),
        ("stable_diffusion_3_5", StableDiffusion35(scale=0.25, wrapped=False), (256, 256), [("SIZE_CHANGED", "width")]),
        ("raw_image", RawImage(), (64, 64), []),
    ],
    ids=["sd2", "sdxl", "sd3.5", "sd3.5 bare", "raw"],
)
async def test_every_dialect_makes_images(
    aws: AwsStandIn, dialect: str, container: Any, size: tuple[int, int], notices: Any
) -> None:
    """Against a container that refuses whatever its real counterpart does not document."""
    aws.endpoint("sd", container)
    async with generator(**SAGEMAKER, sagemaker_dialect=dialect) as made:
        call = await made.call(negative_prompt="cats", count=2)
    assert [(image.width, image.height) for image in call.images] == [size] * 2
    assert call.notices == notices
    assert all(opened(image) for image in call.images)


@pytest.mark.parametrize(
    ("asked", "kind", "changed"),
    [
        (formats.IMAGE_FORMAT_PNG, "image/png", True),
        (formats.IMAGE_FORMAT_JPEG, "image/jpeg", False),
        (formats.IMAGE_FORMAT_WEBP, "image/webp", True),
    ],
)
async def test_the_encoding_is_the_one_asked_for_and_a_change_is_said(
    aws: AwsStandIn, asked: Any, kind: str, changed: bool
) -> None:
    """The container gives JPEG: asked for as such it is passed on byte for byte."""
    async with generator(**SAGEMAKER) as made:
        call = await made.call(output_format=asked)
    (image,) = call.images
    assert image.media_type == kind
    assert opened(image)
    assert call.notices == ([("FORMAT_CHANGED", "output_format")] if changed else [])


async def test_pixels_lose_nothing(aws: AwsStandIn) -> None:
    """Asked for as pixels, the image is the container's, pixel for pixel, and nothing has been encoded anew."""
    aws.endpoint("raw", RawImage())
    async with generator(**SAGEMAKER, sagemaker_pixels=True) as made:
        call = await made.call()
    async with generator(**{**SAGEMAKER, "sagemaker_endpoint": "raw"}, sagemaker_dialect="raw_image") as made:
        plain = await made.call()
    assert call.notices == []
    assert opened(call.images[0]).tobytes() == opened(plain.images[0]).tobytes()


async def test_unset_size_and_steps_are_the_models_own(aws: AwsStandIn) -> None:
    """What the model makes best, unless the operator sets it."""
    async with generator(**SAGEMAKER) as made:
        await made.call(width=0, height=0)
    async with generator(**SAGEMAKER, default_side=128, default_steps=9) as made:
        (image,) = (await made.call(width=0, height=0)).images
    bodies = [json.loads(request.params["Body"]) for request in aws.requests_of("InvokeEndpoint")]
    assert [(body["width"], body.get("num_inference_steps")) for body in bodies] == [(768, None), (128, 9)]
    assert (image.width, image.height) == (128, 128)


async def test_what_the_model_ignores_is_said_once_a_call(aws: AwsStandIn) -> None:
    """Before the first image it is about, however many follow."""
    async with generator(**SAGEMAKER) as made:
        call = await made.call(count=2, negative_prompt="cats " * 80, guidance_scale=1)
    assert call.kinds == ["started", *["notice"] * 3, "image", "image", "completed"]
    assert call.notices == [
        ("NEGATIVE_PROMPT_WITHOUT_EFFECT", "negative_prompt"),
        ("TEXT_CUT", "negative_prompt"),
        ("FORMAT_CHANGED", "output_format"),
    ]


async def test_an_answer_near_the_limit_is_said(aws: AwsStandIn) -> None:
    """After the call, by what came."""
    async with generator(**SAGEMAKER, sagemaker_max_response_mib=0.001) as made:
        call = await made.call(output_format=formats.IMAGE_FORMAT_JPEG)
    assert call.notices == [("NEAR_LIMIT", "width")]


async def test_variant_and_component_are_passed_on(aws: AwsStandIn) -> None:
    """An endpoint may hold several models."""
    async with generator(
        **SAGEMAKER, sagemaker_target_variant="blue", sagemaker_inference_component="sd-component"
    ) as made:
        await made.call()
    (request,) = aws.requests_of("InvokeEndpoint")
    assert (request.params["TargetVariant"], request.params["InferenceComponentName"]) == ("blue", "sd-component")
    assert "safelight/" in request.user_agent


def found(refusal: pb.GenerationRefused) -> list[tuple[str, str]]:
    """Category and label of each finding, all of them sure and flagged."""
    assert all(finding.flagged and finding.confidence == 1 for finding in refusal.findings)
    return [(category_pb2.Category.Name(f.category).removeprefix("CATEGORY_"), f.label) for f in refusal.findings]


async def test_a_black_image_is_a_refusal_and_the_others_are_made(aws: AwsStandIn) -> None:
    """Stable Diffusion's safety checker blacks images out: that is an answer, not an image, and not an error."""
    async with generator(**SAGEMAKER) as made:
        call = await made.call(prompt="black", count=2)
    assert call.kinds == ["started", "refused", "refused", "completed"]
    assert [(r.image_index, r.subject, r.seed) for r in call.refusals] == [
        (0, pb.REFUSAL_SUBJECT_IMAGE, 7),
        (1, pb.REFUSAL_SUBJECT_IMAGE, 8),
    ]
    assert found(call.refusals[0]) == [("PROVIDER_REFUSAL", "black image")]
    assert call.refusals[0].findings[0].detector == "sagemaker"
    assert call.completed.image_count == 0
    assert len(call.completed.usage) == 2


async def test_a_filtered_sdxl_image_is_a_refusal(aws: AwsStandIn) -> None:
    """finishReason CONTENT_FILTERED, in the provider's own word."""
    aws.endpoint("sd", StableDiffusionXL(filters=FILTERS))
    async with generator(**SAGEMAKER, sagemaker_dialect="sdxl") as made:
        call = await made.call(prompt="forbidden")
    assert found(call.refusals[0]) == [("PROVIDER_REFUSAL", "CONTENT_FILTERED")]
    assert call.images == []


class Scripted:
    """A container that answers with the next of its bodies."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = list(bodies)

    def invoke(self, body: bytes, content_type: str, accept: str) -> Reply:
        """See Container.invoke."""
        return Reply(self.bodies.pop(0), "application/json")


async def test_a_prompt_refused_after_an_image_stands_for_all_that_are_missing(aws: AwsStandIn) -> None:
    """One image of three came; the refusal carries no index, and no third call is made."""
    good = StableDiffusion35(scale=0.125).invoke(
        json.dumps({"prompt": "a dog", "seed": 7}).encode(), "application/json", "application/json"
    )
    refused = json.dumps({"body": {"finish_reasons": ["Filter reason: prompt"]}}).encode()
    aws.endpoint("sd", Scripted(good.body, refused))
    async with generator(**SAGEMAKER, sagemaker_dialect="stable_diffusion_3_5") as made:
        call = await made.call(count=3)
    assert call.kinds == ["started", "notice", "image", "refused", "completed"]
    (refusal,) = call.refusals
    assert (refusal.HasField("image_index"), refusal.subject, refusal.seed) == (False, pb.REFUSAL_SUBJECT_PROMPT, 0)
    assert call.completed.image_count == 1
    assert len(aws.requests_of("InvokeEndpoint")) == 2


async def test_a_seed_of_the_models_own_is_told(aws: AwsStandIn) -> None:
    """Each image says which seed made it, also where that is not the one asked for."""
    made_from_5 = StableDiffusion35(scale=0.125).invoke(
        json.dumps({"prompt": "a dog", "seed": 5}).encode(), "application/json", "application/json"
    )
    aws.endpoint("sd", Scripted(made_from_5.body))
    async with generator(**SAGEMAKER, sagemaker_dialect="stable_diffusion_3_5") as made:
        call = await made.call(seed=7)
    assert [image.seed for image in call.images] == [5]
    assert ("SETTING_IGNORED", "seed") in call.notices


@pytest.mark.parametrize(
    ("model", "plays", "unit", "size"),
    [
        (CORE, None, f"bedrock.{CORE}.image", (128, 128)),
        (
            "stability.stable-image-ultra-v1:1",
            StabilityModel(mode=True, filters=FILTERS, scale=0.125),
            "bedrock.stability.stable-image-ultra-v1:1.image",
            (128, 128),
        ),
        (
            "stability.sd3-5-large-v1:0",
            StabilityModel(mode=True, filters=FILTERS, scale=0.125),
            "bedrock.stability.sd3-5-large-v1:0.image",
            (128, 128),
        ),
        (
            "amazon.nova-canvas-v1:0",
            nova(filters=FILTERS),
            "bedrock.amazon.nova-canvas-v1:0.image.1024.standard",
            (320, 320),
        ),
        (
            "amazon.titan-image-generator-v2:0",
            titan(filters=FILTERS),
            "bedrock.amazon.titan-image-generator-v2:0.image.512.standard",
            (512, 512),
        ),
    ],
)
async def test_every_model_on_bedrock_makes_images_and_refuses(
    aws: AwsStandIn, model: str, plays: Any, unit: str, size: tuple[int, int]
) -> None:
    """Images with their price's unit; refused prompts and images as such, for which nothing is said to be paid."""
    aws.image_models.models[model] = plays or aws.image_models.models[model]
    async with generator(backend="bedrock", bedrock_model=model) as made:
        call = await made.call(count=2, negative_prompt="cats", guidance_scale=7, steps=30)
        refused = await made.call(prompt="forbidden", count=2)
        aws.image_models.models[model] = replace(
            aws.image_models.models[model],  # type: ignore[type-var]
            filters=Filters(image=lambda image: True),
        )
        kept = await made.call(count=2)
    assert [(image.width, image.height) for image in call.images] == [size] * 2
    assert all(opened(image).format == "PNG" for image in call.images)
    assert call.responses[0].started.version == model
    assert call.usage == [("InvokeModel", unit, 1)] * 2
    assert ("SIZE_CHANGED", "width") in call.notices
    assert ("SETTING_IGNORED", "steps") in call.notices
    assert refused.kinds == ["started", *["notice"] * (len(refused.kinds) - 3), "refused", "completed"]
    assert refused.refusals[0].subject == pb.REFUSAL_SUBJECT_PROMPT
    assert not refused.refusals[0].HasField("image_index")
    assert [r.subject for r in kept.refusals] == [pb.REFUSAL_SUBJECT_IMAGE] * 2
    assert found(kept.refusals[0])[0][0] == "PROVIDER_REFUSAL"
    assert {each.quantity for each in (*refused.completed.usage, *kept.completed.usage)} == {0}


def failed(code: str, reason: str, setting: str = "", *, retry: bool = False) -> Ended:
    return Ended(code, reason, setting, retry)


THROTTLED = failed("RESOURCE_EXHAUSTED", "PROVIDER_THROTTLED", retry=True)
DOWN = failed("UNAVAILABLE", "PROVIDER_UNAVAILABLE", retry=True)
NONSENSE = failed("INTERNAL", "MODEL_RESPONSE_INVALID")


def rejected(setting: str) -> Ended:
    return failed("FAILED_PRECONDITION", "PROVIDER_REJECTED", setting)


CREDENTIALS = rejected("AWS credentials")
ENDPOINT = rejected("SAFELIGHT_GENERATOR_SAGEMAKER_ENDPOINT")
DIALECT = rejected("SAFELIGHT_GENERATOR_SAGEMAKER_DIALECT")
MODEL = rejected("SAFELIGHT_GENERATOR_BEDROCK_MODEL")


def container(status: int, message: str = "") -> faults.Error:
    return faults.Error("ModelError", members={"OriginalStatusCode": status, "OriginalMessage": message})


COMMON: dict[str, tuple[faults.Fault, Ended]] = {
    "throttled": (faults.Error("ThrottlingException"), THROTTLED),
    "expired": (faults.Error("ExpiredTokenException"), CREDENTIALS),
    "denied": (faults.Error("AccessDeniedException", status=403), CREDENTIALS),
    "page": (faults.HtmlError(503), DOWN),
    "reset": (faults.Reset(), DOWN),
    "half": (faults.HalfBody(), DOWN),
    "garbage": (faults.Garbage(), NONSENSE),
    "other": (faults.WrongShape(), NONSENSE),
    "empty": (faults.EmptyBody(), NONSENSE),
}
OF_SAGEMAKER: dict[str, tuple[faults.Fault, Ended]] = {
    "InternalFailure": (faults.Error("InternalFailure"), DOWN),
    "ServiceUnavailable": (faults.Error("ServiceUnavailable"), DOWN),
    "InternalDependencyException": (faults.Error("InternalDependencyException"), DOWN),
    "ModelNotReadyException": (faults.Error("ModelNotReadyException"), DOWN),
    "ValidationError": (faults.Error("ValidationError"), ENDPOINT),
    "container 500": (container(500), DOWN),
    "container 400": (container(400, f"bad value {MARK}"), DIALECT),
    "container 400 of a broken model": (container(400, '{"code": 400, "type": "InternalServerException"}'), DOWN),
    "container 429": (container(429), THROTTLED),
}
OF_BEDROCK: dict[str, tuple[faults.Fault, Ended]] = {
    "ResourceNotFoundException": (faults.Error("ResourceNotFoundException"), MODEL),
    "ModelTimeoutException": (faults.Error("ModelTimeoutException"), DOWN),
    "InternalServerException": (faults.Error("InternalServerException"), DOWN),
    "ServiceUnavailableException": (faults.Error("ServiceUnavailableException"), DOWN),
    "ValidationException": (faults.Error("ValidationException", "Malformed input request"), MODEL),
    "ServiceQuotaExceededException": (faults.Error("ServiceQuotaExceededException"), THROTTLED),
    "ModelNotReadyException": (faults.Error("ModelNotReadyException"), DOWN),
    "ModelErrorException": (faults.Error("ModelErrorException"), DOWN),
}


@pytest.mark.parametrize(
    ("settings", "operation", "broken"),
    [
        (SAGEMAKER, "InvokeEndpoint", {**COMMON, **OF_SAGEMAKER}),
        (BEDROCK, "InvokeModel", {**COMMON, **OF_BEDROCK}),
    ],
    ids=["sagemaker", "bedrock"],
)
async def test_every_fault_has_its_status_and_the_next_call_works(
    aws: AwsStandIn, logged: Logged, settings: dict[str, Any], operation: str, broken: dict[str, Any]
) -> None:
    """Each by its own code, reason and setting, with a time to wait where that helps; no prompt is logged."""
    ends: dict[str, Ended | None] = {}
    async with generator(**settings) as made:
        for name, (fault, _) in broken.items():
            aws.misbehave(operation, fault)
            call = await made.call(prompt=MARK)
            ends[name] = call.ended
            assert MARK not in str(call.status)
            aws.behave()
        assert (await made.call(prompt=MARK)).ended is None
        assert made.executor.held == 0
    assert ends == {name: ended for name, (_, ended) in broken.items()}
    assert any(line["event"] == "provider.failed" for line in logged())
    assert MARK not in json.dumps(logged())


@pytest.mark.parametrize(
    ("settings", "operation"),
    [(SAGEMAKER, "InvokeEndpoint"), (BEDROCK, "InvokeModel")],
    ids=["sagemaker", "bedrock"],
)
async def test_a_provider_that_hangs_ends_with_the_deadline_and_our_own_status(
    aws: AwsStandIn, settings: dict[str, Any], operation: str
) -> None:
    """The service's answer, with the stage in it, is there before the caller's time is over."""
    aws.misbehave(operation, faults.Hang())
    async with generator(**settings) as made:
        call = await made.call(timeout=1.5)
    assert call.ended == failed("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")


async def test_a_throttled_call_is_repeated_and_the_attempts_are_told(aws: AwsStandIn) -> None:
    """boto3's standard mode, within the deadline; the time that AWS asks to wait reaches the caller in the end."""
    aws.misbehave("InvokeModel", faults.Error("ModelNotReadyException"), times=1)
    async with generator(**{**BEDROCK, "aws_max_attempts": 2}) as made:
        call = await made.call()
    assert [usage.attempts for usage in call.completed.usage] == [2]


def ticking(settings: Settings, executor: BoundedExecutor) -> SageMakerBackend:
    return SageMakerBackend(settings, executor, stable_diffusion_2, progress_s=0.01)


async def test_progress_tells_the_time_while_the_provider_works(aws: AwsStandIn) -> None:
    """It knows of no steps, so it says how long it has been at work."""
    gate = Gate()
    aws.misbehave("InvokeEndpoint", faults.Slow(gate))
    async with generator(made_by=ticking, **SAGEMAKER) as made:
        call, seen = made.begin(), []
        async for response in call:
            if response.HasField("progress"):
                seen.append(response.progress)
                if len(seen) == 2:
                    gate.open()
            last = response
    assert last.HasField("completed")
    assert all((p.image_index, p.step, p.total_steps) == (0, 0, 0) for p in seen)
    assert 0 < seen[0].elapsed.ToNanoseconds() < seen[1].elapsed.ToNanoseconds()


async def test_a_cancelled_call_asks_for_no_further_image(aws: AwsStandIn) -> None:
    """The thread that waits cannot be stopped; once it is free its place is given back and nothing more is asked."""
    gate = Gate()
    aws.misbehave("InvokeEndpoint", faults.Slow(gate))
    async with generator(**SAGEMAKER, workers=1) as made:
        call = made.begin(count=3)
        assert (await call.read()).HasField("started")
        await asyncio.to_thread(gate.wait_until_reached)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call.read()
        gate.open()
        async with asyncio.timeout(30):
            while made.executor.held:  # noqa: ASYNC110 # there is no event for it
                await asyncio.sleep(0.01)
    assert len(aws.requests_of("InvokeEndpoint")) == 1


async def test_a_service_whose_workers_are_taken_refuses(aws: AwsStandIn) -> None:
    """One place in all: the second call is told to come again, before anything is asked of the provider."""
    gate = Gate()
    aws.misbehave("InvokeEndpoint", faults.Slow(gate))
    async with generator(**SAGEMAKER, workers=1, queue=0) as made:
        first = made.begin()
        assert (await first.read()).HasField("started")
        second = await made.call()
        gate.open()
        while await first.read() is not grpc.aio.EOF:
            pass
    assert second.ended == failed("RESOURCE_EXHAUSTED", "OVERLOADED", retry=True)
    assert len(aws.requests_of("InvokeEndpoint")) == 1


def names(lines: list[dict[str, Any]], event: str) -> list[str]:
    return [line["setting"] for line in lines if line["event"] == event]


async def found_out(logged: Logged, event: str = "provider.not_usable") -> None:
    """Returns once that is logged: a service is not serving before it has looked, either."""
    async with asyncio.timeout(30):
        while not any(line["event"] == event for line in logged()):  # noqa: ASYNC110 # a log line is no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("settings", "missing", "setting"),
    [
        (SAGEMAKER, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "AWS credentials"),
        (
            BEDROCK,
            ("SAFELIGHT_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
            "SAFELIGHT_GENERATOR_AWS_REGION",
        ),
    ],
    ids=["credentials", "region"],
)
async def test_without_credentials_or_region_it_is_not_serving_says_what_is_missing_and_serves_once_mended(
    aws: AwsStandIn,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    missing: tuple[str, ...],
    setting: str,
) -> None:
    """It neither crashes nor forgets: the log names what to set, calls say the same, and it looks again by itself."""
    kept = {name: value for name, value in aws.environment().items() if name in missing}
    for name in missing:
        monkeypatch.delenv(name)
    async with generator(**settings, wait_ready=False, aws_check_interval_s=1) as made:
        await found_out(logged)
        await made.until(serving=False)
        call = await made.call()
        assert call.ended == rejected(setting)
        assert names(logged(), "provider.not_usable") == [setting]
        for name, value in kept.items():
            # What the service has read it has read; boto3 looks anew.
            monkeypatch.setenv(name, value)
        await made.until(serving=True)
        assert (await made.call()).ended is None
    assert len(names(logged(), "provider.not_usable")) == 1


@pytest.mark.parametrize(
    ("settings", "mend", "setting"),
    [
        (
            {**SAGEMAKER, "sagemaker_endpoint": "later"},
            lambda aws: aws.endpoint("later", StableDiffusion2()),
            "SAFELIGHT_GENERATOR_SAGEMAKER_ENDPOINT",
        ),
        (
            {"backend": "bedrock", "bedrock_model": "stability.sd3-9-huge-v1:0"},
            lambda aws: aws.image_models.models.update({"stability.sd3-9-huge-v1:0": StabilityModel(filters=FILTERS)}),
            "SAFELIGHT_GENERATOR_BEDROCK_MODEL",
        ),
    ],
    ids=["sagemaker", "bedrock"],
)
async def test_what_does_not_exist_is_named_and_it_serves_once_it_does(
    aws: AwsStandIn, logged: Logged, settings: dict[str, Any], mend: Callable[[AwsStandIn], Any], setting: str
) -> None:
    """An endpoint that is still being made is waited for without a restart."""
    async with generator(**settings, wait_ready=False, aws_check_interval_s=1) as made:
        await found_out(logged)
        await made.until(serving=False)
        assert (await made.call()).ended == rejected(setting)
        mend(aws)
        await made.until(serving=True)
        assert (await made.call()).ended is None
    assert names(logged(), "provider.not_usable") == [setting]
    assert [line["event"] for line in logged()].count("provider.usable") == 1


@pytest.mark.parametrize(
    ("status", "serving"),
    [("Creating", False), ("Failed", False), ("OutOfService", False), ("Updating", True), ("SystemUpdating", True)],
)
async def test_the_endpoints_state_decides(aws: AwsStandIn, logged: Logged, status: str, serving: bool) -> None:
    """An endpoint that is updated still answers; the log says the state of one that does not."""
    aws.sagemaker.endpoints["sd"].status = status
    async with generator(**SAGEMAKER, wait_ready=False) as made:
        if not serving:
            await found_out(logged)
        await made.until(serving=serving)
    problems = [line["problem"] for line in logged() if line["event"] == "provider.not_usable"]
    assert [status in problem for problem in problems] == [True] * (not serving)


async def test_who_may_not_describe_the_endpoint_may_still_call_it(aws: AwsStandIn) -> None:
    """A policy without sagemaker:DescribeEndpoint is no reason not to serve."""
    aws.misbehave("sagemaker.DescribeEndpoint", faults.Error("AccessDeniedException", status=403))
    async with generator(**SAGEMAKER) as made:
        assert (await made.call()).ended is None


@pytest.mark.parametrize(
    ("details", "serving", "event"),
    [
        ({"modelLifecycle": {"status": "LEGACY", "endOfLifeTime": LONG_AGO}}, True, "bedrock.model_near_its_end"),
        ({"outputModalities": ["TEXT"]}, False, "provider.not_usable"),
        ({"outputModalities": ["IMAGE"], "modelLifecycle": {"status": "ACTIVE"}}, True, None),
    ],
    ids=["near its end", "no image model", "fine"],
)
async def test_what_bedrock_says_of_the_model_is_looked_at(
    aws: AwsStandIn, logged: Logged, details: dict[str, Any], serving: bool, event: str | None
) -> None:
    """One past its end of life may still answer for some; one that makes no images never will."""
    arn = f"arn:aws:bedrock:{aws.region}::foundation-model/{CORE}"
    aws.answer("GetFoundationModel", {"modelDetails": {"modelArn": arn, "modelId": CORE, **details}})
    async with generator(**BEDROCK, wait_ready=False) as made:
        if event:
            await found_out(logged, event)
        await made.until(serving=serving)
    said = {"bedrock.model_near_its_end", "provider.not_usable"}
    assert [line["event"] for line in logged() if line["event"] in said] == ([event] if event else [])


async def test_a_model_in_another_region_than_the_client_is_named(aws: AwsStandIn, logged: Logged) -> None:
    """An ARN says its region."""
    arn = f"arn:aws:bedrock:us-west-2::foundation-model/{CORE}"
    async with generator(backend="bedrock", bedrock_model=arn, wait_ready=False) as made:
        await found_out(logged)
        await made.until(serving=False)
    assert names(logged(), "provider.not_usable") == ["SAFELIGHT_GENERATOR_BEDROCK_MODEL"]
