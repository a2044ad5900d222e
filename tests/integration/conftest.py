"""For all integration tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.common.telemetry import configure_logging
from tests.support.aws import AwsStandIn


@pytest.fixture(autouse=True, scope="session")
def _quiet_logs() -> None:
    """A line for each of thousands of calls would cost more than the calls do."""
    configure_logging("error", "json")


@pytest.fixture(scope="module")
def shared_aws() -> Iterator[AwsStandIn]:
    """A stand-in for AWS, which takes a while to learn what to answer."""
    with AwsStandIn() as aws:
        yield aws


@pytest.fixture
def aws(shared_aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsStandIn]:
    """The same, found by boto3 through the environment, and well behaved at the start."""
    for name, value in shared_aws.environment().items():
        monkeypatch.setenv(name, value)
    yield shared_aws
    shared_aws.forget()
