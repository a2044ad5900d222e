"""The CloudFormation template against the code: each policy has the actions that its service calls, and no more."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

from services.generator.settings import Settings as GeneratorSettings
from services.image_moderation.settings import Settings as ImageSettings
from services.text_moderation.settings import Settings as TextSettings

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "deploy" / "aws" / "template.yaml"
SERVICES = ROOT / "services"

# Where each policy's calls are made, and of which services (boto3's names).
CODE = {
    "TextModerationPolicy": (
        ["text_moderation/detectors", "common/aws/guardrails.py"],
        ["bedrock", "bedrock-runtime", "comprehend"],
    ),
    "ImageModerationPolicy": (
        ["image_moderation", "common/aws/guardrails.py"],
        ["bedrock", "bedrock-runtime", "rekognition"],
    ),
    "GeneratorPolicy": (["generator"], ["bedrock", "bedrock-runtime", "s3", "sagemaker", "sagemaker-runtime"]),
    "TrainingPolicy": (["text_moderation/classifier"], ["comprehend", "s3"]),
}

# Operations whose action has another name. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
OTHER_NAMES = {"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}

# What is needed for an operation besides its own action.
BESIDES = {
    # Rekognition begins a review, and reads an object or a version of it, in the caller's name.
    "ImageModerationPolicy": {"sagemaker:StartHumanLoop", "s3:GetObject", "s3:GetObjectVersion"},
    # Without it S3 says 403 of an object that is not there yet; HeadBucket needs it in any case.
    "GeneratorPolicy": {"s3:ListBucket"},
    # The data are sent by boto3's upload, in parts where they are large, and Comprehend takes on a role to read them.
    "TrainingPolicy": {"s3:PutObject", "s3:AbortMultipartUpload", "iam:PassRole"},
}


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as what they apply to."""


def _short_form(loader: Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


Loader.add_multi_constructor("!", _short_form)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text("utf-8"), Loader=Loader)  # noqa: S506 # a SafeLoader
    return loaded


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(each)


def actions(value: Any) -> Iterator[str]:
    """Every action in a policy document, whatever condition it hangs on."""
    if isinstance(value, dict):
        found = value.get("Action", ())
        # A condition's name stands before the two actions that it chooses between.
        yield from (each for each in strings(found) if ":" in each)
        for each in value.values():
            yield from actions(each)
    elif isinstance(value, list):
        for each in value:
            yield from actions(each)


def called(places: list[str], services: list[str]) -> set[str]:
    """The actions of all operations of these services whose names stand in the code, quoted, in those places."""
    session = botocore.session.get_session()
    # IAM knows a service and its runtime by one name.
    known = {
        operation: f"{service.removesuffix('-runtime')}:{operation}"
        for service in services
        for operation in session.get_service_model(service).operation_names
    }
    files = [
        file for place in places for file in [SERVICES / place, *(SERVICES / place).rglob("*.py")] if file.is_file()
    ]
    quoted = {name for file in files for name in re.findall(r"\"([A-Z][A-Za-z]+)\"", file.read_text("utf-8"))}
    return {OTHER_NAMES.get(known[name], known[name]) for name in quoted & known.keys()}


@pytest.mark.parametrize("policy", CODE)
def test_a_policy_has_just_the_actions_that_are_called(template: dict[str, Any], policy: str) -> None:
    """What is called and not allowed fails on AWS only; what is allowed and not called is too much."""
    allowed = set(actions(template["Resources"][policy]))
    needed = called(*CODE[policy]) | BESIDES.get(policy, set())
    assert needed
    assert {"missing": sorted(needed - allowed), "too much": sorted(allowed - needed)} == {
        "missing": [],
        "too much": [],
    }


def test_no_policy_allows_whole_services(template: dict[str, Any]) -> None:
    """No action with a wildcard is allowed to anybody; a bucket denies all that comes without TLS."""
    for name, resource in template["Resources"].items():
        if "*" in "".join(actions(resource)):
            assert resource["Type"] == "AWS::S3::BucketPolicy", name
            assert all(each["Effect"] == "Deny" for each in resource["Properties"]["PolicyDocument"]["Statement"])


def test_every_setting_among_the_outputs_exists(template: dict[str, Any]) -> None:
    """They are there to be pasted."""
    settings = (TextSettings, ImageSettings, GeneratorSettings)
    known = {each.variable(field) for each in settings for field in each.model_fields} | {"SAFELIGHT_AWS_REGION"}
    named = {
        name
        for output in template["Outputs"].values()
        for text in strings(output["Value"])
        for name in re.findall(r"SAFELIGHT_[A-Z0-9_]+", text)
    }
    assert named
    assert named <= known


def test_every_setting_of_the_compose_file_exists() -> None:
    """A misspelt one would stop the start of its container."""
    compose = yaml.safe_load((ROOT / "deploy" / "aws" / "compose.yaml").read_text("utf-8"))
    known = {
        each.variable(field) for each in (TextSettings, ImageSettings, GeneratorSettings) for field in each.model_fields
    }
    for service, content in compose["services"].items():
        for name in content["environment"]:
            if name.startswith("SAFELIGHT_") and service != "gateway":
                assert name in known | {"SAFELIGHT_AWS_REGION"}, name


def test_the_template_is_clean_to_its_linter() -> None:
    """As `make lint` has it; it needs no network."""
    linter = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run([str(linter), str(TEMPLATE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
