"""What the gateway's stream says, event by event, for each way a request can go."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import grpc
import pytest

from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.image_moderation.v1 import image_moderation_pb2
from services.common import errors
from services.gateway.policy import SEED_STRIDE, Policy
from tests.support.services import (
    BLURRED,
    SAFE,
    UNSAFE,
    ScriptedGenerator,
    ScriptedImages,
    ScriptedText,
    hang,
    suite,
)
from tests.support.streams import Told, collect, compact


def check_account(told: Told, policy: str = "standard") -> None:
    """What holds for every stream that ends well."""
    assert told.error is None
    assert [event.sequence for event in told.events] == list(range(1, len(told.events) + 1))
    times = [event.event_time.ToNanoseconds() for event in told.events]
    assert all(time > 0 for time in times)
    it = told.completed
    assert it.outcome != pb.OUTCOME_UNSPECIFIED
    assert it.message
    assert (it.policy, it.policy_version) == (policy, "1")
    assert len(it.decision_id) == 32
    assert 0 <= it.moderation_share <= 1
    spent = {each.stage: each.duration.ToNanoseconds() for each in it.stage_durations}
    assert len(spent) == len(it.stage_durations)
    assert list(spent) == sorted(spent)
    assert all(value >= 0 for value in spent.values())
    assert sum(spent.values()) <= it.total_duration.ToNanoseconds()
    moderated = spent.get(pb.STAGE_TEXT_MODERATION, 0) + spent.get(pb.STAGE_IMAGE_MODERATION, 0)
    assert it.moderation_share == pytest.approx(moderated / it.total_duration.ToNanoseconds(), abs=1e-6)
    finished: dict[int, int] = dict.fromkeys(spent, 0)
    for each in told.of("stage_finished"):
        finished[each.stage] += each.duration.ToNanoseconds()
    assert finished == spent
    started = [(e.stage, e.attempt, e.image_index) for e in told.of("stage_started")]
    assert sorted(started) == sorted((e.stage, e.attempt, e.image_index) for e in told.of("stage_finished"))


def golden(told: Told, expected: str) -> None:
    assert compact(told.events) == dedent(expected).strip()


def picture(kinds: Callable[[int, int], bytes]) -> ScriptedGenerator:
    """A generator of images that bear the attempt and place they were made at."""
    return ScriptedGenerator(image=lambda attempt, index: kinds(attempt, index) + f"{attempt}.{index}".encode())


def only(*unsafe: tuple[int, int]) -> ScriptedGenerator:
    """A generator whose images are unsafe at these attempts and places."""
    return picture(lambda attempt, index: UNSAFE if (attempt, index) in unsafe else SAFE)


def always_unsafe() -> ScriptedGenerator:
    return picture(lambda attempt, index: UNSAFE)


async def test_a_clean_image() -> None:
    """A harmless request: each stage starts and ends once."""
    async with suite(generator=only()) as running:
        told = await collect(running.stub, prompt="a dog", seed=7)
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted
        start generation 1
        step 1/2 of 1.0
        step 2/2 of 1.0
        end generation 1 scripted
        start image_moderation 1.0
        end image_moderation 1.0 scripted
        image 1.0 cleared '<safe>1.0'
        completed delivered, attempts 1
        """,
    )
    check_account(told)
    (image,) = told.of("image_produced")
    assert (image.seed, image.media_type, image.width, image.height) == (7, "image/png", 64, 64)


