"""Amazon Comprehend's toxicity detection, asked with DetectToxicContent. English.

https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectToxicContent.html and the developer guide's "Trust
and safety": up to ten segments a call, of 1 KB each and 10 KB in all. Each gets a score for all seven labels, and one
for its toxicity as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safelight.common.v1 import category_pb2, finding_pb2
from services.common.aws.api import Api
from services.common.moderation import surest_where_they_overlap
from services.text_moderation.segments import Segment, batches, segments
from services.text_moderation.settings import STAGE, Settings

# Whether a KB is 1,000 bytes the documentation does not say; these are few enough either way.
MOST_SEGMENT_BYTES, MOST_SEGMENTS, MOST_BYTES = 1000, 10, 10_000
LANGUAGE = "en"

# https://aws.amazon.com/comprehend/pricing/: units of 100 characters, at least three for a request.
CHARACTERS_OF_A_UNIT, LEAST_UNITS = 100, 3
UNIT = "comprehend.detect_toxic_content.unit"
# Below this confidence a label is not worth reporting.
LEAST = 0.05

CATEGORIES: dict[str, category_pb2.Category.ValueType] = {
    # Nearest: vivid, unpleasant description, of violence or not.
    "GRAPHIC": category_pb2.CATEGORY_VIOLENCE_GRAPHIC,
    "HARASSMENT_OR_ABUSE": category_pb2.CATEGORY_HARASSMENT,
    "HATE_SPEECH": category_pb2.CATEGORY_HATE,
    "INSULT": category_pb2.CATEGORY_INSULT,
    "PROFANITY": category_pb2.CATEGORY_PROFANITY,
    "SEXUAL": category_pb2.CATEGORY_SEXUAL,
    # Nearest: a threat to one person is also harassment.
    "VIOLENCE_OR_THREAT": category_pb2.CATEGORY_VIOLENCE,
}
"""The labels (ToxicContentType). One that is not here is toxicity of a kind that we cannot name."""

OVERALL = "Toxicity"
"""The label of a finding made of a segment's overall score, which is CATEGORY_TOXICITY."""


class ComprehendToxicity:
    """The detector. Safe to use from several threads at a time."""

    name = "comprehend_toxicity"
    version = "DetectToxicContent"

    def __init__(self, settings: Settings) -> None:
        """Makes no connection yet: see check()."""
        self._api = Api.of(
            "comprehend", settings, provider="comprehend", stage=STAGE, setting="aws_region", field="text"
        )

    def check(self) -> None:
        """See checks.Checked. There is nothing to describe: whether the region has it, calls will tell."""
        self._api.connect()

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        """A finding for each label and for the overall score, the surest first. A text beyond 1,000 bytes is judged in
        overlapping segments; the findings then say which.
        """
        parts = segments(subject, MOST_SEGMENT_BYTES)
        found = [
            finding
            for batch in batches(parts, most=MOST_SEGMENTS, most_bytes=MOST_BYTES)
            for part, result in zip(batch, self._results(batch), strict=True)
            for finding in self._findings(result, part, whole=len(parts) == 1)
        ]
        return surest_where_they_overlap(found)

    def _results(self, batch: Sequence[Segment]) -> list[Mapping[str, Any]]:
        characters = sum(len(part.text) for part in batch)
        response = self._api.call(
            "DetectToxicContent",
            unit=UNIT,
            quantity=max(LEAST_UNITS, math.ceil(characters / CHARACTERS_OF_A_UNIT)),
            expect=("ResultList",),
            TextSegments=[{"Text": part.text} for part in batch],
            LanguageCode=LANGUAGE,
        )
        results: list[Mapping[str, Any]] = response["ResultList"]
        if len(results) != len(batch):
            raise self._api.nonsense(f"answered {len(batch)} segments with {len(results)} results")
        return results

    def _findings(self, result: Mapping[str, Any], part: Segment, *, whole: bool) -> Iterator[finding_pb2.Finding]:
        try:
            scored = [(str(each.get("Name", "")), float(each.get("Score", math.nan))) for each in result["Labels"]]
            scored.append((OVERALL, float(result["Toxicity"])))
        except (AttributeError, KeyError, TypeError, ValueError):  # botocore hands on members of another type, or none
            scored = []
        if len(scored) < 2 or not all(0 <= score <= 1 for _, score in scored):
            raise self._api.nonsense("gave no scores, or none that make sense")
        for label, score in scored:
            if score < LEAST:
                continue
            finding = finding_pb2.Finding(
                category=CATEGORIES.get(label, category_pb2.CATEGORY_TOXICITY),
                label=label or OVERALL,
                confidence=score,
                detector=self.name,
            )
            if not whole:
                finding.text_span.start, finding.text_span.end = part.start, part.end
            yield finding
