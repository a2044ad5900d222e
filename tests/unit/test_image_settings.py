"""The settings of the image moderation service, as an operator writes them."""

import pytest

from safelight.common.v1 import category_pb2
from services.common.moderation import Thresholds
from services.common.settings import SettingsError, load
from services.image_moderation.decode import Limits
from services.image_moderation.settings import Settings

PREFIX = "SAFELIGHT_IMAGE_MODERATION_"


def test_the_defaults_flag_nudity_and_leave_swimwear_alone() -> None:
    """Without a variable set: nudity counts from 0.5, what is partial or swimwear never does, limits as documented."""
    settings = Settings()
    thresholds = Thresholds.from_names(settings.default_threshold, settings.thresholds)
    assert thresholds.of(category_pb2.CATEGORY_NUDITY) == 0.5
    assert thresholds.of(category_pb2.CATEGORY_NUDITY_PARTIAL) is None
    assert thresholds.of(category_pb2.CATEGORY_SWIMWEAR_OR_UNDERWEAR) is None
    assert settings.detectors == ("nudenet",)
    assert settings.port == 50052
    assert settings.limits == Limits(32 << 20, 32, 10_000, 50_000_000)


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors are a list with commas, thresholds JSON."""
    monkeypatch.setenv(f"{PREFIX}DETECTORS", " nudenet ")
    monkeypatch.setenv(f"{PREFIX}THRESHOLDS", '{"nudity": 0.4, "weapon": null}')
    monkeypatch.setenv(f"{PREFIX}MAX_IMAGE_MIB", "5")
    settings = load(Settings)
    assert settings.detectors == ("nudenet",)
    assert settings.thresholds == {"nudity": 0.4, "weapon": None}
    assert settings.limits.max_bytes == 5 << 20


def test_lists_may_be_json_and_the_default_threshold_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in text moderation."""
    monkeypatch.setenv(f"{PREFIX}DETECTORS", '["nudenet"]')
    monkeypatch.setenv(f"{PREFIX}DEFAULT_THRESHOLD", "0.75")
    settings = load(Settings)
    assert settings.detectors == ("nudenet",)
    assert settings.default_threshold == 0.75


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DETECTORS", "clairvoyance", "nudenet"),
        ("DETECTORS", "nudenet,nudenet", "twice"),
        ("DETECTORS", '["nudenet"', "JSON"),
        ("DETECTORS", " , ", "at least one"),
        ("DEFAULT_THRESHOLD", "1.5", "1"),
        ("THRESHOLDS", '{"nudty": 0.4}', "nudty"),
        ("THRESHOLDS", '{"nudity": 4}', "between 0 and 1"),
        ("MAX_PIXELS", "1000000000", "80000000"),
        ("ONNX_THREADS", "0", "1"),
        ("BEDROCK_GUARDRAIL_VERSION", "latest", "pattern"),
        ("REKOGNITION_CONTENT_CLASSIFIERS", "FreeOfCats", "FreeOfAdultContent"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str) -> None:
    """The start stops with the variable's name and why."""
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as refused:
        load(Settings)
    assert PREFIX + name in str(refused.value)
    assert reason in str(refused.value)


def test_the_settings_of_the_cloud_detectors_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists with commas or as JSON."""
    monkeypatch.setenv(f"{PREFIX}DETECTORS", "nudenet,rekognition")
    monkeypatch.setenv(f"{PREFIX}S3_BUCKETS", "one, two")
    monkeypatch.setenv(f"{PREFIX}REKOGNITION_CONTENT_CLASSIFIERS", '["FreeOfAdultContent"]')
    settings = load(Settings)
    assert settings.detectors == ("nudenet", "rekognition")
    assert settings.s3_buckets == ("one", "two")
    assert settings.rekognition_content_classifiers == ("FreeOfAdultContent",)


def test_the_guardrail_detector_needs_a_guardrail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start stops with the variable that is missing."""
    monkeypatch.setenv(f"{PREFIX}DETECTORS", "bedrock_guardrail")
    with pytest.raises(SettingsError, match=f"{PREFIX}BEDROCK_GUARDRAIL_ID"):
        load(Settings)
    monkeypatch.setenv(f"{PREFIX}BEDROCK_GUARDRAIL_ID", "abc123")
    assert load(Settings).bedrock_guardrail_version == "DRAFT"
