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


def test_the_shared_variables_do_not_set_what_is_each_services_own(monkeypatch: pytest.MonkeyPatch):
    """One port for all four would be a clash; a service's own settings have no shared variable."""
    monkeypatch.setenv("SAFELIGHT_PORT", "1234")
    monkeypatch.setenv("SAFELIGHT_LIMIT", "8")
    it = load(Example)
    assert (it.port, it.limit) == (0, 3)


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_EXAMPLE_TOKEN", "hunter2")
    said = problem()
    assert said.startswith("SAFELIGHT_EXAMPLE_TOKEN=(secret): ")
    assert "hunter2" not in said


def test_a_list_that_is_not_json_is_told_like_any_wrong_value(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFELIGHT_GATEWAY_POLICY_FILES", "mine.yaml")
    assert problem(GatewaySettings).startswith("SAFELIGHT_GATEWAY_POLICY_FILES")
    monkeypatch.setenv("SAFELIGHT_GATEWAY_POLICY_FILES", '["mine.yaml"]')
    assert load(GatewaySettings).policy_files == [Path("mine.yaml")]


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
