"""Backend `sagemaker_async`: a model behind an asynchronous endpoint of Amazon SageMaker, for what takes minutes.

The request lies in S3, and so does the answer once it is there, at a place that InvokeEndpointAsync tells; a failure
lies at another (https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-invoke-endpoint.html). No thread is
held while one is waited for. All three objects are deleted afterwards, however the call ended. Where it ended early the
answer may come later than that: SageMaker cannot be told to stop. A lifecycle rule of the bucket has to see to those.

A look at an answer that is not there ends with 404 for whoever may list the bucket, and with 403 for others
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html), so either is "not yet".
"""

from __future__ import annotations

import asyncio
import math
import re
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from safelight.common.v1 import provider_usage_pb2
from safelight.generator.v1 import generator_pb2 as pb
from services.common import deadline, errors, records, telemetry
from services.common.aws.api import Api
from services.common.aws.clients import MOST_BYTES, time_left
from services.common.executor import BoundedExecutor, Place
from services.common.moderation import as_duration
from services.generator.backends import provided
from services.generator.backends.provided import Answer, Provided, Reader, Result
from services.generator.backends.sagemaker import (
    check_endpoint,
    container_error,
    control_api,
    model,
    runtime_api,
    unit,
)
from services.generator.dialects import Dialect, Sent
from services.generator.settings import STAGE, Settings

log = telemetry.logger("generator")

# InvokeEndpointAsync's limits.
_LEAST_TTL_S, _MOST_TTL_S = 60, 21_600
# For the three deletions of a call together.
CLEANUP_S = 10.0
_MOST_CLEANUPS = 1000

_LOCATION = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.\-]+)/(?P<key>.+)", re.DOTALL)
# Of 'Received client error (400) from primary ...'. That a failure's object says it as ModelError does is not
# documented; where it does not, the failure is taken for one that may pass.
_STATUS = re.compile(rb"error \((\d{3})\)")


class Location(NamedTuple):
    """Where an object is."""

    bucket: str
    key: str


@dataclass
class _Work:
    """One image's way through S3."""

    id: str
    request: Location
    answer: Location | None = None
    failure: Location | None = None
    usage: list[provider_usage_pb2.ProviderUsage] = field(default_factory=list)
    invoked: provider_usage_pb2.ProviderUsage | None = None
    began: float = 0.0
    """By time.monotonic(), when it was invoked."""
    denied: bool = False
    """Whether the last look ended with 403."""
    abandoned: threading.Event = field(default_factory=threading.Event)

    @property
    def objects(self) -> list[Location]:
        """All that is to be deleted."""
        return [place for place in (self.request, self.answer, self.failure) if place is not None]