async def test_the_middle_one_of_three_is_unsafe_once() -> None:
    """Only the unsafe image is made anew; the good ones are sent before that begins."""
    async with suite(generator=only((1, 1))) as running:
        told = await collect(running.stub, prompt="a dog", count=3, seed=7)
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted
        start generation 1
        step 1/2 of 1.0
        step 2/2 of 1.0
        start image_moderation 1.0
        end image_moderation 1.0 scripted
        image 1.0 cleared '<safe>1.0'
        step 1/2 of 1.1
        step 2/2 of 1.1
        start image_moderation 1.1
        end image_moderation 1.1 scripted flagged [nudity]
        warning image_regenerating (image_moderation 1.1) [nudity]
        step 1/2 of 1.2
        step 2/2 of 1.2
        end generation 1 scripted
        start image_moderation 1.2
        end image_moderation 1.2 scripted
        image 1.2 cleared '<safe>1.2'
        start generation 2
        step 1/2 of 2.1
        step 2/2 of 2.1
        end generation 2 scripted
        start image_moderation 2.1
        end image_moderation 2.1 scripted
        image 2.1 cleared '<safe>2.0'
        completed delivered, attempts 2
        """,
    )
    check_account(told)
    assert [request.count for request in running.generator.requests] == [3, 1]
    assert [request.seed for request in running.generator.requests] == [7, 7 + SEED_STRIDE]
    assert [image.seed for image in told.of("image_produced")] == [7, 9, 7 + SEED_STRIDE]


async def test_unsafe_to_the_last_under_standard_is_blurred() -> None:
    """Two regenerations, the second with added negative prompts, then the redacted copy."""
    async with suite(generator=always_unsafe()) as running:
        told = await collect(running.stub, prompt="a dog", negative_prompt="cats, gore", seed=2**32 - 1)
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted
        start generation 1
        step 1/2 of 1.0
        step 2/2 of 1.0
        end generation 1 scripted
        start image_moderation 1.0
        end image_moderation 1.0 scripted flagged [nudity]
        warning image_regenerating (image_moderation 1.0) [nudity]
        start generation 2
        step 1/2 of 2.0
        step 2/2 of 2.0
        end generation 2 scripted
        start image_moderation 2.0
        end image_moderation 2.0 scripted flagged [nudity]
        warning image_regenerating (image_moderation 2.0) [nudity]
        start generation 3
        step 1/2 of 3.0
        step 2/2 of 3.0
        end generation 3 scripted
        start image_moderation 3.0
        end image_moderation 3.0 scripted flagged [nudity]
        warning image_blurred (image_moderation 3.0) [nudity]
        image 3.0 blurred '<blurred>3.0' [nudity]
        completed delivered_blurred, attempts 3 [nudity]
        """,
    )
    check_account(told)
    # The policy's "gore" adds nothing to a caller's text that is one string; each of the policy's stands once.
    assert [request.negative_prompt for request in running.generator.requests] == [
        "cats, gore, nudity, gore",
        "cats, gore, nudity, gore",
        "cats, gore, nudity, gore, nude, naked, exposed skin, undressed",
    ]
    assert [request.seed for request in running.generator.requests] == [
        2**32 - 1,
        SEED_STRIDE - 1,
        2 * SEED_STRIDE - 1,
    ]
    assert [request.redaction for request in running.images.requests] == [
        image_moderation_pb2.REDACTION_UNSPECIFIED,
        image_moderation_pb2.REDACTION_UNSPECIFIED,
        image_moderation_pb2.REDACTION_BLUR_IMAGE,
    ]


async def test_unsafe_to_the_last_under_strict_is_withheld() -> None:
    """One regeneration, then nothing of the image is sent, not even its size."""
    async with suite(generator=always_unsafe()) as running:
        told = await collect(running.stub, prompt="a dog", policy="strict")
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted
        start generation 1
        step 1/2 of 1.0
        step 2/2 of 1.0
        end generation 1 scripted
        start image_moderation 1.0
        end image_moderation 1.0 scripted flagged [nudity]
        warning image_regenerating (image_moderation 1.0) [nudity]
        start generation 2
        step 1/2 of 2.0
        step 2/2 of 2.0
        end generation 2 scripted
        start image_moderation 2.0
        end image_moderation 2.0 scripted flagged [nudity]
        warning image_withheld (image_moderation 2.0) [nudity]
        image 2.0 withheld '' [nudity]
        completed withheld, attempts 2 [nudity]
        """,
    )
    check_account(told, "strict")
    (image,) = told.of("image_produced")
    assert (image.media_type, image.width, image.height) == ("", 0, 0)
    assert not any(request.redaction for request in running.images.requests)
    assert not any(request.HasField("seed") for request in running.generator.requests)


async def test_some_unsafe_to_the_last_under_strict_is_partially_withheld() -> None:
    """The good image is delivered, whatever becomes of the other."""
    async with suite(generator=only((1, 0), (2, 0))) as running:
        told = await collect(running.stub, prompt="a dog", policy="strict", count=2)
    check_account(told, "strict")
    assert compact(told.events).splitlines()[-2:] == [
        "image 2.0 withheld '' [nudity]",
        "completed partially_withheld, attempts 2 [nudity]",
    ]
    assert [(i.image_index, i.image) for i in told.of("image_produced")] == [(1, SAFE + b"1.1"), (0, b"")]


async def test_an_unsafe_image_under_report_is_sent_with_a_warning() -> None:
    """The one policy that lets a flagged image out says so in its disposition and before it."""
    async with suite(generator=always_unsafe()) as running:
        told = await collect(running.stub, prompt="a dog", policy="report")
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted
        start generation 1
        step 1/2 of 1.0
        step 2/2 of 1.0
        end generation 1 scripted
        start image_moderation 1.0
        end image_moderation 1.0 scripted flagged [nudity]
        warning image_flagged (image_moderation 1.0) [nudity]
        image 1.0 flagged '<unsafe>1.0' [nudity]
        completed delivered_flagged, attempts 1 [nudity]
        """,
    )
    check_account(told, "report")


