"""Asks a service on this machine for its health, as a container's health check does."""

from __future__ import annotations

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.channels import ChannelTls, open_channel
from services.common.settings import LOOPBACK, ServiceSettings, SettingsError

TIMEOUT_S = 5.0


async def check_health(settings: ServiceSettings, *, server_name: str) -> int:
    """0 if the service that listens as `settings` say is serving; else 1, and why on stderr.

    With TLS on, the service's own certificate is taken for the root to trust and, with mutual TLS, shown as ours.
    """
    tls = None
    if settings.tls_cert_file is not None:
        tls = ChannelTls(settings.tls_cert_file, settings.tls_cert_file, settings.tls_key_file, server_name)
    target = f"{LOOPBACK}:{settings.port}"
    try:
        async with open_channel(target, tls=tls) as channel:
            response = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S
            )
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except grpc.aio.AioRpcError as error:
        sys.stderr.write(f"{target}: {error.code().name}: {error.details()}\n")
        return 1
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
    sys.stderr.write(f"{target}: {status}\n")
    return 0 if response.status == health_pb2.HealthCheckResponse.SERVING else 1
