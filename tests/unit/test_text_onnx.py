"""The detector of an operator's own model: real ONNX files and tokenizers, made here, as small as they can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto
from tokenizers import Tokenizer, models, pre_tokenizers

from safelight.common.v1 import category_pb2
from services.common.errors import ModelResponseInvalid
from services.common.server import StartError
from services.text_moderation.detectors.onnx import Onnx
from services.text_moderation.settings import Settings
from tests.support.onnx_models import SAYS, UNKNOWN, WORDS, network, tokenizer

LABELS = {"LABEL_0": None, "LABEL_1": "toxicity", "2": "hate"}

Make = Callable[..., Settings]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Settings of the detector over a model that is made of what `network` takes."""

    def settings(*, of_model: dict[str, Any] | None = None, **fields: Any) -> Settings:
        given = {
            "detectors": ("onnx",),
            "onnx_model": network(tmp_path / "model.onnx", **(of_model or {})),
            "onnx_tokenizer": tokenizer(tmp_path / "tokenizer.json"),
            "onnx_labels": LABELS,
        }
        return Settings(**{**given, **fields})

    return settings


def confidences(detector: Onnx, text: str) -> dict[str, float]:
    return {finding.label: round(finding.confidence, 3) for finding in detector.detect(text)}


def test_findings_have_the_operators_categories_the_surest_first(make: Make) -> None:
    detector = Onnx.load(make(onnx_activation="sigmoid"))
    first, second = detector.detect("a rude cruel text")
    assert (first.category, first.label, first.detector) == (category_pb2.CATEGORY_TOXICITY, "LABEL_1", "onnx")
    assert (second.category, second.label) == (category_pb2.CATEGORY_HATE, "2")
    assert first.confidence == pytest.approx(1 / (1 + np.exp(-2)))
    assert not first.HasField("location")
    assert detector.detect("a kind text") == []


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("softmax", {"LABEL_1": 0.727, "2": 0.268}),
        ("sigmoid", {"LABEL_1": 0.881, "2": 0.731}),
        ("none", {"LABEL_1": 2.0, "2": 1.0}),
        ("auto", {"LABEL_1": 0.727, "2": 0.268}),
    ],
)
def test_outputs_become_probabilities_as_the_setting_says(
    make: Make, monkeypatch: pytest.MonkeyPatch, activation: str, expected: dict[str, float]
) -> None:
    monkeypatch.setitem(SAYS, "cruel", (-3, 1, 1))
    detector = Onnx.load(make(onnx_activation=activation))
    assert confidences(detector, "rude cruel") == expected


@pytest.mark.parametrize(
    ("of_model", "config", "expected"),
    [
        ({}, {}, "softmax"),
        ({}, {"problem_type": "multi_label_classification"}, "sigmoid"),
        ({}, {"problem_type": "single_label_classification"}, "softmax"),
        ({"labels": 1}, {}, "sigmoid"),
        ({"ending": "Sigmoid"}, {"problem_type": "multi_label_classification"}, "none"),
        ({"ending": "Softmax"}, {}, "none"),
    ],
)
def test_auto_finds_out_what_is_missing(
    make: Make, tmp_path: Path, of_model: dict[str, Any], config: dict[str, Any], expected: str
) -> None:
    """From the outputs of a few texts, and from the config.json that exporters write beside the model."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    detector = Onnx.load(make(of_model=of_model, onnx_labels={"0": "toxicity"}))
    assert detector.about == {"activation": expected, "labels": {"0": "toxicity"}}


def test_labels_may_have_the_names_of_the_models_config(make: Make, tmp_path: Path) -> None:
    names = {"id2label": {"0": "neutral", "1": "insult", "2": "hate speech"}}
    (tmp_path / "config.json").write_text(json.dumps(names))
    settings = make(onnx_labels={"insult": "insult", "hate speech": "hate"})
    assert confidences(Onnx.load(settings), "cruel") == {"insult": 0.268, "hate speech": 0.727}


@pytest.mark.parametrize("words", [9, 10, 11, 40, 1000])
def test_no_part_of_a_long_text_goes_unread(make: Make, words: int) -> None:
    """Wherever the one word stands that counts."""
    detector = Onnx.load(make(onnx_max_tokens=8, onnx_activation="sigmoid"))
    for place in {0, 1, 5, 6, 7, words // 2, words - 2, words - 1}:
        text = " ".join("rude" if number == place else "a" for number in range(words))
        assert confidences(detector, text) == {"LABEL_1": 0.881}


@pytest.mark.parametrize(
    "of_model",
    [
        {"inputs": ("input_ids",)},
        {"inputs": ("input_ids", "token_type_ids", "attention_mask")},
        {"inputs": ("attention_mask", "input_ids"), "type_": TensorProto.INT32},
        {"tokens": 16},
        {"most": 512},
    ],
)
def test_models_are_fed_what_they_ask_for(make: Make, of_model: dict[str, Any]) -> None:
    """By their inputs' names and types; one of a fixed length gets padding, which its mask hides."""
    detector = Onnx.load(make(of_model=of_model, onnx_activation="sigmoid"))
    assert confidences(detector, "a rude text") == {"LABEL_1": 0.881}
    assert confidences(detector, "a " * 60 + "cruel") == {"2": 0.881, "LABEL_1": 0.731}