class SageMakerAsyncBackend(Provided):
    """Sends requests through S3 and looks for their answers there."""

    def __init__(
        self,
        settings: Settings,
        executor: BoundedExecutor,
        dialect: Dialect,
        *,
        progress_s: float = provided.PROGRESS_S,
    ) -> None:
        """`dialect` is the one that the settings name."""
        self._settings = settings
        self._api = runtime_api(settings)
        self._control = control_api(settings)
        self._bucket = settings.sagemaker_async_bucket or ""
        # One more thread calls it than the executor has: the cleaner's.
        self._s3 = Api.of(
            "s3",
            settings,
            provider="s3",
            stage=STAGE,
            setting="sagemaker_async_bucket",
            pool=settings.workers + 1,
        )
        # Threads of its own: deletions must not wait for the calls that come next.
        self._cleaner = BoundedExecutor(f"{STAGE}_cleanup", workers=1, queue=_MOST_CLEANUPS)
        self._cleaning: set[asyncio.Task[None]] = set()
        # What we take of an answer is less than what S3 may hold.
        super().__init__(
            model("sagemaker_async", settings, dialect, self._api, progress_s, most_response_bytes=MOST_BYTES), executor
        )

    def generate(self, request: pb.GenerateImagesRequest) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        """See Backend.generate."""
        return provided.generate(request, self.model, self.executor, self._ask)

    def check(self) -> None:
        """See checks.Checked."""
        for api in (self._api, self._control, self._s3):
            api.connect()
        described = check_endpoint(self._control, self._settings)
        if described is not None:
            self._check_outputs(described)
        found = self._s3.call("HeadBucket", tolerate=lambda answer: _status(answer) in (403, 404), Bucket=self._bucket)
        if _status(found) == 404:
            raise self._s3.reject("has no such bucket")

    def _check_outputs(self, described: Mapping[str, Any]) -> None:
        config = described.get("AsyncInferenceConfig")
        if config is None:
            raise self._control.reject(
                "has a real-time endpoint of that name and no asynchronous one", self._settings.variable("backend")
            )
        for path in ("S3OutputPath", "S3FailurePath"):
            told = config.get("OutputConfig", {}).get(path)
            if told and not f"{told}/".startswith(f"s3://{self._bucket}/"):
                raise self._other_bucket(self._control)

    def _other_bucket(self, api: Api) -> errors.ProviderRejected:
        variable = self._settings.variable("sagemaker_async_bucket")
        return api.reject("has an endpoint that puts its answers in another bucket", variable)

    async def close(self) -> None:
        """See Backend.close."""
        if self._cleaning:
            await asyncio.wait(self._cleaning, timeout=CLEANUP_S)
        self._cleaner.close()

    async def _ask(self, place: Place, sent: Sent, read: Reader) -> Answer:
        name = secrets.token_hex(16)
        folder = "/".join(part for part in (self._settings.sagemaker_async_prefix.strip("/"), "input") if part)
        work = _Work(name, Location(self._bucket, f"{folder}/{name}.json"))
        left, longest = time_left(), float(self._settings.sagemaker_async_timeout_s)
        ends = time.monotonic() + (longest if left is None else min(left, longest))
        begin = asyncio.ensure_future(place.run(self._begin, work, sent, ends))
        try:
            # Not cancelled with the call: its thread cannot be stopped, and what it puts in S3 has to be known.
            await asyncio.shield(begin)
            while True:
                with records.recording() as record:
                    result = await place.run(self._look, work, read)
                _add(work.usage, record.usage)
                if result is not None:
                    return _answer(work, result)
                if (rest := ends - time.monotonic()) <= 0:
                    raise self._too_late(work, by_deadline=left is not None and left < longest)
                await asyncio.sleep(min(self._settings.sagemaker_async_poll_s, rest))
        finally:
            work.abandoned.set()
            self._clean_up_later(work, begin)

    def _begin(self, work: _Work, sent: Sent, ends: float) -> None:
        """Puts the request in S3 and has it answered; not if the call has been given up meanwhile."""
        if work.abandoned.is_set():
            return
        with records.recording() as record:
            bucket, key = work.request
            self._s3.call(
                "PutObject",
                unit="s3.put",
                quantity=1,
                Bucket=bucket,
                Key=key,
                Body=sent.body,
                ContentType=sent.content_type,
            )
            if work.abandoned.is_set():
                return
            work.began, rest = time.monotonic(), math.ceil(ends - time.monotonic())
            response = self._api.call(
                "InvokeEndpointAsync",
                unit=unit(self._settings),
                expect=("OutputLocation",),
                EndpointName=self._settings.sagemaker_endpoint,
                ContentType=sent.content_type,
                Accept=sent.accept,
                InferenceId=work.id,
                InputLocation=f"s3://{bucket}/{key}",
                RequestTTLSeconds=min(max(rest, _LEAST_TTL_S), _MOST_TTL_S),
                InvocationTimeoutSeconds=max(rest, 1),
            )
        work.usage += record.usage
        work.invoked = record.usage[-1]
        work.answer = self._location(response["OutputLocation"])
        if told := response.get("FailureLocation"):
            work.failure = self._location(told)

    def _location(self, told: str) -> Location:
        match = _LOCATION.fullmatch(told)
        if match is None:
            raise self._api.nonsense("told a place for its answer that is none in S3")
        if match["bucket"] != self._bucket:
            raise self._other_bucket(self._api)
        return Location(match["bucket"], match["key"])

    def _look(self, work: _Work, read: Reader) -> Result | None:
        """What has come of it, if anything has."""
        answer = self._get(work, work.answer)
        if answer is not None:
            return read(answer["Body"], answer.get("ContentType", ""))
        failure = self._get(work, work.failure)
        if failure is None:
            return None
        status = _STATUS.search(failure["Body"])
        raise container_error(
            self._api,
            self._settings,
            int(status[1]) if status else 500,
            failure["Body"].decode("utf-8", "replace"),
        )

    def _get(self, work: _Work, place: Location | None) -> dict[str, Any] | None:
        if place is None:
            return None
        found = self._s3.call(
            "GetObject",
            unit="s3.get",
            quantity=1,
            expect=("Body",),
            tolerate=lambda answer: _status(answer) in (403, 404) and _code(answer) in _NOT_YET,
            Bucket=place.bucket,
            Key=place.key,
        )
        work.denied = _status(found) == 403
        return found if "Error" not in found else None

    def _too_late(self, work: _Work, *, by_deadline: bool) -> errors.SafelightError:
        if work.denied:
            # It may have been there and not for us to see.
            log.warning("s3.answers_not_seen", setting="s3:GetObject, s3:ListBucket", provider="s3")
        metadata = {"stage": STAGE, "provider": self._api.origin.provider}
        if by_deadline:
            return errors.DeadlineExceeded("time ran out while sagemaker made an image", metadata=metadata)
        return errors.ProviderUnavailable(
            f"sagemaker made no image in {self._settings.sagemaker_async_timeout_s:,} seconds", metadata=metadata
        )

    def _clean_up_later(self, work: _Work, begin: asyncio.Future[None]) -> None:
        task = asyncio.create_task(self._clean_up(work, begin))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    async def _clean_up(self, work: _Work, begin: asyncio.Future[None]) -> None:
        await asyncio.wait({begin})
        if not begin.cancelled():
            begin.exception()  # told to the caller already
        with deadline.bound(CLEANUP_S):
            try:
                left = await self._cleaner.run(self._delete, work.objects)
            except errors.Overloaded:
                left = len(work.objects)
        if left:
            log.warning("s3.not_cleaned_up", objects=left, provider="s3")

    def _delete(self, objects: list[Location]) -> int:
        """Deletes them all; how many it could not."""
        failed = 0
        for bucket, key in objects:
            try:
                self._s3.call("DeleteObject", Bucket=bucket, Key=key)
            except errors.SafelightError:  # logged by the Api
                failed += 1
        return failed


_NOT_YET = frozenset({"NoSuchKey", "AccessDenied", "404", "403"})


def _status(answer: Mapping[str, Any]) -> int:
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(answer: Mapping[str, Any]) -> str:
    return str(answer.get("Error", {}).get("Code", ""))


def _answer(work: _Work, result: Result) -> Answer:
    seconds = time.monotonic() - work.began
    if work.invoked is not None:
        # The call itself was over at once; what is paid for is the time since.
        work.invoked.duration.CopyFrom(as_duration(round(seconds * 1e9)))
        if work.invoked.unit:
            work.invoked.quantity = seconds
    return Answer(result, work.usage, seconds)


def _add(usage: list[provider_usage_pb2.ProviderUsage], looks: list[provider_usage_pb2.ProviderUsage]) -> None:
    """Adds looks at S3 to the usage as if they were one: there may be hundreds."""
    for look in looks:
        same = next((each for each in usage if each.operation == look.operation), None)
        if same is None:
            usage.append(look)
            continue
        same.attempts += look.attempts
        same.quantity += look.quantity
        same.duration.CopyFrom(as_duration(same.duration.ToNanoseconds() + look.duration.ToNanoseconds()))
        same.request_id = look.request_id
