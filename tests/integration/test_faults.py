"""The promise: whatever fails, and however, no image reaches a client that image moderation has not let through.

Every stage fails in every way, at the first, second or last of its answers or in a later attempt, under every shipped
policy. The images say of themselves what they are, so that a single unsafe byte that slips through is seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import grpc
import pytest

from safelight.common.v1 import detector_run_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.generator.v1 import generator_pb2
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2
from tests.support.faults import GENERATION, IMAGE, TARGET, TEXT, Fault, FaultyStage, Relay
from tests.support.services import BLURRED, SAFE, UNSAFE, ScriptedGenerator, ScriptedImages, Suite, finding, hang, suite
from tests.support.streams import Told, collect

POLICIES = ("standard", "strict", "report")
STAGES = (TEXT, GENERATION, IMAGE)
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
COUNT = 3
# Answers of a stage: the first, second and last image of attempt 1, and the first image of attempt 2.
POSITIONS = {TEXT: (1,), GENERATION: (1, 2, 3, 4), IMAGE: (1, 2, 3, 4)}
SOON = 10  # seconds: only how long a failing test waits for what should happen at once


def second_is_unsafe(attempt: int, index: int) -> bytes:
    """Image 1 of the first attempt and whatever is made in its place are unsafe; each image is different."""
    kind = UNSAFE if attempt > 1 or index == 1 else SAFE
    return kind + f"{attempt}.{index}".encode()


def all_unsafe(attempt: int, index: int) -> bytes:
    """Nothing that is made may be shown."""
    return UNSAFE + f"{attempt}.{index}".encode()


@dataclass
class Rig:
    """A suite of which one stage fails, and how to put a request to it."""

    running: Suite
    stage: FaultyStage

    def again(self, at: int, image: Callable[[int, int], bytes] = second_is_unsafe) -> None:
        """Begins anew: honest until answer `at`."""
        self.stage.at, self.stage.answers = at, 0
        self.stage.honest.clear()
        for generator in (self.running.generator, self.stage.generator):
            generator.requests.clear()
            generator.image = image

    async def ask(self, policy: str, *, timeout: float | None = SOON) -> Told:
        return await collect(self.running.stub, timeout=timeout, prompt="a dog", count=COUNT, policy=policy, seed=1)

    async def nothing_runs(self) -> None:
        """Waits until no call runs behind the gateway."""
        live = [self.stage, self.running.text, self.running.generator, self.running.images]
        await asyncio.wait_for(asyncio.gather(*(each.idle.wait() for each in live)), SOON)

    def check(self, told: Told, policy: str) -> None:
        """No image but what was moderated and let through; one ending, which is told properly."""
        assert [event.sequence for event in told.events] == list(range(1, len(told.events) + 1))
        for event in told.events:
            image = event.image_produced
            if image.disposition == pb.IMAGE_DISPOSITION_FLAGGED:
                assert policy == "report"
                assert any(w.reason == pb.WARNING_REASON_IMAGE_FLAGGED for w in told.of("warning"))
            else:
                assert UNSAFE not in event.SerializeToString()
            if image.disposition == pb.IMAGE_DISPOSITION_WITHHELD:
                assert not image.image
            if image.disposition == pb.IMAGE_DISPOSITION_BLURRED:
                assert image.image.startswith(BLURRED)
            if image.disposition == pb.IMAGE_DISPOSITION_CLEARED:
                assert image.image.startswith(SAFE)
                assert self.stage.stage != IMAGE or image.image in self.stage.honest
            assert event.HasField("image_produced") == (image.disposition != pb.IMAGE_DISPOSITION_UNSPECIFIED)
        finals = [image.image_index for image in told.of("image_produced")]
        assert len(finals) == len(set(finals))
        if told.error is None:
            assert told.completed.outcome
            assert sorted(finals) == list(range(COUNT))
        else:
            assert not told.of("completed")
            assert told.info.domain == "safelight"
            assert told.info.metadata["stage"] == self.stage.stage


@asynccontextmanager
async def rig(
    stage: str, fault: Fault | None, *, relay: Relay | None = None, target: str = "", **settings: Any
) -> AsyncIterator[Rig]:
    """A suite whose `stage` has the fault; behind a relay, or at another target, if one is given."""
    faulty = FaultyStage(stage=stage, fault=fault)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(faulty.serving())
        if relay:
            address = await stack.enter_async_context(relay.relaying(address))
        running = await stack.enter_async_context(
            suite(targets={TARGET[stage]: target or address}, wait_ready=not target, **settings)
        )
        yield Rig(running, faulty)


def aborts(code: grpc.StatusCode) -> Fault:
    async def fault(context: Any, honest: bytes) -> bytes:
        return await context.abort(code, "told by a test")  # type: ignore[no-any-return]

    return fault


def sends(answer: bytes) -> Fault:
    async def fault(context: Any, honest: bytes) -> bytes:
        return answer

    return fault


def combinations(stage: str) -> Iterator[tuple[str, int]]:
    return ((policy, at) for policy in POLICIES for at in POSITIONS[stage])


@contextmanager
def said_on_failure(*case: object) -> Iterator[None]:
    """Names the case in what pytest shows of a failure."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the case {case}")
        raise


