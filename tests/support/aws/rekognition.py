"""Amazon Rekognition: DetectModerationLabels by NudeNet, in the words of moderation model 7; its adapters' projects.

Limits: "Guidelines and quotas in Amazon Rekognition": PNG and JPEG only, 5 MB as bytes (the model's own limit) and 15
MB in S3, 80 to 10,000 pixels a side. Which error answers a side out of bounds is not documented:
InvalidParameterException is assumed, as for "input parameter violated a constraint".
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from tests.support.aws import engines
from tests.support.aws.errors import AwsError

MODEL_VERSION = "7.0"
# Without MinConfidence, labels from 50 % on are returned (API reference, ModerationLabel).
DEFAULT_CONFIDENCE = 50.0
MOST_BYTES_IN_S3 = 15 * 1024 * 1024
LEAST_SIDE, MOST_SIDE = 80, 10_000

_EXPLICIT = ("Explicit", "Explicit Nudity")
_NON_EXPLICIT = ("Non-Explicit Nudity of Intimate parts and Kissing", "Non-Explicit Nudity")
_OBSTRUCTED = ("Non-Explicit Nudity of Intimate parts and Kissing", "Obstructed Intimate Parts")
# NudeNet's labels in the taxonomy of version 7 ("Using the image and video moderation APIs"): the path from the top.
TAXONOMY: Mapping[str, tuple[str, ...]] = {
    "FEMALE_BREAST_EXPOSED": (*_EXPLICIT, "Exposed Female Nipple"),
    "FEMALE_GENITALIA_EXPOSED": (*_EXPLICIT, "Exposed Female Genitalia"),
    "MALE_GENITALIA_EXPOSED": (*_EXPLICIT, "Exposed Male Genitalia"),
    "BUTTOCKS_EXPOSED": (*_EXPLICIT, "Exposed Buttocks or Anus"),
    "ANUS_EXPOSED": (*_EXPLICIT, "Exposed Buttocks or Anus"),
    "MALE_BREAST_EXPOSED": (*_NON_EXPLICIT, "Exposed Male Nipple"),
    "FEMALE_GENITALIA_COVERED": (*_NON_EXPLICIT, "Implied Nudity"),
    "ANUS_COVERED": (*_NON_EXPLICIT, "Implied Nudity"),
    "FEMALE_BREAST_COVERED": ("Swimwear or Underwear", "Female Swimwear or Underwear"),
    "BUTTOCKS_COVERED": ("Swimwear or Underwear", "Female Swimwear or Underwear"),
}


@dataclass
class Rekognition:
    """The service. Set its fields before or between calls."""

    account: str
    region: str
    fetch: Callable[[str, str], bytes]
    """Reads an S3 object; raises AwsError."""
    content_types: list[dict[str, Any]] = field(default_factory=list)
    """What every picture is said to be, such as {"Name": "Illustrated", "Confidence": 99.9}."""
    adapters: dict[str, str] = field(default_factory=dict)
    """Project versions by ARN, with their status: "TRAINING_COMPLETED" (an adapter has no endpoint), "EXPIRED", ..."""
    review_from: float = 50.0
    """A picture with a label of this confidence or more goes to human review where the request names a flow."""
    flows: set[str] | None = None
    """The flow definitions that exist; None: all do."""

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """The handlers by operation."""
        return {
            "DetectModerationLabels": self.detect_moderation_labels,
            "DescribeProjects": self.describe_projects,
            "DescribeProjectVersions": self.describe_project_versions,
        }

    def detect_moderation_labels(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The labels, each with all its parents, by falling level as the documentation's example has them."""
        picture = self._picture(asked["Image"])
        least = asked.get("MinConfidence", DEFAULT_CONFIDENCE)
        labels = moderation_labels({name: 100 * score for name, score in engines.look(picture).items()}, least)
        result: dict[str, Any] = {"ModerationLabels": labels, "ModerationModelVersion": MODEL_VERSION}
        result["ContentTypes"] = list(self.content_types)
        # An expired adapter is not used, and then not named (model documentation of the response's member).
        if (version := asked.get("ProjectVersion")) and self._adapter(version) != "EXPIRED":
            result["ProjectVersion"] = version
        if loop := asked.get("HumanLoopConfig"):
            result["HumanLoopActivationOutput"] = self._review(loop, labels)
        return result

    def _picture(self, image: dict[str, Any]) -> Image.Image:
        if ("Bytes" in image) == ("S3Object" in image):
            raise AwsError("InvalidParameterException", "Request has invalid image: one of Bytes and S3Object")
        if "Bytes" in image:
            data = image["Bytes"]
        else:
            place = image["S3Object"]
            if not {"Bucket", "Name"} <= place.keys():
                raise AwsError("InvalidParameterException", "S3Object needs Bucket and Name")
            data = self.fetch(place["Bucket"], place["Name"])
            if len(data) > MOST_BYTES_IN_S3:
                raise AwsError("ImageTooLargeException", "Image size is too large")
        try:
            picture = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
            picture.load()
        except (OSError, SyntaxError, ValueError):
            raise AwsError("InvalidImageFormatException", "Request has invalid image format") from None
        if min(picture.size) < LEAST_SIDE or max(picture.size) > MOST_SIDE:
            raise AwsError("InvalidParameterException", f"Request has invalid image dimensions: {picture.size}")
        return picture

    def _adapter(self, arn: str) -> str:
        if arn not in self.adapters:
            raise AwsError("ResourceNotFoundException", "The resource specified in the request does not exist.")
        status = self.adapters[arn]
        if status not in ("TRAINING_COMPLETED", "EXPIRED"):
            raise AwsError("ResourceNotReadyException", f"The project version is {status}.")
        return status

    def _review(self, loop: dict[str, Any], labels: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        flow = loop["FlowDefinitionArn"]
        if self.flows is not None and flow not in self.flows:
            raise AwsError("InvalidParameterException", f"There is no flow definition {flow}.")
        wanted = any(label["Confidence"] >= self.review_from for label in labels)
        results = {"Conditions": [{"EvaluationResult": wanted}]}
        output: dict[str, Any] = {"HumanLoopActivationConditionsEvaluationResults": json.dumps(results)}
        if wanted:
            name = loop["HumanLoopName"]
            output["HumanLoopArn"] = f"arn:aws:sagemaker:{self.region}:{self.account}:human-loop/{name}"
            output["HumanLoopActivationReasons"] = ["ConditionsEvaluation"]
        return output

    def describe_projects(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The projects of `adapters`, with a time of creation that is not their versions'."""
        wanted = asked.get("ProjectNames")
        # Without Features only projects of custom labels are described (model documentation of the request's member).
        names = (
            {arn.split("/")[1] for arn in self.adapters} if "CONTENT_MODERATION" in asked.get("Features", ()) else ()
        )
        return {
            "ProjectDescriptions": [
                {
                    "ProjectArn": f"arn:aws:rekognition:{self.region}:{self.account}:project/{name}/1600000000000",
                    "CreationTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
                    "Status": "CREATED",
                    "Feature": "CONTENT_MODERATION",
                }
                for name in sorted(names)
                if not wanted or name in wanted
            ]
        }

    def describe_project_versions(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The versions of a project among `adapters`."""
        # arn:...:project/NAME/CREATED and arn:...:project/NAME/version/VERSION/CREATED
        project = asked["ProjectArn"].rsplit("/", 1)[0]
        wanted = asked.get("VersionNames")
        found = [
            {
                "ProjectVersionArn": arn,
                "CreationTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
                "Status": status,
                "Feature": "CONTENT_MODERATION",
                "BaseModelVersion": f"ContentModeration-{MODEL_VERSION}",
            }
            for arn, status in self.adapters.items()
            if arn.startswith(f"{project}/version/") and (not wanted or arn.split("/")[-2] in wanted)
        ]
        if not found and not any(arn.startswith(f"{project}/") for arn in self.adapters):
            raise AwsError("ResourceNotFoundException", "The resource specified in the request does not exist.")
        return {"ProjectVersionDescriptions": found}


def moderation_labels(seen: Mapping[str, float], least: float) -> list[dict[str, Any]]:
    """NudeNet's labels (confidence in per cent) as Rekognition's: a parent is as sure as its surest child."""
    levels: dict[tuple[str, ...], float] = {}
    for label, confidence in seen.items():
        path = TAXONOMY[label]
        for depth in range(len(path)):
            part = path[: depth + 1]
            levels[part] = max(levels.get(part, 0.0), confidence)
    return [
        {
            "Name": path[-1],
            "ParentName": path[-2] if len(path) > 1 else "",
            "Confidence": confidence,
            "TaxonomyLevel": len(path),
        }
        for path, confidence in sorted(levels.items(), key=lambda one: -len(one[0]))
        if confidence >= least
    ]
