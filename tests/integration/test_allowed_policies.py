"""Who may use which policy."""

from __future__ import annotations

import grpc
import pytest

from safelight.gateway.v1 import gateway_pb2 as pb
from services.common.server import StartError
from services.gateway import app
from services.gateway.settings import Settings
from tests.support.services import suite
from tests.support.streams import collect


async def names(stub: object) -> set[str]:
    response = await stub.ListPolicies(pb.ListPoliciesRequest())  # type: ignore[attr-defined]
    return {policy.name for policy in response.policies}


async def test_on_loopback_every_policy_may_be_used() -> None:
    async with suite() as running:
        assert await names(running.stub) == {"report", "standard", "strict"}
        assert (await collect(running.stub, prompt="a dog", policy="report")).error is None


async def test_on_any_other_address_none_that_sends_flagged_images() -> None:
    async with suite(host="0.0.0.0") as running:  # noqa: S104 # on purpose: containers listen so
        assert await names(running.stub) == {"standard", "strict"}
        told = await collect(running.stub, prompt="a dog", policy="report")
        assert told.error is not None
        assert told.error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert told.info.reason == "POLICY_NOT_ALLOWED"
        assert told.info.metadata["policy"] == "report"
        assert not running.text.requests


async def test_a_setting_names_them_and_the_default_is_always_among_them() -> None:
    async with suite(allowed_policies="report") as running:
        assert await names(running.stub) == {"report", "standard"}
        told = await collect(running.stub, prompt="a dog", policy="strict")
        assert told.info.reason == "POLICY_NOT_ALLOWED"


async def test_a_name_without_a_policy_stops_the_start() -> None:
    with pytest.raises(StartError, match="SAFELIGHT_GATEWAY_ALLOWED_POLICIES: no such policy: lax"):
        app.build(Settings(allowed_policies="strict,lax"))
