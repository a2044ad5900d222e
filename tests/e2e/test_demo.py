"""What `make demo` does: real models, real servers, real sockets, in a process of its own."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from safelight.gateway.v1 import gateway_pb2 as pb
from services import demo

ROOT = Path(__file__).parents[2]


async def test_the_command_prints_a_summary_saves_the_images_and_exits_0(tmp_path: Path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "demo", "--out", str(tmp_path / "out")),
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    assert "What happened" in stdout.decode()
    assert "Traceback" not in stderr.decode()
    for prompt in demo.PROMPTS:
        assert prompt.text in stdout.decode()
    for name in ("boxer", "lady", "dog", "ellipses"):
        with Image.open(tmp_path / "out" / f"{name}.png") as image:
            assert image.size == (512, 512)


async def test_each_prompt_ends_as_it_is_there_to_show(tmp_path: Path):
    results = await demo.run(demo.PROMPTS, tmp_path, Console(quiet=True))
    by_name = dict(zip((prompt.file for prompt in demo.PROMPTS), results, strict=True))
    assert [pb.Outcome.Name(by_name[name].outcome) for name in ("boxer", "lady", "dog")] == ["OUTCOME_DELIVERED"] * 3
    for name, detector in (("disguised", "terms"), ("classifier", "classifier")):
        assert by_name[name].outcome == pb.OUTCOME_PROMPT_REJECTED
        assert {finding.detector for finding in by_name[name].findings} == {detector}
        assert not by_name[name].images
    blurred = by_name["ellipses"]
    assert blurred.outcome == pb.OUTCOME_DELIVERED_BLURRED
    assert blurred.attempts == 3
    assert {finding.detector for finding in blurred.findings} == {"nudenet"}
    for result in results:
        assert 0 < result.moderation_share < 1


@pytest.mark.parametrize("policy", ["standard", "strict"])
async def test_what_is_delivered_of_a_flagged_image_is_clean_to_the_detector(policy: str):
    import safelight

    async with demo.suite() as address, safelight.AsyncClient(address) as client:
        result = await client.generate("an abstract study of six ellipses", seed=7, policy=policy).result()
        for image in result.images:
            if image.data:
                assert not (await client.moderate_image(image.data)).flagged
