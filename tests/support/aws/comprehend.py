"""Amazon Comprehend: ClassifyDocument and DetectToxicContent by the embedded text detectors; DescribeEndpoint.

Limits of DetectToxicContent, from its API reference: up to ten strings, of 1 KB each and 10 KB in all; English only.
That too many strings are an InvalidRequestException is assumed; that too long ones are a
TextSizeLimitExceededException is documented. ClassifyDocument's limit is documented as 10 KB and 10,000 characters
("Inputs for real-time custom analysis").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from safelight.common.v1 import category_pb2
from tests.support.aws import engines
from tests.support.aws.errors import AwsError

MOST_SEGMENTS, MOST_SEGMENT_BYTES, MOST_BYTES = 10, 1024, 10 * 1024
MOST_CLASSIFIED_BYTES = 10 * 1024

_named = category_pb2.Category.Value

# Which of Safelight's categories speak for each of Comprehend's labels.
TOXIC_CONTENT: Mapping[str, frozenset[int]] = {
    label: frozenset(_named(f"CATEGORY_{name}") for name in names)
    for label, names in {
        "GRAPHIC": ("VIOLENCE_GRAPHIC", "DISTURBING"),
        "HARASSMENT_OR_ABUSE": ("HARASSMENT", "HARASSMENT_THREATENING", "SELF_HARM_INSTRUCTIONS"),
        "HATE_SPEECH": ("HATE", "HATE_THREATENING", "HATE_SYMBOL"),
        "INSULT": ("INSULT",),
        "PROFANITY": ("PROFANITY",),
        "SEXUAL": ("SEXUAL", "SEXUAL_EXPLICIT", "MINORS_SEXUAL", "NUDITY"),
        "VIOLENCE_OR_THREAT": ("VIOLENCE", "VIOLENCE_GRAPHIC", "HARASSMENT_THREATENING", "HATE_THREATENING", "WEAPON"),
    }.items()
}


@dataclass(frozen=True)
class Classifier:
    """A custom classifier behind an endpoint.

    `labels` says which categories, by the names of safelight.common.v1.Category without their prefix in lower case,
    speak for each label. A label with None stands for the rest: the more, the less any other applies. A label with ()
    is one for any category at all.
    """

    mode: Literal["MULTI_CLASS", "MULTI_LABEL"] = "MULTI_CLASS"
    labels: Mapping[str, Sequence[str] | None] = field(default_factory=lambda: {"Toxic": (), "Not Toxic": None})
    status: str = "IN_SERVICE"
    inference_units: int = 1

    def scores(self, text: str) -> dict[str, float]:
        """Each label's score (0..1). Those of a multi-class classifier add up to 1."""
        found = engines.read(text)
        scores = {
            label: max((found.get(category, 0.0) for category in _categories(names) or found), default=0.0)
            for label, names in self.labels.items()
            if names is not None
        }
        rest = 1 - max(scores.values(), default=0.0)
        scores = {label: rest if names is None else scores[label] for label, names in self.labels.items()}
        if self.mode == "MULTI_LABEL":
            return scores
        total = sum(scores.values())
        return {label: score / total if total else 1 / len(scores) for label, score in scores.items()}


def _categories(names: Sequence[str]) -> list[int]:
    return [_named(f"CATEGORY_{name.upper()}") for name in names]


@dataclass
class Comprehend:
    """The service."""

    account: str
    region: str
    classifiers: dict[str, Classifier] = field(default_factory=dict)
    """By endpoint ARN."""

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """The handlers by operation."""
        return {
            "ClassifyDocument": self.classify_document,
            "DetectToxicContent": self.detect_toxic_content,
            "DescribeEndpoint": self.describe_endpoint,
        }

    def endpoint_arn(self, name: str) -> str:
        """The ARN of a classifier's endpoint of that name."""
        return f"arn:aws:comprehend:{self.region}:{self.account}:document-classifier-endpoint/{name}"

    def classify_document(self, asked: dict[str, Any]) -> dict[str, Any]:
        """`Classes` or `Labels`, the surest first."""
        if ("Text" in asked) == ("Bytes" in asked):
            raise AwsError("InvalidRequestException", "Give one of Text and Bytes", Reason="INVALID_DOCUMENT")
        text = asked["Text"] if "Text" in asked else asked["Bytes"].decode("utf-8", "replace")
        if len(text.encode()) > MOST_CLASSIFIED_BYTES:
            raise AwsError("TextSizeLimitExceededException", f"Input text size exceeds {MOST_CLASSIFIED_BYTES} bytes")
        classifier = self.classifiers.get(asked["EndpointArn"])
        if classifier is None or classifier.status not in ("IN_SERVICE", "UPDATING"):
            raise AwsError("ResourceUnavailableException", "The specified resource is not available.")
        scores = sorted(classifier.scores(text).items(), key=lambda one: -one[1])
        member = "Classes" if classifier.mode == "MULTI_CLASS" else "Labels"
        return {member: [{"Name": label, "Score": score} for label, score in scores]}

    def detect_toxic_content(self, asked: dict[str, Any]) -> dict[str, Any]:
        """All seven labels for each segment, and its toxicity."""
        texts = [segment["Text"] for segment in asked["TextSegments"]]
        if asked["LanguageCode"] != "en":
            raise AwsError("UnsupportedLanguageException", "Currently, English is the only supported language.")
        if len(texts) > MOST_SEGMENTS:
            raise AwsError("InvalidRequestException", f"There are more than {MOST_SEGMENTS} text segments.")
        sizes = [len(text.encode()) for text in texts]
        if max(sizes) > MOST_SEGMENT_BYTES or sum(sizes) > MOST_BYTES:
            raise AwsError("TextSizeLimitExceededException", f"Input text size exceeds limit: {sizes}")
        return {"ResultList": [self._toxicity(text) for text in texts]}

    def _toxicity(self, text: str) -> dict[str, Any]:
        found = engines.read(text)
        labels = [
            {"Name": label, "Score": max((found.get(category, 0.0) for category in categories), default=0.0)}
            for label, categories in TOXIC_CONTENT.items()
        ]
        return {"Labels": labels, "Toxicity": max(found.values(), default=0.0)}

    def describe_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The endpoint's status."""
        arn = asked["EndpointArn"]
        classifier = self.classifiers.get(arn)
        if classifier is None:
            raise AwsError("ResourceNotFoundException", "RESOURCE_NOT_FOUND: Could not find specified resource.")
        units = classifier.inference_units
        properties: dict[str, Any] = {
            "EndpointArn": arn,
            "Status": classifier.status,
            "ModelArn": f"arn:aws:comprehend:{self.region}:{self.account}:document-classifier/stand-in",
            "DesiredInferenceUnits": units,
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "LastModifiedTime": datetime(2026, 1, 1, tzinfo=UTC),
        }
        if classifier.status == "IN_SERVICE":
            properties["CurrentInferenceUnits"] = units
        return {"EndpointProperties": properties}
