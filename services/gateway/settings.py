"""Every setting of the gateway: variable, default, meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.settings import ServiceSettings, split_list

PREFIX = "SAFELIGHT_GATEWAY_"
MIB = 1 << 20


class Settings(ServiceSettings):
    """Read from SAFELIGHT_GATEWAY_<NAME>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    port: int = Field(50050, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")

    text_moderation_target: str = Field("127.0.0.1:50051", description="gRPC target of text moderation.")
    image_moderation_target: str = Field("127.0.0.1:50052", description="gRPC target of image moderation.")
    generator_target: str = Field("127.0.0.1:50053", description="gRPC target of the generator.")
    upstream_tls_ca_file: Path | None = Field(None, description="PEM roots; turns TLS to the three upstreams on.")
    upstream_tls_cert_file: Path | None = Field(None, description="PEM certificate to show them (mutual TLS).")
    upstream_tls_key_file: Path | None = Field(None, description="PEM private key of that certificate.")
    upstream_tls_server_name: str | None = Field(
        None, description="Name to expect in their certificates, where it is not the target's host."
    )

    default_policy: str = Field("standard", description="Policy for requests that name none.")
    policy_files: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="YAML files of more policies, comma separated. One named like a shipped policy replaces it."
    )
    allowed_policies: Annotated[tuple[str, ...] | None, NoDecode] = Field(
        None,
        description="Names of the policies that callers may use, comma separated. Unset: all on a loopback address; "
        "elsewhere all but those that send flagged images as they are.",
    )

    price_files: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="YAML files of prices, comma separated, laid over the shipped ones: for your region and contract.",
    )

    text_moderation_timeout_s: float = Field(10, gt=0, description="Longest wait for one prompt's moderation, seconds.")
    generation_timeout_s: float = Field(
        180, gt=0, description="Longest time for one attempt at generating, moderation in between included; seconds."
    )
    image_moderation_timeout_s: float = Field(60, gt=0, description="Longest wait for one image's moderation, seconds.")
    deadline_reserve_s: float = Field(
        0.2, ge=0, description="Part of the caller's deadline kept for the answer, so that it names the stage; seconds."
    )
    max_characters: int = Field(
        10_000, ge=1, le=10_000, description="Longest prompt and negative prompt, in code points."
    )
    max_image_bytes: int = Field(
        4 * MIB - 128 * 1024,
        ge=16_384,
        description="Largest image sent to a client, in bytes; a larger one is re-encoded. The default leaves room for "
        "the rest of the message within the 4 MiB that gRPC clients accept.",
    )

    @field_validator("policy_files", "allowed_policies", "price_files", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return split_list(value)

    @model_validator(mode="after")
    def _upstream_tls_files(self) -> Self:
        # Never a connection in the clear where TLS was half asked for.
        others = (self.upstream_tls_cert_file, self.upstream_tls_key_file, self.upstream_tls_server_name)
        if self.upstream_tls_ca_file is None and any(others):
            raise ValueError("upstream_tls_ca_file is needed for any other of the settings upstream_tls_*")
        if (self.upstream_tls_cert_file is None) != (self.upstream_tls_key_file is None):
            raise ValueError("upstream_tls_cert_file and upstream_tls_key_file go together")
        return self
