"""Settings: which variable wins, and what is said of a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.common.settings import ServiceSettings, SettingsError, load, load_or_exit
from services.gateway.settings import Settings as GatewaySettings


class Example(ServiceSettings):
    """Settings of a service that only tests have."""

    model_config = SettingsConfigDict(
        env_prefix="SAFELIGHT_EXAMPLE_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    limit: int = Field(3, ge=1, le=9)
    token: SecretStr | None = Field(None, min_length=20)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SAFELIGHT_"):
            monkeypatch.delenv(name)


def problem(kind: type[ServiceSettings] = Example, **overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load(kind, **overrides)
    return str(caught.value)


def test_without_variables_the_defaults_hold():
    it = load(GatewaySettings)
    assert (it.host, it.port, it.default_policy, it.log_prompts) == ("127.0.0.1", 50050, "standard", False)


@pytest.mark.parametrize(
    ("value", "reason"),
    [("10", "less than or equal to 9"), ("0", "greater than or equal to 1"), ("many", "valid integer")],
)
def test_a_wrong_value_names_the_variable_the_value_and_why(monkeypatch: pytest.MonkeyPatch, value: str, reason: str):
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_LIMIT", value)
    said = problem()
    assert said.startswith(f"SAFELIGHT_EXAMPLE_LIMIT='{value}': ")
    assert reason in said


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_LIMIT", "10")
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_PORT", "70000")
    assert {line.split("=")[0] for line in problem().splitlines()} == {
        "SAFELIGHT_EXAMPLE_LIMIT",
        "SAFELIGHT_EXAMPLE_PORT",
    }


def test_a_services_own_variable_beats_the_shared_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_LOG_LEVEL", "error")
    assert load(Example).log_level == "error"
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_LOG_LEVEL", "debug")
    assert load(Example).log_level == "debug"
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_LOG_LEVEL", "")
    assert load(Example).log_level == "error"


def test_an_argument_beats_every_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_LIMIT", "4")
    assert load(Example, limit=5).limit == 5


def test_a_wrong_shared_variable_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_LOG_LEVEL", "loud")
    assert problem().startswith("SAFELIGHT_LOG_LEVEL='loud': ")


@pytest.mark.parametrize("name", ["SAFELIGHT_PORT", "SAFELIGHT_LIMIT"])
def test_there_is_no_shared_variable_for_what_is_each_services_own(monkeypatch: pytest.MonkeyPatch, name: str):
    """One port for all four would be a clash; a service's own settings have no shared variable."""
    monkeypatch.setenv(name, "8")
    assert f"{name}: there is no such setting" in problem()


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_TOKEN", "hunter2")
    said = problem()
    assert said.startswith("SAFELIGHT_EXAMPLE_TOKEN=(secret): ")
    assert "hunter2" not in said


@pytest.mark.parametrize("written", ["mine.yaml,yours.yaml", '["mine.yaml", "yours.yaml"]'])
def test_a_list_is_comma_separated_or_json(monkeypatch: pytest.MonkeyPatch, written: str):
    monkeypatch.setenv("SAFELIGHT_GATEWAY_POLICY_FILES", written)
    assert load(GatewaySettings).policy_files == (Path("mine.yaml"), Path("yours.yaml"))


def test_a_list_that_is_broken_json_is_told_like_any_wrong_value(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_GATEWAY_POLICY_FILES", '["mine.yaml"')
    assert problem(GatewaySettings).startswith("SAFELIGHT_GATEWAY_POLICY_FILES")


def test_a_misspelt_variable_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_LIMTI", "4")
    assert "SAFELIGHT_EXAMPLE_LIMTI" in problem()


@pytest.mark.parametrize(
    "files",
    [
        {"tls_cert_file": "a"},
        {"tls_key_file": "a"},
        {"tls_client_ca_file": "a"},
        {"tls_client_ca_file": "a", "tls_cert_file": "b"},
    ],
)
def test_half_a_pair_of_tls_files_is_refused(files: dict[str, str]):
    """TLS that was half asked for must not turn into none."""
    said = problem(Example, **files)
    assert "SAFELIGHT_EXAMPLE_TLS_CERT_FILE" in said
    assert "tls_" in said


@pytest.mark.parametrize(
    "files",
    [
        {"upstream_tls_cert_file": "a", "upstream_tls_key_file": "b"},
        {"upstream_tls_ca_file": "a", "upstream_tls_cert_file": "b"},
        {"upstream_tls_ca_file": "a", "upstream_tls_key_file": "b"},
        {"upstream_tls_server_name": "text"},
    ],
)
def test_half_of_the_upstreams_tls_settings_is_refused(files: dict[str, str]):
    """A client certificate without roots to trust must not mean a connection in the clear."""
    assert "SAFELIGHT_GATEWAY_UPSTREAM_TLS_" in problem(GatewaySettings, **files)


def test_whole_sets_of_tls_files_are_taken():
    assert load(Example, tls_cert_file="a", tls_key_file="b", tls_client_ca_file="c").tls_client_ca_file == Path("c")
    assert load(GatewaySettings, upstream_tls_ca_file="a").upstream_tls_ca_file == Path("a")


def test_a_wrong_setting_ends_the_process_with_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_LIMIT", "10")
    with pytest.raises(SystemExit) as caught:
        load_or_exit(Example)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("SAFELIGHT_EXAMPLE_LIMIT='10'")


def test_a_misspelt_shared_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS that is not on because of a typing error would be no TLS."""
    monkeypatch.setenv("SAFELIGHT_TLS_CLIENT_CA_FIEL", "x")
    with pytest.raises(SettingsError, match="SAFELIGHT_TLS_CLIENT_CA_FIEL: there is no such setting; did you mean"):
        load(ServiceSettings)


@pytest.mark.parametrize("name", ["TARGET", "API_KEY", "TLS_CA", "SERVICE", "GENERATOR_PORT", "GATEWAY_PORT_50050_TCP"])
def test_what_belongs_to_somebody_else_is_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The client's variables, another service's and Kubernetes' own are no misspelt settings."""
    from services.image_moderation.settings import Settings

    monkeypatch.setenv(f"SAFELIGHT_{name}", "1")
    load(Settings)
