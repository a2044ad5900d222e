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
from services.text_moderation.classifier import network, vectors
from services.text_moderation.classifier.cli import main
from services.text_moderation.classifier.data import DataError, read
from services.text_moderation.classifier.evaluate import calibration_error, reliability
from services.text_moderation.classifier.features import LEAST_WORDS, WINDOW, hashed, stretches, words
from services.text_moderation.classifier.model import ModelError
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
    """Plain arrays of numbers, under 10 MB with the word vectors."""
    assert model_file.SHIPPED.stat().st_size + vectors.SHIPPED.stat().st_size < 10_000_000
    for path in (model_file.SHIPPED, vectors.SHIPPED):
        with zipfile.ZipFile(path) as archive:
            assert all(name.endswith(".npy") for name in archive.namelist())
        with np.load(path, allow_pickle=False) as file:
            assert all(file[name].dtype.kind in "fiu" for name in file.files)


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
    assert words("Ｈéllo, wоrld! s\u200bo gooood h4ppy d@ys 1920s 4k") == [
        "hello", "world", "so", "good", "happy", "days", "1920s", "4k",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [LEAST_WORDS, WINDOW - 1, WINDOW, WINDOW + 1, 60, 100])
def test_a_text_is_judged_to_its_last_word(count: int) -> None:
    """Every word is in a part, none of which is longer than WINDOW; a short sentence is one part."""
    text = [str(number) for number in range(count)]
    parts = stretches(" ".join(text))
    assert {word for part in parts for word in part} == set(text)
    assert all(LEAST_WORDS <= len(part) <= WINDOW for part in parts)
    assert (len(parts) == 1) == (count <= WINDOW)


def test_sentences_are_judged_by_themselves_and_together() -> None:
    assert stretches("One two three. Four five six? Seven, eight.") == [
        ["one", "two", "three"], ["four", "five", "six"],
        ["one", "two", "three", "four", "five", "six", "seven", "eight"],
    ]  # fmt: skip
    assert stretches("f/1.4 at 3.5 m") == [["f", "1", "4", "at", "3", "5", "m"]]


@pytest.mark.parametrize("text", ["", "two words", "...", "no. no. no."[:6]])
def test_very_short_texts_are_left_to_the_lexicon(text: str) -> None:
    assert CLASSIFIER.detect(text) == []


def test_harmless_company_hardly_hides_a_bad_sentence() -> None:
    """A text is judged by its worst part, which has to look a little worse the more parts there are."""
    bad = "they are vermin and should all be wiped off the face of the earth"
    calm = "We walked along the river until noon, fed the ducks, and read the paper on a bench in the sun. "
    alone = CLASSIFIER.detect(bad)[0].confidence
    hidden = max(f.confidence for f in CLASSIFIER.detect(calm + bad.capitalize() + ". " + calm))
    assert alone >= 0.5
    assert hidden >= 0.75 * alone


def test_word_vectors_know_what_is_alike() -> None:
    """Words that mean nearly the same lie closer together than words that do not; unknown words are all zeros."""
    table = vectors.load()
    cat, kitten, tax, unknown = (table.table[row] for row in table.rows(["cat", "kitten", "tax", "zzyqx"]))
    assert cat @ kitten / np.linalg.norm(kitten) > 2 * (cat @ tax / np.linalg.norm(tax))
    assert not unknown.any()
    assert "kitten" in table
    assert "zzyqx" not in table


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    """Probabilities are numbers from 0 to 1 whatever the text."""
    for finding in CLASSIFIER.detect(text):
        assert 0 <= finding.confidence <= 1
    indices, values = hashed(words(text))
    assert len(indices) == len(values) == len(set(indices.tolist()))
    assert np.isfinite(values).all()


def test_the_network_learns_along_its_gradient() -> None:
    """The gradient that training follows is the slope of the loss, measured by small steps."""
    random = np.random.default_rng(0)
    table = np.vstack([np.zeros((1, 5)), random.normal(size=(9, 5))]).astype(np.float32)
    rows, lengths = network.pad([random.integers(1, 10, size).astype(np.int32) for size in (1, 3, 6, 4)])
    targets = random.integers(0, 2, (4, 2)).astype(np.float32)
    texts = network.Texts(rows, lengths, targets, np.ones(4, np.float32), np.array([0, 0, 1, 1]))
    shapes = {
        "one": (5, 3), "one_bias": (3,), "three": (3, 5, 3), "three_bias": (3,), "five": (3, 3, 3), "five_bias": (3,),
        "out": (18, 2), "out_bias": (2,),
    }  # fmt: skip
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    weights["groups"] = np.zeros((2, 2), np.float32)

    def loss() -> float:
        trained = network.Network(**{name: array for name, array in weights.items() if name != "groups"})
        margins = network.margins(trained, table, rows, lengths).astype(np.float64)
        return float((np.log1p(np.exp(margins)) - targets * margins).sum() / 4)

    kept = {"drop_words": 0, "drop_numbers": 0, "drop_answers": 0, "drop_pooled": 0}
    gradients = network._gradients(table, texts, np.arange(4), weights, random, **kept)
    for name, gradient in gradients.items():
        if name == "groups":
            continue
        place = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
        before = weights[name][place].copy()
        weights[name][place] = before + 1e-2
        above = loss()
        weights[name][place] = before - 1e-2
        slope = (above - loss()) / 2e-2
        weights[name][place] = before
        assert slope == pytest.approx(float(gradient[place]), rel=0.05, abs=1e-3), name