def expect_failure(told: Told, stage: str, policy: str, at: int) -> bool:
    """Whether the fault was met and no policy makes up for it; the stream must have ended accordingly."""
    if stage == TEXT and policy == "report":
        assert [w.reason for w in told.of("warning")][:1] == [pb.WARNING_REASON_MODERATION_SKIPPED]
        assert told.error is None
        return False
    if at > COUNT and policy == "report":
        assert told.error is None  # there is no second attempt
        return False
    assert told.error is not None
    return True


@pytest.mark.parametrize("stage", STAGES)
async def test_a_stage_that_ends_with_any_status_lets_nothing_through(stage: str) -> None:
    """Each gRPC status code from each stage becomes one error that names the stage."""
    async with rig(stage, None) as it:
        for code, (policy, at) in product(CODES, combinations(stage)):
            if policy != "standard" and at not in (1, COUNT):
                continue  # sixteen codes: the first and the last image are enough for the other policies
            with said_on_failure(code.name, policy, at):
                it.stage.fault = aborts(code)
                it.again(at)
                told = await it.ask(policy)
                it.check(told, policy)
                if expect_failure(told, stage, policy, at):
                    assert "told by a test" not in told.error.details()
                await it.nothing_runs()


@pytest.mark.parametrize("stage", STAGES)
async def test_a_stage_that_hangs_is_given_up_after_its_own_limit(stage: str) -> None:
    """A hang ends with UNAVAILABLE at the gateway's limit for the stage, and the hanging call is cancelled."""
    timeout = {TEXT: "text_moderation", GENERATION: "generation", IMAGE: "image_moderation"}[stage] + "_timeout_s"
    async with rig(stage, hang, **{timeout: 0.25}) as it:
        for policy, at in combinations(stage):
            with said_on_failure(policy, at):
                if policy == "report" and at > COUNT:
                    continue
                it.again(at)
                told = await it.ask(policy)
                it.check(told, policy)
                if (stage, policy) == (TEXT, "report"):
                    assert told.completed.outcome  # the caller has time left, and the policy lets the prompt pass
                else:
                    assert told.error is not None
                    assert told.error.code() is grpc.StatusCode.UNAVAILABLE
                await it.nothing_runs()


@pytest.mark.parametrize(("stage", "at"), [(TEXT, 1), (GENERATION, 1), (GENERATION, 3), (IMAGE, 1), (IMAGE, 2)])
async def test_a_stage_that_hangs_until_the_callers_deadline_is_named(stage: str, at: int) -> None:
    """The caller hears DEADLINE_EXCEEDED with the stage just before its own deadline; the hanging call is cancelled."""
    async with rig(stage, hang, deadline_reserve_s=1) as it:
        it.again(at)
        policies = POLICIES if at == 1 else ("strict",)  # the count of answers is the stage's, not each request's
        for policy, told in zip(
            policies, await asyncio.gather(*(it.ask(policy, timeout=4) for policy in policies)), strict=True
        ):
            it.check(told, policy)
            assert told.error is not None
            assert told.error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert told.info.reason == "DEADLINE_EXCEEDED"
        await it.nothing_runs()