@pytest.mark.parametrize("policy", ["standard", "strict"])
async def test_a_rejected_prompt(policy: str) -> None:
    """A refusal is an outcome: the stream ends with OK and nothing is generated."""
    async with suite() as running:
        told = await collect(running.stub, prompt="a forbidden dog", policy=policy)
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted flagged [violence]
        completed prompt_rejected, attempts 0 [violence]
        """,
    )
    check_account(told, policy)
    assert not running.generator.requests
    assert not told.completed.HasField("plan")


async def test_an_unsafe_prompt_under_report_goes_on_with_a_warning() -> None:
    """Shadow mode: said, not stopped."""
    async with suite(generator=only()) as running:
        told = await collect(running.stub, prompt="a forbidden dog", policy="report")
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted flagged [violence]
        warning prompt_flagged (text_moderation) [violence]
        start generation 1
        step 1/2 of 1.0
        step 2/2 of 1.0
        end generation 1 scripted
        start image_moderation 1.0
        end image_moderation 1.0 scripted
        image 1.0 cleared '<safe>1.0'
        completed delivered, attempts 1
        """,
    )
    check_account(told, "report")


async def test_a_dry_run_that_is_accepted() -> None:
    """The plan says what would happen; nothing is generated."""
    async with suite() as running:
        told = await collect(running.stub, prompt="a dog", negative_prompt=" cats, ", dry_run=True)
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted
        completed dry_run_accepted, attempts 0
        """,
    )
    check_account(told)
    assert told.completed.plan == pb.DryRunPlan(
        prompt_accepted=True,
        negative_prompt="cats, nudity, gore",
        max_attempts=3,
        on_unsafe_image=pb.UNSAFE_IMAGE_ACTION_BLUR,
    )
    assert not running.generator.requests


async def test_a_dry_run_that_is_rejected() -> None:
    """A dry run tells of a refusal as a real one does, with the plan."""
    async with suite() as running:
        told = await collect(running.stub, prompt="a forbidden dog", dry_run=True, policy="strict")
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted flagged [violence]
        completed prompt_rejected, attempts 0 [violence]
        """,
    )
    check_account(told, "strict")
    assert not told.completed.plan.prompt_accepted
    assert told.completed.plan.max_attempts == 2
    assert told.completed.plan.on_unsafe_image == pb.UNSAFE_IMAGE_ACTION_WITHHOLD
    assert not running.generator.requests