def test_what_a_text_is_filled_up_with_has_no_say() -> None:
    """Texts are judged together, the shorter ones filled up with zeros, and each as if it were alone."""
    model = model_file.load()
    rows = [model.words.rows(words(text)) for text in ("a cat", "two dogs on a red boat", "nobody likes them at all")]
    together = model.network.margins(model.words.table[network.pad(rows)[0]])
    for row, margins in zip(rows, together, strict=True):
        assert model.network.margins(model.words.table[row[None]])[0] == pytest.approx(margins, abs=1e-4)


def test_the_training_command_learns_and_repeats_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trained twice on the same CSV, the model is the same to the byte, and tells the two kinds of text apart."""
    data = training_csv(tmp_path)
    for name in ("a.npz", "b.npz"):
        assert main(["train", str(data), "--out", str(tmp_path / name), "--epochs", "30"]) == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert "b.npz" in capsys.readouterr().out.splitlines()[-1]
    trained = Classifier.load(tmp_path / "a.npz")
    hostile = {f.category: f.confidence for f in trained.detect("nobody wants yellow people here")}
    calm = {f.category: f.confidence for f in trained.detect("watercolour of a yellow hill")}
    assert hostile[category_pb2.CATEGORY_HATE] > 0.5 > calm.get(category_pb2.CATEGORY_HATE, 0.0)


@pytest.mark.parametrize(
    "more", ["", "hate|insult,they are all the same to me\n", "toxicity,go away now\nsafe,a cup\n"]
)
def test_even_a_few_texts_train_a_model(tmp_path: Path, more: str) -> None:
    """Parts of the data may lack a label altogether."""
    data = tmp_path / "data.csv"
    data.write_text(f"hate,you are awful people here\nsafe,a cat on a mat\n{more}")
    assert main(["train", str(data), "--out", str(tmp_path / "m.npz"), "--epochs", "1"]) == 0
    assert Classifier.load(tmp_path / "m.npz").detect("a dog on a rug") is not None


def test_the_evaluation_command_prints_figures_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures by category and by slice, for a model file or for models that are trained without each source."""
    data = training_csv(tmp_path)
    count = len(read(data).texts)
    rows = tmp_path / "rows.csv"
    header = "weight,source,slice,group,ordinary\n"
    rows.write_text(header + "".join(f"{0.5 + i % 2},{'ab'[i % 2]},{'xy'[i % 2]},g,1\n" for i in range(count)))
    model = tmp_path / "m.npz"
    assert main(["train", str(data), "--rows", str(rows), "--out", str(model), "--epochs", "30"]) == 0
    for options in ([], ["--leave-out", "source", "--plots", str(tmp_path / "plots")]):
        capsys.readouterr()
        assert main(["evaluate", str(data), "--rows", str(rows), "--model", str(model), *options]) == 0
        printed = capsys.readouterr().out
        assert "precision  recall     F1 false pos." in printed
        for line in ("hate", "toxicity", "a / x", "b / y"):
            assert f"\n{line}" in printed
    for name in ("precision_recall.png", "reliability.png"):
        assert (tmp_path / "plots" / name).read_bytes().startswith(b"\x89PNG")


def test_calibration_error_is_how_far_confidence_and_truth_lie_apart() -> None:
    truth = np.array([True, False, False, False, True, True, True, True])
    found = np.array([0.25, 0.25, 0.25, 0.25, 0.9, 0.9, 0.9, 0.9])
    assert reliability(truth, found) == [(0.25, 0.25, 4), (pytest.approx(0.9), 1.0, 4)]
    assert calibration_error(truth, found) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("hate,a text\nhate\n", "line 2: needs two columns, labels and text; has 1"),
        ("hate,a text\nrudeness,another\n", "line 2: no category is named 'rudeness'"),
        ("hate|safe,a text\n", "line 1: a text is safe or it has categories"),
        ("hate,a text\n", "needs texts that are safe"),
        ("safe,a text\n", "needs texts that are safe and texts that are not"),
        (None, "data.csv: No such file or directory"),
    ],
)
def test_wrong_training_data_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, reason: str
) -> None:
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_text(content)
    assert main(["train", str(path), "--out", str(tmp_path / "m.npz")]) == 2
    assert reason in capsys.readouterr().err


def test_rows_have_to_match_the_texts(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("weight,source,slice,group,ordinary\n1,a,x,g,1\n")
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
