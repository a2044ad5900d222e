"""The gateway's gRPC servicer: checks the request, picks the policy, runs the pipeline."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from typing import Any

from safelight.common.v1 import image_format_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.gateway.v1 import gateway_pb2_grpc
from services.common import errors, telemetry
from services.common.validation import Violations
from services.gateway import pipeline
from services.gateway.costs import PriceList
from services.gateway.events import Journal
from services.gateway.policy import Policy
from services.gateway.settings import Settings
from services.gateway.upstreams import Upstreams, stage_name

log = telemetry.logger("gateway")

SIDE = {"least": 64, "most": 2048, "multiple_of": 8}


class GatewayServicer(gateway_pb2_grpc.GatewayServiceServicer):
    """Serves GatewayService."""

    def __init__(
        self,
        *,
        settings: Settings,
        policies: Mapping[str, Policy],
        allowed: Collection[str],
        upstreams: Upstreams,
        prices: PriceList,
    ) -> None:
        """`policies` are all there are, by name, the default among them; callers may use those in `allowed`."""
        self._settings = settings
        self._policies = policies
        self._allowed = allowed
        self._upstreams = upstreams
        self._prices = prices

    async def GenerateImages(
        self, request: pb.GenerateImagesRequest, context: Any
    ) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        """See the proto."""
        self._validate(request)
        policy = self._policy(request.policy)
        decision_id = secrets.token_hex(16)
        journal = Journal(policy, decision_id=decision_id, prices=self._prices)
        if self._settings.log_prompts:
            log.debug("gateway.prompt", decision_id=decision_id, prompt=request.prompt)
        try:
            async with aclosing(
                pipeline.run(
                    request,
                    policy=policy,
                    upstreams=self._upstreams.calls(deadline=self._upstreams.deadline(context)),
                    journal=journal,
                    max_image_bytes=self._settings.max_image_bytes,
                )
            ) as events:
                async for event in events:
                    yield event
        finally:
            cost = journal.cost()
            log.info(
                "gateway.decision",
                decision_id=decision_id,
                policy=policy.name,
                policy_version=policy.version,
                outcome=pb.Outcome.Name(journal.outcome).removeprefix("OUTCOME_").lower(),
                stage=stage_name(journal.running),
                cost=cost.total,
                currency=cost.currency,
            )

    async def ListPolicies(self, request: pb.ListPoliciesRequest, context: Any) -> pb.ListPoliciesResponse:
        """See the proto."""
        return pb.ListPoliciesResponse(
            policies=[self._policies[name].to_proto() for name in sorted(self._allowed)],
            default_policy=self._settings.default_policy,
        )

    def _validate(self, request: pb.GenerateImagesRequest) -> None:
        wrong = Violations()
        wrong.text("prompt", request.prompt, most=self._settings.max_characters, required=True)
        wrong.text("negative_prompt", request.negative_prompt, most=self._settings.max_characters)
        if request.width:
            wrong.number("width", request.width, **SIDE)
        if request.height:
            wrong.number("height", request.height, **SIDE)
        if request.steps:
            wrong.number("steps", request.steps, least=1, most=150)
        if request.HasField("guidance_scale"):
            wrong.number("guidance_scale", request.guidance_scale, least=0, most=30)
        if request.count:
            wrong.number("count", request.count, least=1, most=8)
        wrong.enum("output_format", request.output_format, image_format_pb2.ImageFormat)
        wrong.raise_if_any()

    def _policy(self, name: str) -> Policy:
        policy = self._policies.get(name or self._settings.default_policy)
        if policy is not None and policy.name not in self._allowed:
            raise errors.PolicyNotAllowed(
                f"the policy {policy.name} is not allowed here; there are {', '.join(sorted(self._allowed))}",
                metadata={"policy": policy.name},
            )
        if policy is None:
            known = ", ".join(sorted(self._allowed))
            raise errors.PolicyUnknown(
                [errors.FieldViolation("policy", f"must be one of {known}; the name has {len(name)} characters")]
            )
        return policy
