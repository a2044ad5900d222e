"""What every service's settings have in common, and how a wrong value is reported.

A setting is read from `SAFELIGHT_<SERVICE>_<NAME>` and, failing that, from `SAFELIGHT_<NAME>`, which sets it for every
service: `SAFELIGHT_LOG_LEVEL=debug` turns up all four, `SAFELIGHT_GENERATOR_LOG_LEVEL=debug` one.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSetting

SHARED_PREFIX = "SAFELIGHT_"
LOOPBACK = "127.0.0.1"

# Variables that Kubernetes sets in every pod for a Service named like one of ours (safelight-gateway).
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_KUBERNETES_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$")


# Variables that begin like those that all services share and belong to somebody else: a service, the client (see
# docs/client.md), the container.
_SERVICE_PREFIXES = tuple(
    f"{SHARED_PREFIX}{name}_" for name in ("GATEWAY", "TEXT_MODERATION", "IMAGE_MODERATION", "GENERATOR")
)
_NOT_SETTINGS = frozenset(
    f"{SHARED_PREFIX}{name}"
    for name in ("TARGET", "API_KEY", "TLS", "TLS_CA", "TLS_CERT", "TLS_KEY", "TLS_SERVER_NAME", "SERVICE")
)


class SettingsError(Exception):
    """One or more settings are wrong. The message names each variable, its value and why, one to a line."""


class ServiceSettings(BaseSettings):
    """The settings that all services share. Each service adds its own in its settings.py."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    host: str = Field(LOOPBACK, description="Address to listen on. 0.0.0.0 for all, as in a container.")
    port: int = Field(0, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="How log lines look; auto is console on a terminal and JSON elsewhere."
    )
    log_prompts: bool = Field(False, description="Log prompts at debug level. They are private: leave this off.")
    reflection: bool = Field(True, description="Serve gRPC reflection, which grpcurl and buf curl use.")
    workers: int = Field(2, ge=1, le=256, description="Threads for blocking work.")
    queue: int = Field(256, ge=0, le=100_000, description="Jobs that may wait for a worker before the rest is refused.")
    max_receive_mib: int = Field(33, ge=1, le=1024, description="Largest message accepted, in MiB.")
    max_send_mib: int = Field(33, ge=1, le=1024, description="Largest message sent, in MiB.")
    max_concurrent_rpcs: int = Field(
        2000, ge=1, le=1_000_000, description="Calls at a time; more are refused with RESOURCE_EXHAUSTED."
    )
    keepalive_time_s: float = Field(60, ge=1, description="Seconds of silence after which a connection is pinged.")
    keepalive_timeout_s: float = Field(20, ge=0.1, description="Seconds to wait for the answer to such a ping.")
    keepalive_min_client_s: float = Field(10, ge=0.1, description="Shortest ping interval allowed to clients, seconds.")
    max_connection_age_s: float = Field(
        0, ge=0, description="Seconds after which a connection is closed gently, so that clients rebalance. 0: never."
    )
    max_connection_age_grace_s: float = Field(300, ge=0, description="Seconds that calls on it may still take.")
    grace_period_s: float = Field(30, ge=0, description="Seconds that running calls may take after SIGTERM or SIGINT.")
    drain_delay_s: float = Field(
        0, ge=0, description="Seconds between NOT_SERVING and refusing calls, for load balancers to notice."
    )
    tls_cert_file: Path | None = Field(None, description="PEM certificate chain; turns TLS on, with tls_key_file.")
    tls_key_file: Path | None = Field(None, description="PEM private key of that certificate.")
    tls_client_ca_file: Path | None = Field(
        None, description="PEM roots; clients must then show a certificate they signed (mutual TLS)."
    )

    @model_validator(mode="after")
    def _tls_files(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file go together")
        if self.tls_client_ca_file is not None and self.tls_cert_file is None:
            raise ValueError("tls_client_ca_file needs tls_cert_file and tls_key_file")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the service's own variables, then those shared by all."""
        return init_settings, env_settings, _SharedVariables(settings_cls, env_prefix=SHARED_PREFIX)

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a setting: `SAFELIGHT_GATEWAY_PORT` for `port` of the gateway's."""
        return f"{cls.model_config['env_prefix']}{field}".upper()


class ProviderSettings(ServiceSettings):
    """Of services that may have Amazon's behind them. Credentials come by boto3's own chain."""

    aws_region: str | None = Field(
        None, description="Region of the AWS services. Unset: boto3's own (AWS_REGION, AWS_DEFAULT_REGION, profile)."
    )
    aws_endpoint_url: str | None = Field(
        None,
        description="Address of all AWS services, in place of their own: a VPC endpoint, a stand-in. "
        "boto3's AWS_ENDPOINT_URL_<SERVICE> sets one.",
    )
    aws_connect_timeout_s: float = Field(
        3, gt=0, le=60, description="Longest wait for a connection to an AWS service, seconds."
    )
    aws_read_timeout_s: float = Field(
        70,
        gt=0,
        le=3600,
        description="Longest silence of an AWS service, seconds; a SageMaker model may take 60. A deadline cuts it.",
    )
    aws_max_attempts: int = Field(
        3,
        ge=1,
        le=10,
        description="How often a call is sent to an AWS service at most; it is repeated where that may help.",
    )
    aws_check_interval_s: float = Field(
        30,
        ge=1,
        description="Seconds between looks at whether credentials and endpoints are in order, which the health tells.",
    )

    @field_validator("aws_endpoint_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/]+\S*", value):
            raise ValueError("must be an address that begins with http:// or https://")
        return value


class _SharedVariables(EnvSettingsSource):
    """Reads `SAFELIGHT_<NAME>`, only for the settings that all services share."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        if field_name not in _shared_fields():
            return None, field_name, False
        return super().get_field_value(field, field_name)


def split_list(value: Any) -> Any:
    """A list setting's value: comma separated or a JSON list. For a `mode="before"` validator of a NoDecode field."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"is not a JSON list: {error}") from None
    return [item.strip() for item in value.split(",") if item.strip()]


S = TypeVar("S", bound=ServiceSettings)


def load(settings: type[S], **overrides: object) -> S:
    """Reads a service's settings from the environment. Raises SettingsError with every wrong or misspelt one."""
    problems = list(misspelt(settings))
    try:
        loaded = settings(**overrides)  # type: ignore[arg-type] # checked by pydantic itself
    except ValidationError as error:
        problems += _describe(settings, error)
    except UnreadableSetting as error:
        # Raised before anything is checked, for a list or mapping that is not JSON.
        field = next((f for f in settings.model_fields if f'"{f}"' in str(error)), "")
        problems.append(f"{_variable_set(settings, field)}: must be JSON")
    if problems:
        raise SettingsError("\n".join(problems))
    return loaded


def load_or_exit(settings: type[S], **overrides: object) -> S:
    """Like load(); a wrong setting ends the process with status 2 and its description on stderr."""
    try:
        return load(settings, **overrides)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def misspelt(settings: type[ServiceSettings]) -> Iterator[str]:
    """Variables that look like this service's, or like those that all services share, and are neither."""
    own, shared = str(settings.model_config["env_prefix"]), {f"{SHARED_PREFIX}{f}".upper() for f in _shared_fields()}
    known = {settings.variable(field) for field in settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(own):
            candidates = known
        elif name.startswith(SHARED_PREFIX) and not name.startswith(_SERVICE_PREFIXES) and name not in _NOT_SETTINGS:
            candidates = shared
        else:
            continue
        if name not in candidates and not _KUBERNETES_LINK.search(name):
            close = difflib.get_close_matches(name, candidates, n=1)
            yield f"{name}: there is no such setting" + (f"; did you mean {close[0]}?" if close else "")


def _shared_fields() -> list[str]:
    return [field for field in ProviderSettings.model_fields if field != "port"]


def _describe(settings: type[ServiceSettings], error: ValidationError) -> Iterator[str]:
    for item in error.errors():
        reason = item["msg"].removeprefix("Value error, ")
        if not item["loc"]:
            fields = [f for f in settings.model_fields if f in reason]
            shared = any(_variable_set(settings, f) != settings.variable(f) for f in fields)
            names = (f"{SHARED_PREFIX}{f}".upper() if shared else settings.variable(f) for f in fields)
            yield f"{', '.join(names) or settings.__name__}: {reason}"
            continue
        name = str(item["loc"][0])
        field = settings.model_fields.get(name)
        secret = field is not None and "Secret" in str(field.annotation)
        value = "(secret)" if secret else repr(item["input"])[:80]
        if name == "port" and str(item["input"]).startswith("tcp://"):
            reason += " (Kubernetes sets this for a Service of that name; give the pod enableServiceLinks: false)"
        inner = "".join(f"[{part}]" for part in item["loc"][1:])
        yield f"{_variable_set(settings, name)}{inner}={value}: {reason}"


def _variable_set(settings: type[ServiceSettings], field: str) -> str:
    own, shared = settings.variable(field), f"{SHARED_PREFIX}{field}".upper()
    return shared if own not in os.environ and shared in os.environ else own


def describe_settings(services: Mapping[str, type[ServiceSettings]]) -> str:
    """Every setting as Markdown: those that all services share first, then each service's own."""
    shared = ProviderSettings.model_fields
    lines = [
        "# Settings",
        "",
        "Environment variables. A wrong value stops the start with the variable's name and the reason. Print this page",
        "with `python -m services settings`.",
        "",
        "## Every service",
        "",
        f"Set as `{SHARED_PREFIX}<NAME>` for all services, or with a service's own prefix for that one, which wins.",
        "`PORT` only goes with a service's own prefix.",
        "",
        *_table("<NAME>", ServiceSettings, [f for f in ServiceSettings.model_fields if f not in ("port",)]),
        "",
        "## Amazon's services",
        "",
        "For text moderation, image moderation and the generator, each of which may have them behind it: see",
        "[aws.md](aws.md). Shared, or with a service's own prefix, as above. Credentials come by boto3's own chain.",
        "",
        *_table("<NAME>", ProviderSettings, [f for f in shared if f not in ServiceSettings.model_fields]),
    ]
    for name, settings in services.items():
        prefix = str(settings.model_config["env_prefix"])
        own = [
            field
            for field, info in settings.model_fields.items()
            if field not in shared or info.default != shared[field].default
        ]
        lines += ["", f"## {name.replace('_', ' ').capitalize()}", "", *_table(prefix, settings, own)]
    return "\n".join(lines) + "\n"


def _table(prefix: str, settings: type[ServiceSettings], fields: Sequence[str]) -> Iterator[str]:
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for field in fields:
        info = settings.model_fields[field]
        variable = field.upper() if prefix == "<NAME>" else f"{prefix}{field}".upper()
        default = info.get_default(call_default_factory=True)
        shown = "" if default is None else json.dumps(default, default=str, ensure_ascii=False).strip('"')
        yield f"| `{variable}` | {f'`{shown}`' if shown else 'unset'} | {info.description} |"
