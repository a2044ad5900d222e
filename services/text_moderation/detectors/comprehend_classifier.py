"""Amazon Comprehend: a custom classifier behind an endpoint, asked with ClassifyDocument.

https://docs.aws.amazon.com/comprehend/latest/APIReference/API_ClassifyDocument.html. A multi-class classifier answers
with `Classes`, whose scores add up to 1, a multi-label one with `Labels`, each of which stands by itself.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from safelight.common.v1 import category_pb2, finding_pb2
from services.common import errors, records, telemetry
from services.common.aws import checks
from services.common.aws.api import Api
from services.common.moderation import Thresholds, surest_where_they_overlap
from services.text_moderation.segments import Segment, segments
from services.text_moderation.settings import STAGE, Settings

log = telemetry.logger("comprehend")

# https://docs.aws.amazon.com/comprehend/latest/dg/idp-inputs-sync.html: 10 KB and 10,000 characters. Whether a KB is
# 1,000 bytes it does not say; these are enough either way.
MOST_BYTES = 10_000
CHARACTERS_OF_A_UNIT = 100
UNIT = "comprehend.classify_document.unit"
# Below this confidence a category is not worth reporting.
LEAST = 0.05

HARMLESS = frozenset(
    {"safe", "not toxic", "nottoxic", "non toxic", "nontoxic", "clean", "harmless", "neutral", "benign", "none"}
)
"""Labels that mean nothing is wrong, in small letters, with spaces for - and _."""
ANY = "toxicity"
"""The category of what is unsafe in no way that is known."""

OVERALL = "all unsafe classes"
"""The label of a finding that stands for several classes."""

_CATEGORIES = frozenset(name.removeprefix("CATEGORY_").lower() for name in category_pb2.Category.keys())  # noqa: SIM118

Labels = Mapping[str, str | None]


class ComprehendClassifier:
    """The detector. Safe to use from several threads at a time."""

    name = "comprehend_classifier"

    def __init__(self, settings: Settings) -> None:
        """Makes no connection yet: see check()."""
        self._endpoint = settings.comprehend_endpoint_arn or ""
        self._labels = settings.comprehend_labels
        self._api = Api.of(
            "comprehend", settings, provider="comprehend", stage=STAGE, setting="comprehend_endpoint_arn", field="text"
        )
        self._unknown: set[str] = set()
        self.version = f"ClassifyDocument {self._endpoint.rpartition('/')[2]}"

    def check(self) -> None:
        """See checks.Checked."""
        self._api.connect()
        checks.require_arn(self._api, self._endpoint, service="comprehend", resource="document-classifier-endpoint/")
        described = checks.describe(self._api, "DescribeEndpoint", EndpointArn=self._endpoint)
        if described is not None:
            state = described.get("EndpointProperties", {}).get("Status")
            # While it is changed it goes on answering.
            if state not in ("IN_SERVICE", "UPDATING"):
                raise self._api.reject(f"has this endpoint in the state {state}, in which it does not answer")

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        """As detect_above, with a threshold of 0.5 for everything."""
        return self.detect_above(subject, Thresholds(0.5, {}))

    def detect_above(self, subject: str, thresholds: Thresholds) -> list[finding_pb2.Finding]:
        """A finding for each label that means a category, or for all classes of one, with the surest's name; the surest
        first. A text beyond 10,000 bytes is judged in overlapping parts, of which the worst counts; the findings then
        say which part. The thresholds say which classes count towards a finding of all together.
        """
        parts = segments(subject, MOST_BYTES)
        found = [finding for part in parts for finding in self._classify(part, thresholds, whole=len(parts) == 1)]
        return surest_where_they_overlap(found)

    def _classify(self, part: Segment, thresholds: Thresholds, *, whole: bool) -> Iterator[finding_pb2.Finding]:
        response = self._api.call(
            "ClassifyDocument",
            unit=UNIT,
            quantity=math.ceil(len(part.text) / CHARACTERS_OF_A_UNIT),
            Text=part.text,
            EndpointArn=self._endpoint,
        )
        for warning in response.get("Warnings", ()):
            records.remark(f"comprehend warns: {warning.get('WarnCode', 'without a code')}")
        if response.get("Errors"):
            raise self._api.nonsense("could not read all of the text")
        results = _results(response, self._api)
        self._tell_unknown(label for label, _ in results)
        counted = {name for name in _CATEGORIES if _counts(name, thresholds)}
        for meant in _meanings(results, self._labels, counted, exclusive=_is_exclusive(response)):
            if meant.confidence < LEAST:
                continue
            finding = finding_pb2.Finding(
                category=_number(meant.category),
                label=meant.label,
                confidence=meant.confidence,
                detector=self.name,
            )
            if not whole:
                finding.text_span.start, finding.text_span.end = part.start, part.end
            yield finding

    def _tell_unknown(self, labels: Iterable[str]) -> None:
        for label in labels:
            if label not in self._unknown and not is_known(label, self._labels):
                self._unknown.add(label)
                setting = Settings.variable("comprehend_labels")
                log.warning("comprehend.label_unknown", label=label, taken_for=ANY, setting=setting)


def scores(response: Mapping[str, Any], labels: Labels) -> dict[str, float]:
    """What a response of ClassifyDocument says, by category name ("hate"): confidences from 0 to 1.

    `labels` gives the category of labels, or None for what is harmless; others are read as category_of() does. Of
    several labels of one category the classes of a multi-class classifier add up, for a text has just one of them, and
    those of several categories add up to ANY; of a multi-label one the surest counts. Raises ModelResponseInvalid.
    """
    found: dict[str, float] = {}
    for meant in _meanings(_results(response, None), labels, _CATEGORIES, exclusive=_is_exclusive(response)):
        found[meant.category] = max(found.get(meant.category, 0.0), meant.confidence)
    return found


def category_of(label: str, labels: Labels) -> str | None:
    """The category that a label means; None for a harmless one.

    What `labels` says; else a category's own name in any spelling, or HARMLESS; else ANY: an unknown label is no reason
    to let a text pass.
    """
    if label in labels:
        meant = labels[label]
        return meant and meant.lower()
    plain = _plain(label)
    if plain in HARMLESS:
        return None
    return plain.replace(" ", "_") if _is_category(plain) else ANY


def is_known(label: str, labels: Labels) -> bool:
    """Whether category_of() has more to go by than that the label is unknown."""
    plain = _plain(label)
    return label in labels or plain in HARMLESS or plain == "toxic" or _is_category(plain)


class _Meant(NamedTuple):
    category: str
    label: str
    confidence: float


def _meanings(
    results: list[tuple[str, float]], labels: Labels, counted: Collection[str], *, exclusive: bool
) -> list[_Meant]:
    """What labels and scores mean, without what is harmless; of classes that are `exclusive` one for each category, and
    one for those of the `counted` categories together.
    """
    found = [
        _Meant(category, label, score)
        for label, score in sorted(results, key=lambda each: -each[1])
        if (category := category_of(label, labels)) is not None
    ]
    if not exclusive:
        return found
    added: dict[str, _Meant] = {}
    for each in found:
        surest = added.get(each.category, each._replace(confidence=0.0))
        added[each.category] = surest._replace(confidence=min(1.0, surest.confidence + each.confidence))
    together = [each for each in found if each.category in counted]
    if len({each.category for each in together}) > 1:
        # Unsafe in one of several ways, and in none for sure: the scores of all say how unsafe the text is.
        added[ANY] = _Meant(ANY, OVERALL, min(1.0, sum(each.confidence for each in together)))
    return list(added.values())


def _counts(category: str, thresholds: Thresholds) -> bool:
    """Whether a category counts towards ANY: not one that is ignored, or that is allowed more than ANY is."""
    limit = thresholds.of(_number(category))
    overall = thresholds.of(_number(ANY))
    return limit is not None and overall is not None and limit <= overall


def _number(category: str) -> category_pb2.Category.ValueType:
    return category_pb2.Category.Value(f"CATEGORY_{category.upper()}")


def _is_exclusive(response: Mapping[str, Any]) -> bool:
    return bool(response.get("Classes"))


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("-", " ").replace("_", " ").split())


def _is_category(plain: str) -> bool:
    return plain != "unspecified" and f"CATEGORY_{plain.replace(' ', '_').upper()}" in category_pb2.Category.keys()  # noqa: SIM118 # no dict


def _results(response: Mapping[str, Any], api: Api | None) -> list[tuple[str, float]]:
    """Labels and scores. Raises ModelResponseInvalid where there are none, or none that make sense."""
    results = response.get("Classes") or response.get("Labels") or ()
    try:
        found = [(str(each.get("Name", "")), float(each.get("Score", math.nan))) for each in results]
    except (AttributeError, TypeError, ValueError):  # botocore hands on members of another type than the model's
        found = []
    if not found or not all(name and 0 <= score <= 1 for name, score in found):
        what = "gave no classes or labels, or none that make sense"
        raise errors.ModelResponseInvalid(f"comprehend {what}") if api is None else api.nonsense(what)
    return found
