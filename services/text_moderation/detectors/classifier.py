"""Detector `classifier`: small models over words, their meaning and their company, for what no list can hold."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from safelight.common.v1 import category_pb2, finding_pb2
from services.text_moderation.classifier import model as model_file
from services.text_moderation.classifier.model import Model

# Below this confidence a category is not worth reporting.
LEAST = 0.2


class Classifier:
    """Judges a text as a whole. Safe to share between threads."""

    name = "classifier"

    def __init__(self, model: Model) -> None:
        """`model` has the names of categories as its labels; raises ValueError for one that does not exist."""
        self.version = model.version
        self._model = model
        self._categories = [category_pb2.Category.Value(f"CATEGORY_{label.upper()}") for label in model.labels]

    @classmethod
    def load(cls, path: Path = model_file.SHIPPED) -> Self:
        """From a model file, by default the shipped one. Raises ModelError."""
        return cls(model_file.load(path))

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        """One finding for each category from a confidence of 0.2 on, the surest first; without a location."""
        probabilities = self._model.probabilities(subject)
        found = sorted(
            (
                (float(probability), label, category)
                for probability, label, category in zip(
                    probabilities, self._model.labels, self._categories, strict=True
                )
                if probability >= LEAST
            ),
            reverse=True,
        )
        return [
            finding_pb2.Finding(category=category, label=label, confidence=probability, detector=self.name)
            for probability, label, category in found
        ]
