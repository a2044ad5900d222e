"""The classifier: its model file, its training command, its findings."""
# ruff: noqa: RUF001 # look-alike letters are what is tested

from __future__ import annotations

import csv
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.common.v1 import category_pb2
from services.text_moderation.classifier import model as model_file
from services.text_moderation.classifier.features import features, words
from services.text_moderation.classifier.model import ModelError
from services.text_moderation.classifier.train import DataError, main, read, train
from services.text_moderation.detectors.classifier import Classifier

CLASSIFIER = Classifier.load()

HOSTILE = ["stones shall rain on {} people", "{} people are lesser and should leave", "nobody wants {} people here"]
CALM = ["a {} lantern on a table", "two boats and a {} pier", "watercolour of a {} hill", "a {} bowl of plums"]
WORDS = ["blue", "northern", "tall", "old", "river", "hill", "island", "quiet", "round", "summer"]


def training_csv(folder: Path) -> Path:
    path = folder / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for word in WORDS:
            writer.writerows(["HATE", text.format(word)] for text in HOSTILE)
            writer.writerows(["safe", text.format(word)] for text in CALM)
        writer.writerow(["hate|violence", 'stones, "sharp" ones\nshall rain on everybody'])
    return path


def test_the_shipped_model_is_small_and_holds_no_pickle() -> None:
    """Plain arrays of numbers, under 3 MB."""
    assert model_file.SHIPPED.stat().st_size < 3_000_000
    with zipfile.ZipFile(model_file.SHIPPED) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
    with np.load(model_file.SHIPPED, allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fu" for name in file.files)


def test_findings_are_the_same_each_time_and_in_order() -> None:
    text = "those people are filthy animals and should be driven out of our country"
    first = CLASSIFIER.detect(text)
    assert first == CLASSIFIER.detect(text) == Classifier.load().detect(text)
    confidences = [f.confidence for f in first]
    assert confidences == sorted(confidences, reverse=True)
    assert all(f.WhichOneof("location") is None for f in first)


@pytest.mark.parametrize(
    "text",
    [
        "A boxer dancing on a table",
        "A lady on the beach in swimming wear, water color style",
        "A dog in a suit",
        "a bowl of blood oranges by the window, still life, soft light",
        "a knight with a sword in front of a castle, concept art, highly detailed",
        "kids playing football in a park",
        "a chef cutting vegetables with a knife",
    ],
)
def test_ordinary_prompts_stay_below_the_default_threshold(text: str) -> None:
    assert [f.label for f in CLASSIFIER.detect(text) if f.confidence >= 0.5] == []


def test_respelled_words_are_read_as_plain_ones() -> None:
    assert words("Ｈéllo, wоrld! s\u200bo gooood") == ["hello", "world", "so", "good"]


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    """Probabilities are numbers from 0 to 1 whatever the text."""
    for finding in CLASSIFIER.detect(text):
        assert 0 <= finding.confidence <= 1
    indices, values = features(text)
    assert len(indices) == len(values) == len(set(indices.tolist()))
    assert np.isfinite(values).all()


def test_the_training_command_learns_and_repeats_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trained twice on the same CSV, the model is the same to the byte, and tells the two kinds of text apart."""
    data = training_csv(tmp_path)
    for name in ("a.npz", "b.npz"):
        assert main(["train", str(data), "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert '"hate": 31' in capsys.readouterr().out
    trained = Classifier.load(tmp_path / "a.npz")
    hostile = {f.category: f.confidence for f in trained.detect("nobody wants yellow people here")}
    calm = {f.category: f.confidence for f in trained.detect("watercolour of a yellow hill")}
    assert hostile[category_pb2.CATEGORY_HATE] > 0.5 > calm.get(category_pb2.CATEGORY_HATE, 0.0)


def test_training_can_weigh_rows_and_judge_by_source(tmp_path: Path) -> None:
    data = training_csv(tmp_path)
    count = len(read(data).texts)
    rows = tmp_path / "rows.csv"
    rows.write_text("weight,source,ordinary\n" + "".join(f"{0.5 + i % 2},{'ab'[i % 2]},1\n" for i in range(count)))
    figures = train(data, tmp_path / "m.npz", rows_path=rows)
    assert set(figures["leave one source out"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("hate,a text\nhate\n", "line 2: needs two columns, labels and text; has 1"),
        ("hate,a text\nrudeness,another\n", "line 2: no category is named 'rudeness'"),
        ("hate|safe,a text\n", "line 1: a text is safe or it has categories"),
        ("hate,a text\n", "needs texts that are safe"),
        ("safe,a text\n", "needs texts that are safe and texts that are not"),
    ],
)
def test_wrong_training_data_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, reason: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content)
    assert main(["train", str(path), "--out", str(tmp_path / "m.npz")]) == 2
    assert reason in capsys.readouterr().err
    with pytest.raises(DataError):
        read(path)


def test_rows_have_to_match_the_texts(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("weight,source,ordinary\n1,a,1\n")
    with pytest.raises(DataError, match="has 1 rows for 71 texts"):
        read(training_csv(tmp_path), rows)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x93NUMPY"])
def test_a_file_that_is_no_model_is_reported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not a model file"):
        Classifier.load(path)


def test_an_object_array_is_refused(tmp_path: Path) -> None:
    """An array of objects would need pickle to read."""
    path = tmp_path / "m.npz"
    np.savez(path, metadata=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ModelError, match="is not a model file"):
        Classifier.load(path)


def test_a_missing_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        Classifier.load(tmp_path / "none.npz")


def test_serving_needs_no_training_library() -> None:
    """The detectors run on numpy alone; scikit-learn is imported for training only."""
    import subprocess

    code = (
        "import sys; from services.text_moderation.detectors.classifier import Classifier; "
        "Classifier.load().detect('a boat'); sys.exit('sklearn' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
