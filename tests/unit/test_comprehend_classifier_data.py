"""Training data for Amazon Comprehend: what is written for it, and everything that is said about wrong data."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from services.text_moderation.classifier import comprehend_state
from services.text_moderation.classifier.comprehend import cost_of_endpoint, metrics_table, settings_for
from services.text_moderation.classifier.comprehend_data import (
    LIMITS,
    MOST_BYTES,
    MOST_TEXTS,
    Mode,
    Prepared,
    broken_limits,
    prepare,
)
from services.text_moderation.classifier.comprehend_state import Endpoint, State, Training, beside
from services.text_moderation.classifier.data import DataError, read


def rows(*, safe: int = 60, hate: int = 60) -> list[str]:
    """Lines of a file that is right in both modes."""
    return [f"safe,calm {i}" for i in range(safe)] + [f"hate,words {i}" for i in range(hate)]


def prepared(path: Path, lines: Sequence[str], mode: Mode = "MULTI_LABEL", *, two_class: bool = False) -> Prepared:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return prepare(path, mode, two_class=two_class)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def test_labels_are_written_as_one_class_each(path: Path) -> None:
    """The local reader takes labels in any case and order; for Comprehend each of these would be another class."""
    found = prepared(path, [*rows(), "Hate|INSULT,a", " insult | hate ,b", *(f"insult,{i}" for i in range(10))])
    assert found.classes == {"safe": 60, "hate": 62, "insult": 12}
    lines = found.body.decode().splitlines()
    assert lines[120:122] == ["hate|insult,a", "hate|insult,b"]
    assert found.texts == len(lines) == 132


def test_what_is_uploaded_trains_the_local_classifier_too(path: Path) -> None:
    """Read back by the local reader it has the same texts and labels, quotes, commas and all."""
    found = prepared(path, [*rows(), 'hate,"with ""quotes"", commas"', "hate,ünïcödé"])
    source = read(path)
    path.write_bytes(found.body)
    again = read(path)
    assert (again.texts, again.labels) == (source.texts, source.labels)
    assert again.texts[-2:] == ['with "quotes", commas', "ünïcödé"]


def test_a_text_is_one_line(path: Path) -> None:
    """Whatever breaks a line becomes a space, so that a reader without quotes sees as many texts; it is said."""
    found = prepared(path, [*rows(), '"hate","one\ntwo\r\nthree"', "hate,four\u2028five"])
    assert found.body.decode().splitlines()[-2:] == ["hate,one two three", "hate,four five"]
    assert any("2 texts have line breaks" in note for note in found.notes)
    assert [len(row) for row in csv.reader(io.StringIO(found.body.decode()))] == [2] * found.texts


def test_two_classes(path: Path) -> None:
    """Every text is Toxic or Not Toxic, so that texts of several labels are right in multi-class mode."""
    found = prepared(path, [*rows(), "hate|insult,both"], "MULTI_CLASS", two_class=True)
    assert found.classes == {"Toxic": 61, "Not Toxic": 60}
    assert found.body.decode().splitlines()[-1] == "Toxic,both"


def test_the_digest_is_of_what_is_uploaded(path: Path) -> None:
    """The same texts in another spelling of the file are the same data; as two classes they are not."""
    one = prepared(path, rows())
    other = prepared(path, [line.replace("hate,", "HATE,") for line in rows()])
    assert one.sha256 == other.sha256
    assert prepared(path, rows(), "MULTI_CLASS", two_class=True).sha256 != one.sha256


def test_everything_wrong_is_said_at_once_with_its_lines(path: Path) -> None:
    """One line for each reason; the number is that of the line on which a row begins."""
    wrong = ['hate,"over two', 'lines"', "hate", "rudeness,x", "hate,", "rudeness,y", "safe|hate,z", "hate,  ", ",q"]
    with pytest.raises(DataError) as caught:
        prepared(path, [*rows(hate=5), *wrong])
    assert str(caught.value).splitlines() == [
        f"{path}, line 68: needs two columns, labels and text; has 1",
        f"{path}, lines 69, 71: no category is named 'rudeness'",
        f"{path}, lines 70, 73: has no text",
        f"{path}, line 72: a text is safe or it has categories, not both",
        f"{path}, line 74: no category is named ''",
        f"{path}: class 'hate' has 6 texts; multi-label mode needs at least 10",
    ]


def test_neighbouring_lines_are_a_range(path: Path) -> None:
    """A whole file of one mistake is one line."""
    with pytest.raises(DataError, match=r"lines 1-3, 124-125: no category is named 'x'$"):
        prepared(path, ["x,1", "x,2", "x,3", *rows(), "x,4", "x,5"])


def test_texts_are_not_printed(path: Path) -> None:
    """In a file whose columns are the other way round the text stands where a label should."""
    with pytest.raises(DataError) as caught:
        prepared(path, [*rows(), "a private sentence,hate"])
    assert "private" not in str(caught.value)
    assert "line 121: no category is named as its first column" in str(caught.value)


def test_multi_class_takes_one_label(path: Path) -> None:
    """A text with two is named, with what to do."""
    with pytest.raises(DataError, match=r"lines 121-122: has more than one label.*--two-class"):
        prepared(path, [*rows(), "hate|insult,a", "insult|hate,b"], "MULTI_CLASS")
    with pytest.raises(DataError, match="class 'hate' has 49 texts; multi-class mode needs at least 50"):
        prepared(path, rows(hate=49), "MULTI_CLASS")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"safe,a\nhate,\xff\n", "line 2: is not UTF-8"),
        (b'safe,a\nhate,"never closed\nsafe,b\n', "line 2: is not CSV: unexpected end of data"),
        (b'safe,a\nhate,"b"c\n', "line 2: is not CSV: ',' expected after '\"'"),
        (b"\xef\xbb\xbfsafe,a\n", "line 1: begins with a byte order mark"),
        (b"", "has 0 classes; a classifier needs two or more"),
    ],
)
def test_files_that_are_no_such_csv(path: Path, content: bytes, reason: str) -> None:
    """Each is named with the line where it goes wrong."""
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        prepare(path, "MULTI_LABEL", two_class=False)
    assert reason in str(caught.value)


def test_notes_are_no_errors(path: Path) -> None:
    """Long texts and lopsided classes train, and are said."""
    found = prepared(path, [*rows(safe=601), f"hate,{'ä' * 5001}"])
    assert any("1 texts are longer than 10 KB" in note for note in found.notes)
    assert not any("times as many" in note for note in found.notes)
    assert any("times as many" in note for note in prepared(path, rows(safe=601)).notes)
    assert prepared(path, rows()).notes == []


@pytest.mark.parametrize(
    ("mode", "classes", "texts", "size", "problems"),
    [
        ("MULTI_LABEL", {"a": 10, "b": 40}, 50, 1, []),
        ("MULTI_LABEL", {"a": 10, "b": 40}, 49, 1, ["has 49 texts; multi-label mode needs at least 50"]),
        ("MULTI_LABEL", {"a": 9, "b": 50}, 59, 1, ["class 'a' has 9 texts; multi-label mode needs at least 10"]),
        ("MULTI_CLASS", {"a": 50, "b": 50}, 100, MOST_BYTES, []),
        ("MULTI_CLASS", {"a": 50, "b": 50}, MOST_TEXTS, 1, []),
        ("MULTI_CLASS", {"a": 50, "b": 50}, MOST_TEXTS + 1, 1, ["has 1,000,001 texts; Comprehend takes at most"]),
        ("MULTI_CLASS", {"a": 50, "b": 50}, 100, MOST_BYTES + 1, ["has 5,000,000,001 bytes; Comprehend takes at most"]),
        ("MULTI_CLASS", {"a": 100}, 100, 1, ["has 1 classes; a classifier needs two or more"]),
        ("MULTI_CLASS", {str(i): 50 for i in range(1000)}, 50_000, 1, []),
        ("MULTI_CLASS", {str(i): 50 for i in range(1001)}, 50_050, 1, ["has 1,001 classes; multi-class mode takes"]),
        (
            "MULTI_LABEL",
            {str(i): 50 for i in range(101)},
            5_050,
            1,
            ["has 101 classes; multi-label mode takes at most"],
        ),
        ("MULTI_LABEL", {"a" * 5001: 50, "b": 50}, 100, 1, ["a class has a name of 5,001 characters"]),
        ("MULTI_LABEL", {"a|b": 50, "c": 50}, 100, 1, ["class 'a|b' has the delimiter '|' in its name"]),
    ],
)
def test_the_documented_limits(
    mode: Mode, classes: dict[str, int], texts: int, size: int, problems: Sequence[str]
) -> None:
    """Each limit of Comprehend's, at it and one beyond it."""
    found = broken_limits(classes, texts, size, mode)
    assert len(found) == len(problems)
    for said, problem in zip(found, problems, strict=True):
        assert said.startswith(problem)


