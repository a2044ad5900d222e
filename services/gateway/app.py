"""Wires the gateway: settings -> policies and upstreams -> servicers."""

from __future__ import annotations

from collections.abc import Mapping

import grpc

from safelight.gateway.v1 import gateway_pb2, gateway_pb2_grpc
from safelight.image_moderation.v1 import image_moderation_pb2_grpc
from safelight.text_moderation.v1 import text_moderation_pb2_grpc
from services.common.server import Service, StartError
from services.gateway.costs import PriceError, PriceList, load_prices
from services.gateway.moderation_proxy import ImageModerationProxy, TextModerationProxy
from services.gateway.policy import Policy, PolicyError, load_policies
from services.gateway.service import GatewayServicer
from services.gateway.settings import Settings
from services.gateway.upstreams import IMAGE_SERVICE, TEXT_SERVICE, Upstreams

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1", "[::1]")

GATEWAY_SERVICE = gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"].full_name


def build(
    settings: Settings, *, policies: Mapping[str, Policy] | None = None, prices: PriceList | None = None
) -> Service:
    """The gateway, ready for serve(). Call it inside the event loop.

    Raises StartError for a policy or a price list that is wrong.
    """
    try:
        if policies is None:
            policies = load_policies(settings.policy_files)
        if prices is None:
            prices = load_prices(settings.price_files)
    except (PolicyError, PriceError) as error:
        raise StartError(str(error)) from None
    if settings.default_policy not in policies:
        raise StartError(
            f"{settings.variable('default_policy')}={settings.default_policy!r}: no such policy; "
            f"there are {', '.join(sorted(policies))}"
        )
    allowed = _allowed(settings, policies)
    upstreams = Upstreams.connect(settings)

    def register(server: grpc.aio.Server) -> None:
        gateway_pb2_grpc.add_GatewayServiceServicer_to_server(
            GatewayServicer(settings=settings, policies=policies, allowed=allowed, upstreams=upstreams, prices=prices),
            server,
        )
        text_moderation_pb2_grpc.add_TextModerationServiceServicer_to_server(TextModerationProxy(upstreams), server)
        image_moderation_pb2_grpc.add_ImageModerationServiceServicer_to_server(
            ImageModerationProxy(upstreams, max_image_bytes=settings.max_image_bytes), server
        )

    return Service(
        name="gateway",
        settings=settings,
        full_names=(GATEWAY_SERVICE, TEXT_SERVICE, IMAGE_SERVICE),
        register=register,
        close=upstreams.close,
        watch_ready=upstreams.watch,
    )


def _allowed(settings: Settings, policies: Mapping[str, Policy]) -> frozenset[str]:
    """The names that callers may use. Raises StartError for one that there is no policy of."""
    if settings.allowed_policies is None:
        if settings.host in LOOPBACK_HOSTS:
            return frozenset(policies)
        safe = {name for name, policy in policies.items() if not policy.sends_flagged_images}
        return frozenset(safe | {settings.default_policy})
    if unknown := sorted(set(settings.allowed_policies) - set(policies)):
        raise StartError(
            f"{settings.variable('allowed_policies')}: no such policy: {', '.join(unknown)}; "
            f"there are {', '.join(sorted(policies))}"
        )
    return frozenset({*settings.allowed_policies, settings.default_policy})