def test_the_version_changes_with_the_files(make: Make, tmp_path: Path) -> None:
    settings = make()
    first = Onnx.load(settings).version
    assert first == Onnx.load(settings).version
    network(tmp_path / "model.onnx", ending="Sigmoid")
    second = Onnx.load(settings).version
    tokenizer(tmp_path / "tokenizer.json", (*WORDS, "more"))
    assert len({first, second, Onnx.load(settings).version}) == 3


def test_a_text_in_which_the_tokenizer_finds_nothing_has_no_findings(make: Make, tmp_path: Path) -> None:
    bare = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token=UNKNOWN))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    bare.save(str(tmp_path / "bare.json"))
    detector = Onnx.load(make(onnx_tokenizer=tmp_path / "bare.json", onnx_activation="sigmoid"))
    assert detector.detect(" \n ") == []
    assert confidences(detector, "rude") == {"LABEL_1": 0.881}


def test_a_model_that_fails_on_a_text_says_so_and_not_on_which(make: Make, tmp_path: Path) -> None:
    """As where the tokenizer is another model's and has more words."""
    path = tokenizer(tmp_path / "other.json", (*WORDS, "zebra"))
    detector = Onnx.load(make(onnx_tokenizer=path))
    with pytest.raises(ModelResponseInvalid, match="the model of the detector onnx failed") as caught:
        detector.detect("a zebra")
    assert "zebra" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"onnx_model": Path("missing.onnx")}, "ONNX_MODEL=missing.onnx: cannot be read: No such file"),
        ({"onnx_tokenizer": Path("missing.json")}, "ONNX_TOKENIZER=missing.json: cannot be read: No such file"),
        ({"onnx_model": Path(__file__)}, f"ONNX_MODEL={__file__}: is not a model that ONNX Runtime can run: "),
        ({"onnx_tokenizer": Path(__file__)}, f"ONNX_TOKENIZER={__file__}: is not a tokenizer.json of tokenizers: "),
        ({"onnx_labels": {"rude": "toxicity"}}, "ONNX_LABELS: the model has no label 'rude'; there are numbers"),
        ({"onnx_labels": {"3": "toxicity"}}, "has 3 labels, with the numbers 0 to 2; onnx_labels has '3'"),
        ({"onnx_labels": {"1": "hate", "LABEL_1": "hate"}}, "ONNX_LABELS: 'LABEL_1' and '1' are the same label"),
        ({"of_model": {"inputs": ("input_ids", "pixels")}}, "has an input 'pixels'; known are input_ids, att"),
        ({"of_model": {"mask": TensorProto.FLOAT}}, "its input attention_mask must be of integers; is tensor(float)"),
        ({"of_model": {"inputs": ("attention_mask",)}}, "has no input input_ids"),
        ({"of_model": {"tokens": 3}}, "leaves no room for a text: it takes 3 tokens at a time"),
        ({"of_model": {"most": 100}}, "fails, told to take 512 tokens: "),
    ],
)  # fmt: skip
def test_what_does_not_fit_stops_the_start_by_the_settings_name(
    make: Make, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(StartError) as caught:
        Onnx.load(make(**fields))
    assert message in str(caught.value)
    assert str(caught.value).startswith("SAFELIGHT_TEXT_MODERATION_ONNX_")
    assert "\n" not in str(caught.value)


def test_names_that_are_another_models_are_noticed(make: Make, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "fine", "1": "rude"}}))
    with pytest.raises(StartError, match=r"has 3 labels; .*config\.json names 2"):
        Onnx.load(make(onnx_labels={"rude": "toxicity"}))
    with pytest.raises(StartError, match="no label 'cruel'; there are fine, rude in "):
        Onnx.load(make(onnx_labels={"cruel": "hate"}))