def test_each_mode_has_its_own_limits() -> None:
    """As the page "Guidelines and quotas" has them for plain text."""
    assert (LIMITS["MULTI_CLASS"].most_classes, LIMITS["MULTI_CLASS"].least_texts_of_class) == (1000, 50)
    assert (LIMITS["MULTI_LABEL"].most_classes, LIMITS["MULTI_LABEL"].least_texts_of_class) == (100, 10)


TRAINING = Training(
    name="n",
    version="v1",
    mode="MULTI_LABEL",
    language="en",
    classes=["hate", "safe"],
    sha256="0",
    bucket="b",
    key="k",
    role="r",
    token="t",  # noqa: S106 # no secret
)


def test_the_state_is_kept_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back as it was; a write that fails in the middle leaves the one before, and nothing beside it."""
    state = State(beside(path), "eu-west-1", [TRAINING], Endpoint("e", "m", 2, "t"))
    state.save()
    assert comprehend_state.load(state.path) == state

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(OSError, match="No space"):
        replace(state, endpoint=None).save()
    assert comprehend_state.load(state.path) == state
    assert [found.name for found in path.parent.iterdir()] == [state.path.name]


def test_an_empty_state_has_no_file(path: Path) -> None:
    """When all is deleted there is nothing to remember."""
    state = State(beside(path), "eu-west-1", [TRAINING])
    state.save()
    state.trainings.clear()
    state.save()
    assert comprehend_state.load(state.path) is None
    assert list(path.parent.iterdir()) == []


def test_the_cost_of_an_endpoint() -> None:
    """By the hour and by the month, for all its inference units."""
    said = cost_of_endpoint(4, 0.0005)
    assert "$7.20 an hour" in said
    assert "$5,184 in 30 days" in said
    assert "price list" in cost_of_endpoint(1, None)


def test_every_metric_is_in_the_table() -> None:
    """Those that there are, in words, and no others."""
    metrics = {"Accuracy": 1.0, "MicroF1Score": 0.98765, "HammingLoss": 0.0}
    table = metrics_table({"ClassifierMetadata": {"NumberOfLabels": 3, "EvaluationMetrics": metrics}})
    values = {line[:26].strip(): line[26:].strip() for line in table.splitlines()[1:]}
    assert values == {
        "number of labels": "3",
        "accuracy": "1.0000",
        "micro F1 score": "0.9877",
        "hamming loss": "0.0000",
    }


def test_the_settings_to_paste_name_the_labels_only_where_needed() -> None:
    """A classifier of two classes is understood without."""
    assert "LABELS" not in settings_for("arn", "eu-west-1", ["Not Toxic", "Toxic"])
    lines = settings_for("arn", "eu-west-1", ["hate", "safe"]).splitlines()
    assert lines[-1] == 'SAFELIGHT_TEXT_MODERATION_COMPREHEND_LABELS=\'{"hate": "hate", "safe": null}\''


def test_the_commands_need_no_training_libraries() -> None:
    """Deploying from text moderation's container works: it has neither scikit-learn nor matplotlib."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('sklearn', 'scipy', 'matplotlib', 'services.gateway')));"
        "from services.text_moderation.classifier import cli, comprehend;"
        "sys.exit(cli.main(['delete', 'nowhere.csv', '--region', 'eu-west-1']))"
    )
    environment = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_CONFIG_FILE": "/dev/null"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "nothing to delete" in ran.stdout