GARBAGE = {"bytes": b"\xff" * 4, "cut short": b"\x0a\xff\x01", "an image": UNSAFE, "nothing": b""}


@pytest.mark.parametrize("stage", STAGES)
async def test_garbage_and_empty_answers_let_nothing_through(stage: str) -> None:
    """Bytes that are no protobuf, and a message with nothing in it, count as no answer."""
    async with rig(stage, None) as it:
        for kind, (policy, at) in product(GARBAGE, combinations(stage)):
            with said_on_failure(kind, policy, at):
                it.stage.fault = sends(GARBAGE[kind])
                it.again(at)
                told = await it.ask(policy)
                it.check(told, policy)
                if expect_failure(told, stage, policy, at):
                    assert told.info.reason == "MODEL_RESPONSE_INVALID"
                await it.nothing_runs()


@pytest.mark.parametrize("stage", STAGES)
async def test_a_refused_connection_lets_nothing_through(stage: str) -> None:
    """A stage whose port is closed is UNAVAILABLE, by name."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    closed = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    async with rig(stage, None, target=closed) as it:
        for policy in POLICIES:
            it.again(1)
            told = await it.ask(policy)
            it.check(told, policy)
            if expect_failure(told, stage, policy, 1):
                assert told.error.code() is grpc.StatusCode.UNAVAILABLE
                assert told.info.reason == "UPSTREAM_UNAVAILABLE"
            await it.nothing_runs()


@pytest.mark.parametrize("left", [0, 20], ids=["before the answer", "within the answer"])
@pytest.mark.parametrize(("stage", "at"), [(stage, at) for stage in STAGES for at in POSITIONS[stage]])
async def test_a_connection_that_is_cut_lets_nothing_through(stage: str, at: int, left: int) -> None:
    """A line reset while a call runs, also in the middle of an answer, is an error of that stage."""

    async def one(policy: str) -> None:
        relay = Relay()

        async def fault(context: Any, honest: bytes) -> bytes:
            if left:
                relay.left = left
                return honest
            relay.reset()
            return await hang()

        async with rig(stage, fault, relay=relay) as it:
            it.again(at)
            told = await it.ask(policy)
            it.check(told, policy)
            if expect_failure(told, stage, policy, at):
                assert told.info.reason == "UPSTREAM_UNAVAILABLE"
            await it.nothing_runs()

    await asyncio.gather(*map(one, POLICIES))


async def test_a_moderation_that_fails_once_is_repeated() -> None:
    """UNAVAILABLE is tried again where that is safe: the stream does not notice."""
    for stage in (TEXT, IMAGE):
        async with rig(stage, None) as it:

            async def fault(context: Any, honest: bytes, it: Rig = it) -> bytes:
                it.stage.fault = None
                return await aborts(grpc.StatusCode.UNAVAILABLE)(context, honest)

            it.stage.fault = fault
            it.again(1)
            told = await it.ask("standard")
            it.check(told, "standard")
            assert told.completed.outcome == pb.OUTCOME_DELIVERED_BLURRED
            assert it.stage.answers > 1


async def test_a_generation_that_fails_is_not_repeated() -> None:
    """A generation may have begun to cost: it is asked for once."""
    async with rig(GENERATION, aborts(grpc.StatusCode.UNAVAILABLE)) as it:
        it.again(1)
        assert (await it.ask("standard")).error is not None
        assert it.stage.answers == 1


Contradiction = Callable[[image_moderation_pb2.ModerateImageResponse], None]


def flagged_false_with_a_flagged_finding(response: image_moderation_pb2.ModerateImageResponse) -> None:
    response.flagged = False
    response.detector_runs[0].flagged = False
    del response.findings[:]
    response.findings.append(finding("nudity"))


def flagged_true_without_findings(response: image_moderation_pb2.ModerateImageResponse) -> None:
    response.flagged = True
    del response.findings[:]
    response.detector_runs[0].flagged = False


def only_a_detector_run_is_flagged(response: image_moderation_pb2.ModerateImageResponse) -> None:
    response.flagged = False
    del response.findings[:]
    response.detector_runs[0].flagged = True


def no_redacted_copy(response: image_moderation_pb2.ModerateImageResponse) -> None:
    response.ClearField("delivery_copy")


def a_copy_that_is_not_redacted(response: image_moderation_pb2.ModerateImageResponse) -> None:
    if response.flagged:
        response.delivery_copy.redacted = False
        response.delivery_copy.image = UNSAFE


def an_empty_redacted_copy(response: image_moderation_pb2.ModerateImageResponse) -> None:
    response.delivery_copy.image = b""
    response.delivery_copy.redacted = True


def a_copy_that_is_too_large(response: image_moderation_pb2.ModerateImageResponse) -> None:
    response.delivery_copy.image = BLURRED + bytes(4 << 20)
    response.delivery_copy.redacted = True


def every_detector_was_skipped(response: image_moderation_pb2.ModerateImageResponse) -> None:
    response.flagged = False
    del response.findings[:]
    response.detector_runs[0].flagged = False
    response.detector_runs[0].status = detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED


def no_detector_is_listed(response: image_moderation_pb2.ModerateImageResponse) -> None:
    response.flagged = False
    del response.findings[:]
    del response.detector_runs[:]


CONTRADICTIONS: list[Contradiction] = [
    flagged_false_with_a_flagged_finding,
    flagged_true_without_findings,
    only_a_detector_run_is_flagged,
    no_redacted_copy,
    a_copy_that_is_not_redacted,
    an_empty_redacted_copy,
    a_copy_that_is_too_large,
    every_detector_was_skipped,
    no_detector_is_listed,
]


@pytest.mark.parametrize("contradiction", CONTRADICTIONS, ids=lambda function: function.__name__)
async def test_a_contradictory_image_moderation_lets_nothing_through(contradiction: Contradiction) -> None:
    """Where the parts of a verdict disagree the worst of them counts; a copy that is no copy is not sent."""

    async def fault(context: Any, honest: bytes) -> bytes:
        response = image_moderation_pb2.ModerateImageResponse.FromString(honest)
        contradiction(response)
        return response.SerializeToString()

    async with rig(IMAGE, fault) as it:
        for image in (second_is_unsafe, all_unsafe):
            for policy, at in product(POLICIES, (1, COUNT)):
                with said_on_failure(image.__name__, policy, at):
                    it.again(at, image)
                    told = await it.ask(policy)
                    it.check(told, policy)
                    await it.nothing_runs()


async def test_a_redacted_copy_that_is_the_original_is_not_sent() -> None:
    """Image moderation that hands the original back as its redacted copy is not believed."""
    async with suite(
        generator=ScriptedGenerator(image=all_unsafe), images=ScriptedImages(alter=lambda response: None)
    ) as running:

        def give_back(response: image_moderation_pb2.ModerateImageResponse) -> None:
            if response.HasField("delivery_copy"):
                response.delivery_copy.image = running.images.requests[-1].image

        running.images.alter = give_back
        told = await collect(running.stub, prompt="a dog", policy="standard")
        assert told.info.metadata["stage"] == IMAGE
        assert not any(UNSAFE in event.SerializeToString() for event in told.events)


@pytest.mark.parametrize("contradiction", ["finding", "flag", "run"])
async def test_a_contradictory_text_moderation_counts_as_flagged(contradiction: str) -> None:
    """A prompt is refused when any part of its verdict says that it is flagged."""
    response = text_moderation_pb2.ModerateTextResponse(flagged=contradiction == "flag")
    response.detector_runs.add(
        detector="scripted", status=detector_run_pb2.DETECTOR_RUN_STATUS_RAN, flagged=contradiction == "run"
    )
    if contradiction == "finding":
        response.findings.append(finding("violence"))
    async with rig(TEXT, sends(response.SerializeToString())) as it:
        for policy in POLICIES:
            it.again(1)
            told = await it.ask(policy)
            assert (told.completed.outcome == pb.OUTCOME_PROMPT_REJECTED) == (policy != "report")
            assert bool(it.running.generator.requests) == (policy == "report")


Event = generator_pb2.GenerateImagesResponse
STARTED = Event(started=generator_pb2.GenerationStarted(backend="scripted", version="1"))
COMPLETED = Event(completed=generator_pb2.GenerationCompleted(image_count=COUNT))
PROGRESS = Event(progress=generator_pb2.GenerationProgress(image_index=0, step=1, total_steps=2))


def made(index: int) -> Event:
    image = SAFE + str(index).encode()
    return Event(image=generator_pb2.GeneratedImage(image_index=index, image=image, media_type="image/png"))


NONSENSE = {
    "nothing at all": [],
    "no image": [STARTED, COMPLETED],
    "an image short": [STARTED, made(0), made(1), COMPLETED],
    "no end": [STARTED, made(0), made(1), made(2)],
    "an image twice": [STARTED, made(0), made(0), made(1), made(2), COMPLETED],
    "an image that was not asked for": [STARTED, made(0), made(3)],
    "an image far outside": [STARTED, made(2**32 - 1)],
    "an image after the end": [STARTED, made(0), made(1), made(2), COMPLETED, made(0)],
    "a second end": [STARTED, made(0), made(1), made(2), COMPLETED, COMPLETED],
    "progress on what was not asked for": [
        STARTED,
        Event(progress=generator_pb2.GenerationProgress(image_index=COUNT, step=1, total_steps=2)),
    ],
    "a lot of progress, then nothing": [STARTED, *[PROGRESS] * 2000],
    "empty images": [STARTED, Event(image=generator_pb2.GeneratedImage(image_index=0)), COMPLETED],
}


@pytest.mark.parametrize("events", NONSENSE.values(), ids=NONSENSE.keys())
async def test_a_generator_that_breaks_its_contract_is_an_error(events: list[Event]) -> None:
    """Images missing, doubled or never asked for end the stream; what was cleared before remains good."""

    class Breaking(ScriptedGenerator):
        async def GenerateImages(self, request: Any, context: Any) -> AsyncIterator[Event]:
            with self.call():
                for event in events:
                    yield event

    async with suite(generator=Breaking()) as running:
        for policy in POLICIES:
            told = await collect(running.stub, prompt="a dog", count=COUNT, policy=policy)
            assert told.info.reason == "MODEL_RESPONSE_INVALID"
            assert told.error.code() is grpc.StatusCode.INTERNAL
            assert not told.of("completed")
            indexes = [image.image_index for image in told.of("image_produced")]
            assert len(indexes) == len(set(indexes))
            assert set(indexes) <= set(range(COUNT))
            await asyncio.wait_for(running.generator.idle.wait(), SOON)


async def test_progress_without_end_stops_at_the_stages_limit() -> None:
    """A generator that never stops talking is cut off and its call cancelled."""

    class Endless(ScriptedGenerator):
        async def GenerateImages(self, request: Any, context: Any) -> AsyncIterator[Event]:
            with self.call():
                yield STARTED
                while True:
                    yield PROGRESS
                    await asyncio.sleep(0)

    async with suite(generator=Endless(), generation_timeout_s=0.3) as running:
        told = await collect(running.stub, prompt="a dog")
        assert told.info.metadata["stage"] == GENERATION
        assert told.info.reason == "UPSTREAM_UNAVAILABLE"
        await asyncio.wait_for(running.generator.idle.wait(), SOON)