async def test_a_dry_run_under_report_warns_and_accepts() -> None:
    """A flagged prompt that only warns would be accepted."""
    async with suite() as running:
        told = await collect(running.stub, prompt="a forbidden dog", dry_run=True, policy="report")
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted flagged [violence]
        warning prompt_flagged (text_moderation) [violence]
        completed dry_run_accepted, attempts 0
        """,
    )
    assert told.completed.plan.prompt_accepted


def text_is_down() -> ScriptedText:
    async def before(context: Any) -> None:
        raise errors.ProviderUnavailable("down", metadata={"provider": "scripted"})

    return ScriptedText(before=before)


async def test_text_moderation_down_under_report_goes_on_with_a_warning() -> None:
    """The one policy that fails open says so in the stream; images are moderated all the same."""
    async with suite(text=text_is_down(), generator=only()) as running:
        told = await collect(running.stub, prompt="a dog", policy="report")
    golden(
        told,
        """
        start text_moderation
        end text_moderation
        warning moderation_skipped (text_moderation)
        start generation 1
        step 1/2 of 1.0
        step 2/2 of 1.0
        end generation 1 scripted
        start image_moderation 1.0
        end image_moderation 1.0 scripted
        image 1.0 cleared '<safe>1.0'
        completed delivered, attempts 1
        """,
    )
    check_account(told, "report")


@pytest.mark.parametrize("policy", ["standard", "strict"])
async def test_text_moderation_down_under_a_closed_policy_is_an_error(policy: str) -> None:
    """Fail closed: the stream stops where it was, with the stage and the provider named."""
    async with suite(text=text_is_down()) as running:
        told = await collect(running.stub, prompt="a dog", policy=policy)
    golden(told, "start text_moderation")
    assert told.error is not None
    assert told.error.code() is grpc.StatusCode.UNAVAILABLE
    assert told.info.reason == "PROVIDER_UNAVAILABLE"
    assert dict(told.info.metadata) == {"stage": "text_moderation", "provider": "scripted"}
    assert not running.generator.requests


async def test_a_cleared_image_is_sent_before_the_next_is_made() -> None:
    """While the generator still works on the second image, the first has reached the client already."""
    async with suite(generator=only()) as running:
        waits = 0

        async def before_image(context: Any) -> None:
            nonlocal waits
            waits += 1
            if waits == 2:
                await hang()

        running.generator.before_image = before_image
        call = running.stub.GenerateImages(pb.GenerateImagesRequest(prompt="a dog", count=2))
        async for event in call:
            if event.HasField("image_produced"):
                break
        assert running.generator.live == 1
        call.cancel()
        await running.generator.idle.wait()


async def test_regions_and_thresholds_reach_the_moderators() -> None:
    """What a policy says of thresholds, detectors and blur is what the moderators are asked."""
    policy = Policy.model_validate(
        {
            "name": "custom",
            "version": "7",
            "description": "For this test.",
            "prompt": {"thresholds": {"insult": 0.25}, "run_all_detectors": True, "on_unsafe": "reject"},
            "image": {"thresholds": {"alcohol": "ignore"}, "on_unsafe": "blur", "blur": "regions"},
        }
    )
    async with suite(generator=always_unsafe(), policies={"custom": policy}, default_policy="custom") as running:
        told = await collect(running.stub, prompt="a dog")
    assert (told.completed.policy, told.completed.policy_version) == ("custom", "7")
    (text,), (image,) = running.text.requests, running.images.requests
    assert text.text == "a dog"
    assert text.run_all_detectors
    assert not image.run_all_detectors
    assert [(t.threshold, t.ignored) for t in text.thresholds] == [(0.25, False)]
    assert [(t.threshold, t.ignored) for t in image.thresholds] == [(0, True)]
    assert image.redaction == image_moderation_pb2.REDACTION_BLUR_REGIONS
    assert image.prepare_delivery
    assert image.max_delivery_bytes == 4 * 2**20 - 128 * 1024
    assert told.of("image_produced")[0].image.startswith(BLURRED)


async def test_a_flagged_finding_of_an_unknown_category_still_counts() -> None:
    """A moderator newer than the gateway may know more categories: such a finding blurs all the same."""

    def newer(response: image_moderation_pb2.ModerateImageResponse) -> None:
        for finding in response.findings:
            finding.category = 987  # type: ignore[assignment] # the point of the test

    async with suite(generator=always_unsafe(), images=ScriptedImages(alter=newer)) as running:
        told = await collect(running.stub, prompt="a dog")
    assert told.completed.outcome == pb.OUTCOME_DELIVERED_BLURRED
    assert not any(UNSAFE in event.SerializeToString() for event in told.events)
