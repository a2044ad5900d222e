"""What the gateway's stream says when the provider that makes the images refuses, or changes what was asked for."""

from __future__ import annotations

from textwrap import dedent

import pytest

from safelight.common.v1 import category_pb2, finding_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.generator.v1 import generator_pb2
from tests.support.services import SAFE, ScriptedGenerator, suite
from tests.support.streams import Told, collect, compact


def refusal(
    subject: str, index: int | None = None, *, flagged: bool = True, seed: int = 0
) -> generator_pb2.GenerationRefused:
    why = finding_pb2.Finding(
        category=category_pb2.CATEGORY_PROVIDER_REFUSAL,
        label="CONTENT_FILTERED",
        confidence=1,
        flagged=flagged,
        detector="bedrock",
    )
    return generator_pb2.GenerationRefused(
        image_index=index,
        subject=generator_pb2.RefusalSubject.Value(f"REFUSAL_SUBJECT_{subject}"),
        findings=[why],
        seed=seed,
    )


def without_steps(told: Told) -> str:
    return "\n".join(line for line in compact(told.events).splitlines() if not line.startswith("step"))


def golden(told: Told, expected: str) -> None:
    assert without_steps(told) == dedent(expected).strip()
    assert told.error is None


async def test_a_prompt_that_the_provider_refuses_is_rejected() -> None:
    """A refusal is an outcome with its findings, not an error, and nothing is tried again."""
    async with suite(generator=ScriptedGenerator(image=lambda *_: refusal("PROMPT"))) as running:
        told = await collect(running.stub, prompt="a dog", count=2)
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted
        start generation 1
        end generation 1 scripted flagged [CONTENT_FILTERED]
        completed prompt_rejected, attempts 0 [CONTENT_FILTERED]
        """,
    )
    assert told.completed.message == "the prompt was refused because of provider refusal"
    assert len(running.generator.requests) == 1
    assert not running.images.requests


async def test_an_image_that_the_provider_keeps_is_made_anew_with_another_seed() -> None:
    """Where the policy regenerates, a refused image is like one that was flagged."""
    generator = ScriptedGenerator(
        image=lambda attempt, index: refusal("IMAGE", 0, seed=7) if (attempt, index) == (1, 0) else SAFE
    )
    async with suite(generator=generator) as running:
        told = await collect(running.stub, prompt="a dog", count=2, seed=7)
    golden(
        told,
        """
        start text_moderation
        end text_moderation scripted
        start generation 1
        end generation 1 scripted flagged [CONTENT_FILTERED]
        warning image_refused (generation 1.0) [CONTENT_FILTERED]
        warning image_regenerating (generation 1.0) [CONTENT_FILTERED]
        start image_moderation 1.1
        end image_moderation 1.1 scripted
        image 1.1 cleared '<safe>'
        start generation 2
        end generation 2 scripted
        start image_moderation 2.0
        end image_moderation 2.0 scripted
        image 2.0 cleared '<safe>'
        completed delivered, attempts 2
        """,
    )


@pytest.mark.parametrize("policy", ["standard", "strict", "report"])
async def test_an_image_that_the_provider_keeps_to_the_last_is_withheld(policy: str) -> None:
    """There is nothing to blur and nothing to warn of: no policy can send what was not made."""
    async with suite(generator=ScriptedGenerator(image=lambda *_: refusal("IMAGE", 0, seed=5))) as running:
        told = await collect(running.stub, prompt="a dog", policy=policy)
    (image,) = told.of("image_produced")
    assert (image.disposition, image.image, image.seed) == (pb.IMAGE_DISPOSITION_WITHHELD, b"", 5)
    assert [finding.label for finding in image.findings] == ["CONTENT_FILTERED"]
    assert told.completed.outcome == pb.OUTCOME_WITHHELD
    assert not running.images.requests
    assert len(running.generator.requests) == told.completed.attempts


async def test_a_prompt_that_is_refused_after_the_first_image_withholds_the_rest() -> None:
    """The image that was made is moderated and sent; the others are not asked for again."""
    generator = ScriptedGenerator(image=lambda attempt, index: SAFE if index == 0 else refusal("PROMPT"))
    async with suite(generator=generator) as running:
        told = await collect(running.stub, prompt="a dog", count=3)
    assert [(i.image_index, i.disposition) for i in told.of("image_produced")] == [
        (0, pb.IMAGE_DISPOSITION_CLEARED),
        (1, pb.IMAGE_DISPOSITION_WITHHELD),
        (2, pb.IMAGE_DISPOSITION_WITHHELD),
    ]
    assert told.completed.outcome == pb.OUTCOME_PARTIALLY_WITHHELD
    assert len(running.generator.requests) == 1


async def test_what_the_model_could_not_do_is_a_warning() -> None:
    """A notice of the generator's reaches the caller in words."""
    notice = generator_pb2.GenerationNotice(
        reason=generator_pb2.NOTICE_REASON_SIZE_CHANGED, message="made at 1024 x 1024", field="width"
    )
    async with suite(generator=ScriptedGenerator(notices=[notice])) as running:
        told = await collect(running.stub, prompt="a dog")
    (warning,) = told.of("warning")
    assert (warning.stage, warning.reason) == (pb.STAGE_GENERATION, pb.WARNING_REASON_GENERATION_ADJUSTED)
    assert (warning.message, warning.attempt) == ("made at 1024 x 1024", 1)
    assert told.completed.outcome == pb.OUTCOME_DELIVERED


@pytest.mark.parametrize(
    "wrong",
    [
        refusal("IMAGE", 1),
        refusal("IMAGE", 0, flagged=False),
        generator_pb2.GenerationRefused(image_index=0, subject=generator_pb2.REFUSAL_SUBJECT_IMAGE),
    ],
    ids=["of an image that was not asked for", "with a finding that is not flagged", "without a finding"],
)
async def test_a_refusal_that_makes_no_sense_ends_the_stream(wrong: generator_pb2.GenerationRefused) -> None:
    """The generator is held to its contract here too."""
    async with suite(generator=ScriptedGenerator(image=lambda *_: wrong)) as running:
        told = await collect(running.stub, prompt="a dog")
    assert (told.info.reason, told.info.metadata["stage"]) == ("MODEL_RESPONSE_INVALID", "generation")
    assert not told.of("image_produced")


async def test_an_image_after_its_refusal_ends_the_stream() -> None:
    """What was refused cannot come all the same."""
    generator = ScriptedGenerator(image=lambda attempt, index: refusal("IMAGE", 1) if index == 0 else SAFE)
    async with suite(generator=generator) as running:
        told = await collect(running.stub, prompt="a dog", count=2)
    assert told.info.reason == "MODEL_RESPONSE_INVALID"
    assert not told.of("image_produced")
