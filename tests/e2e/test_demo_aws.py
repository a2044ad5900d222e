"""What `make demo-aws` does: real boto3, signed requests over real sockets, the stand-in's answers."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from rich.console import Console

from safelight.gateway.v1 import gateway_pb2 as pb
from services import demo
from tests.support.aws import demo as aws_demo


async def test_every_provider_on_aws(tmp_path: Path) -> None:
    """Each prompt ends as it does with embedded providers, and each stream says what its calls cost."""
    results = await aws_demo.run(tmp_path, Console(quiet=True))
    prompts = [*demo.PROMPTS, aws_demo.ASYNC_PROMPT, aws_demo.BEDROCK_PROMPT]
    by_name = dict(zip((prompt.file for prompt in prompts), results, strict=True))
    for name in ("boxer", "lady", "dog", "dog-async", "dog-bedrock"):
        assert by_name[name].outcome == pb.OUTCOME_DELIVERED
        with Image.open(tmp_path / f"{name}.png") as image:
            assert min(image.size) >= 512
        cost = by_name[name].cost_estimate
        assert [each.amount > 0 for each in cost.stages] == [True, True, True]
        assert not cost.unpriced_units
        assert 0 < cost.moderation_share < 1
    for name, detectors in (("disguised", {"terms"}), ("classifier", {"comprehend_toxicity"})):
        assert by_name[name].outcome == pb.OUTCOME_PROMPT_REJECTED
        assert {finding.detector for finding in by_name[name].findings} == detectors
    blurred = by_name["ellipses"]
    assert (blurred.outcome, blurred.attempts) == (pb.OUTCOME_DELIVERED_BLURRED, 3)
    assert {finding.detector for finding in blurred.findings} == {"rekognition"}
