"""`make demo-aws`: the demo with Amazon's services as providers, all of them played by the stand-in.

boto3 sends real requests over real HTTP, signed; nothing leaves this machine. Behind the stand-in are the embedded
detectors and the sketch generator, so the pictures are those of `make demo`, but for what JPEG and sizes change.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.text import Text

import safelight
from services import demo
from services.common import telemetry
from tests.support.aws import AwsStandIn, Classifier, Guardrail, StableDiffusion2, moto_server

BUCKET = "safelight-async"

TEXT = "SAFELIGHT_TEXT_MODERATION_"
IMAGE = "SAFELIGHT_IMAGE_MODERATION_"
GENERATOR = "SAFELIGHT_GENERATOR_"

ASYNC_PROMPT = demo.Prompt("A dog in a suit", "the same by asynchronous inference, through S3", 7, "dog-async")
BEDROCK_PROMPT = demo.Prompt("A dog in a suit", "the same by a model of Bedrock's", 7, "dog-bedrock")


def moderation(aws: AwsStandIn) -> dict[str, str]:
    """Text and images moderated by Amazon's services, all that there are: a guardrail last."""
    text, image = aws.guardrail("textguard1", Guardrail()), aws.guardrail("imageguard1", Guardrail())
    return {
        f"{TEXT}DETECTORS": "terms,comprehend_toxicity,comprehend_classifier,bedrock_guardrail",
        f"{TEXT}COMPREHEND_ENDPOINT_ARN": aws.classifier("toxicity", Classifier()),
        f"{TEXT}BEDROCK_GUARDRAIL_ID": text,
        f"{TEXT}BEDROCK_GUARDRAIL_VERSION": "1",
        f"{IMAGE}DETECTORS": "rekognition,bedrock_guardrail",
        f"{IMAGE}BEDROCK_GUARDRAIL_ID": image,
        f"{IMAGE}BEDROCK_GUARDRAIL_VERSION": "1",
    }


def generators(aws: AwsStandIn) -> list[tuple[tuple[demo.Prompt, ...], dict[str, str]]]:
    """The prompts that each of the three backends is shown with, and its settings."""
    sagemaker = {
        f"{GENERATOR}BACKEND": "sagemaker",
        f"{GENERATOR}SAGEMAKER_ENDPOINT": aws.endpoint("sd2", StableDiffusion2(side=512)),
        f"{GENERATOR}SAGEMAKER_DIALECT": "stable_diffusion_2",
        f"{GENERATOR}SAGEMAKER_INSTANCE_TYPE": "ml.g5.2xlarge",
    }
    slow = aws.endpoint(
        "sd2-async",
        StableDiffusion2(side=512),
        output=f"s3://{BUCKET}/output",
        failures=f"s3://{BUCKET}/failed",
    )
    asynchronous = {
        **sagemaker,
        f"{GENERATOR}BACKEND": "sagemaker_async",
        f"{GENERATOR}SAGEMAKER_ENDPOINT": slow,
        f"{GENERATOR}SAGEMAKER_ASYNC_BUCKET": BUCKET,
    }
    bedrock = {
        f"{GENERATOR}BACKEND": "bedrock",
        f"{GENERATOR}BEDROCK_MODEL": "stability.stable-image-core-v1:1",
    }
    return [(demo.PROMPTS, sagemaker), ((ASYNC_PROMPT,), asynchronous), ((BEDROCK_PROMPT,), bedrock)]


async def run(out: Path, console: Console) -> list[safelight.GenerationResult]:
    """The demo's prompts, and one more for each other backend. Returns what came of each."""
    with ExitStack() as stack:
        s3_url = stack.enter_context(moto_server())
        aws = stack.enter_context(AwsStandIn(s3_url=s3_url))
        aws.bucket(BUCKET)
        stack.enter_context(environment({**aws.environment(), **moderation(aws)}))
        results: list[safelight.GenerationResult] = []
        for prompts, settings in generators(aws):
            with environment(settings):
                name = settings[f"{GENERATOR}BACKEND"]
                console.print(Text(f"Generator: {name}. AWS is played by {aws.url}.", style="bold"))
                done = await demo.run(prompts, out, console)
                console.print(demo.summary(prompts, done))
                results += done
        console.print(calls(aws))
        if aws.invalid_requests:
            raise AssertionError(f"requests that AWS would not take: {aws.invalid_requests}")
    return results


def calls(aws: AwsStandIn) -> str:
    """How often each operation was called."""
    operations = sorted({(request.service, request.operation) for request in aws.requests})
    lines = [f"  {service} {name}: {len(aws.requests_of(f'{service}.{name}'))}" for service, name in operations]
    return "\n".join(["Signed requests that the stand-in answered:", *lines])


def environment(variables: Mapping[str, str]) -> ExitStack:
    """Sets variables for the length of a `with`."""
    stack = ExitStack()
    for name, value in variables.items():
        before = os.environ.get(name)
        stack.callback(os.environ.pop, name, None) if before is None else stack.callback(
            os.environ.__setitem__, name, before
        )
        os.environ[name] = value
    return stack


def main() -> int:
    """0 when every prompt came to its end."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.aws.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/aws"), help="folder for the images (default: out/aws)")
    options = parser.parse_args()
    os.environ.setdefault(demo.LOG_LEVEL, "error")
    telemetry.configure_logging("error")
    console = Console() if sys.stdout.isatty() else Console(width=140)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(run(options.out, console))
    except safelight.SafelightError as error:
        sys.stderr.write(f"the demo failed: {error}\n")
        return 1
    console.print(f"The images are in {options.out}/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
