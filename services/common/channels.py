"""Client channels to other services: TLS, keepalive, size limits and retries."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from services.common.settings import SettingsError


@dataclass(frozen=True)
class ChannelTls:
    """How to connect with TLS: roots to trust, our own certificate for mutual TLS, the name to expect."""

    ca_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None


def open_channel(
    target: str,
    *,
    tls: ChannelTls | None = None,
    max_message_mib: int = 33,
    retry_methods: tuple[tuple[str, str], ...] = (),
) -> grpc.aio.Channel:
    """A channel to `target` (any gRPC target, such as `dns:///text:50051`).

    `retry_methods` are pairs of full service name and method that are safe to repeat; they are tried up to three times,
    on UNAVAILABLE only (AIP-194).
    """
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", max_message_mib << 20),
        ("grpc.max_send_message_length", max_message_mib << 20),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # A dead upstream must be noticed again soon after it is back.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        # Requests larger than this buffer would not be retried; by default it holds no ordinary image.
        ("grpc.per_rpc_retry_buffer_size", max_message_mib << 20),
        ("grpc.service_config", json.dumps(_service_config(retry_methods))),
    ]
    if tls is None:
        return grpc.aio.insecure_channel(target, options=options)
    check_tls_files(cert_file=tls.cert_file, key_file=tls.key_file, ca_file=tls.ca_file)
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=read_pem(tls.ca_file),
        private_key=read_pem(tls.key_file) if tls.key_file else None,
        certificate_chain=read_pem(tls.cert_file) if tls.cert_file else None,
    )
    return grpc.aio.secure_channel(target, credentials, options=options)


def read_pem(path: Path) -> bytes:
    """The bytes of a certificate or key file. Raises SettingsError naming the file when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None


def check_tls_files(*, cert_file: Path | None, key_file: Path | None, ca_file: Path | None) -> None:
    """Raises SettingsError naming the file that is no PEM, or the key that is not the certificate's.

    gRPC itself says nothing of the kind; with a wrong file it only fails to listen or to connect.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if cert_file is not None:
        read_pem(cert_file)
        read_pem(key_file or cert_file)
        try:
            context.load_cert_chain(cert_file, key_file)
        except (ssl.SSLError, ValueError) as error:
            raise SettingsError(f"{cert_file} and {key_file}: no certificate and its key: {_reason(error)}") from None
    if ca_file is not None:
        read_pem(ca_file)
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError as error:
            raise SettingsError(f"{ca_file}: holds no certificates: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return (getattr(error, "reason", None) or "not readable as PEM").lower().replace("_", " ")


def _service_config(retry_methods: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    if not retry_methods:
        return {}
    return {
        "methodConfig": [
            {
                "name": [{"service": service, "method": method} for service, method in retry_methods],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
    }
