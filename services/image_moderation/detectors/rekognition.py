"""Amazon Rekognition: DetectModerationLabels.

Shapes: the service model of rekognition, botocore 1.44. All else: the Amazon Rekognition Developer Guide. Labels:
"Using the image and video moderation APIs", "Testing Content Moderation version 7 and transforming the API response".
Limits: "Guidelines and quotas in Amazon Rekognition". Adapters: "Managing adapters with the AWS CLI and SDKs".

A label comes without a place in the picture, so no finding has a box.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

from PIL import Image

from safelight.common.v1 import category_pb2, finding_pb2
from safelight.image_moderation.v1.image_moderation_pb2 import S3Object
from services.common import errors, records
from services.common.aws import checks
from services.common.aws.api import Api, Response
from services.common.moderation import Thresholds
from services.image_moderation.provided import ProviderLimits, looks
from services.image_moderation.settings import STAGE, Settings
from services.image_moderation.subjects import is_copy

LIMITS = ProviderLimits(max_bytes=5_242_880, min_side=80, max_side=10_000)
"""The bytes are those of ImageBlob in the service model."""

LABELS: dict[str, category_pb2.Category.ValueType] = {
    # Version 7, with its parents before their children.
    "Explicit": category_pb2.CATEGORY_SEXUAL_EXPLICIT,
    "Explicit Nudity": category_pb2.CATEGORY_NUDITY,
    "Exposed Male Genitalia": category_pb2.CATEGORY_NUDITY,
    "Exposed Female Genitalia": category_pb2.CATEGORY_NUDITY,
    "Exposed Buttocks or Anus": category_pb2.CATEGORY_NUDITY,
    "Exposed Female Nipple": category_pb2.CATEGORY_NUDITY,
    "Explicit Sexual Activity": category_pb2.CATEGORY_SEXUAL_EXPLICIT,
    "Sex Toys": category_pb2.CATEGORY_SEXUAL_PRODUCT,
    "Non-Explicit Nudity of Intimate parts and Kissing": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Non-Explicit Nudity": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Bare Back": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Exposed Male Nipple": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Partially Exposed Buttocks": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Partially Exposed Female Breast": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Implied Nudity": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Obstructed Intimate Parts": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Obstructed Female Nipple": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Obstructed Male Genitalia": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Kissing on the Lips": category_pb2.CATEGORY_KISSING,
    "Swimwear or Underwear": category_pb2.CATEGORY_SWIMWEAR_OR_UNDERWEAR,
    "Female Swimwear or Underwear": category_pb2.CATEGORY_SWIMWEAR_OR_UNDERWEAR,
    "Male Swimwear or Underwear": category_pb2.CATEGORY_SWIMWEAR_OR_UNDERWEAR,
    "Violence": category_pb2.CATEGORY_VIOLENCE,
    "Weapons": category_pb2.CATEGORY_WEAPON,
    "Graphic Violence": category_pb2.CATEGORY_VIOLENCE_GRAPHIC,
    "Weapon Violence": category_pb2.CATEGORY_VIOLENCE,
    "Physical Violence": category_pb2.CATEGORY_VIOLENCE,
    "Self-Harm": category_pb2.CATEGORY_SELF_HARM,
    "Blood & Gore": category_pb2.CATEGORY_VIOLENCE_GRAPHIC,
    "Explosions and Blasts": category_pb2.CATEGORY_VIOLENCE,
    "Visually Disturbing": category_pb2.CATEGORY_DISTURBING,
    "Death and Emaciation": category_pb2.CATEGORY_DISTURBING,
    "Emaciated Bodies": category_pb2.CATEGORY_DISTURBING,
    "Corpses": category_pb2.CATEGORY_DISTURBING,
    "Crashes": category_pb2.CATEGORY_DISTURBING,
    "Air Crash": category_pb2.CATEGORY_DISTURBING,
    "Drugs & Tobacco": category_pb2.CATEGORY_DRUGS,
    "Products": category_pb2.CATEGORY_DRUGS,
    "Pills": category_pb2.CATEGORY_DRUGS,
    "Drugs & Tobacco Paraphernalia & Use": category_pb2.CATEGORY_DRUGS,
    "Smoking": category_pb2.CATEGORY_TOBACCO,
    "Alcohol": category_pb2.CATEGORY_ALCOHOL,
    "Alcohol Use": category_pb2.CATEGORY_ALCOHOL,
    "Drinking": category_pb2.CATEGORY_ALCOHOL,
    "Alcoholic Beverages": category_pb2.CATEGORY_ALCOHOL,
    "Rude Gestures": category_pb2.CATEGORY_RUDE_GESTURE,
    "Middle Finger": category_pb2.CATEGORY_RUDE_GESTURE,
    "Gambling": category_pb2.CATEGORY_GAMBLING,
    "Hate Symbols": category_pb2.CATEGORY_HATE_SYMBOL,
    "Nazi Party": category_pb2.CATEGORY_HATE_SYMBOL,
    "White Supremacy": category_pb2.CATEGORY_HATE_SYMBOL,
    "Extremist": category_pb2.CATEGORY_EXTREMISM,
    # Version 6 (6.1 too), where its names differ by more than capitals.
    "Nudity": category_pb2.CATEGORY_NUDITY,
    "Graphic Male Nudity": category_pb2.CATEGORY_NUDITY,
    "Graphic Female Nudity": category_pb2.CATEGORY_NUDITY,
    "Sexual Activity": category_pb2.CATEGORY_SEXUAL_EXPLICIT,
    "Illustrated Explicit Nudity": category_pb2.CATEGORY_NUDITY,
    "Adult Toys": category_pb2.CATEGORY_SEXUAL_PRODUCT,
    "Suggestive": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Partial Nudity": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Barechested Male": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Revealing Clothes": category_pb2.CATEGORY_NUDITY_PARTIAL,
    "Sexual Situations": category_pb2.CATEGORY_SEXUAL,
    "Graphic Violence Or Gore": category_pb2.CATEGORY_VIOLENCE_GRAPHIC,
    "Self Injury": category_pb2.CATEGORY_SELF_HARM,
    "Hanging": category_pb2.CATEGORY_DISTURBING,
    "Drugs": category_pb2.CATEGORY_DRUGS,
    "Drug Products": category_pb2.CATEGORY_DRUGS,
    "Drug Use": category_pb2.CATEGORY_DRUGS,
    "Drug Paraphernalia": category_pb2.CATEGORY_DRUGS,
    "Tobacco": category_pb2.CATEGORY_TOBACCO,
    "Tobacco Products": category_pb2.CATEGORY_TOBACCO,
}

_BY_NAME = {name.casefold(): category for name, category in LABELS.items()}
# All that a finding can be about, a label that nobody knows included.
_POSSIBLE = frozenset({*LABELS.values(), category_pb2.CATEGORY_PROVIDER_REFUSAL})

# arn:aws:rekognition:REGION:ACCOUNT:project/NAME/version/VERSION/CREATED
_PROJECT_VERSION = re.compile(r"[^/]+:project/(?P<project>[\w.\-]{1,255})/version/(?P<version>[\w.\-]{1,255})/\d+")
# In which a version cannot be used. The rest are TRAINING_COMPLETED, DEPRECATED (it works for some more weeks), and
# those of projects that are no adapters.
_UNUSABLE = frozenset(
    {
        "COPYING_FAILED",
        "COPYING_IN_PROGRESS",
        "DELETING",
        "EXPIRED",
        "FAILED",
        "TRAINING_FAILED",
        "TRAINING_IN_PROGRESS",
    }
)


class Rekognition:
    """The detector. Safe to use from several threads at a time."""

    name = "rekognition"

    def __init__(self, settings: Settings) -> None:
        """Makes no connection yet: see check()."""
        self._adapter = settings.rekognition_project_version
        self._flow = settings.rekognition_flow_definition_arn
        self._content_classifiers = list(settings.rekognition_content_classifiers)
        self._flow_setting = settings.variable("rekognition_flow_definition_arn")
        # What an answer of "no such thing" and the like is about.
        named = ("rekognition_project_version", "rekognition_flow_definition_arn")
        setting = next((each for each in named if getattr(settings, each)), "aws_region")
        self._api = Api.of("rekognition", settings, provider=self.name, stage=STAGE, setting=setting, field="image")
        self._model = ""

    @property
    def version(self) -> str:
        """The operation, the version of the model that answered last, and the adapter."""
        words = ["DetectModerationLabels", self._model]
        if self._adapter:
            words.append(f"with {self._adapter.partition('project/')[2]}")
        return " ".join(filter(None, words))

    def check(self) -> None:
        """See checks.Checked. That the caller may use DetectModerationLabels cannot be told without being billed."""
        self._api.connect()
        if self._flow:
            checks.require_arn(
                self._api, self._flow, service="sagemaker", resource="flow-definition/", setting=self._flow_setting
            )
        if self._adapter:
            self._check_adapter(self._adapter)

    def detect(self, subject: Image.Image) -> list[finding_pb2.Finding]:
        """As detect_above, of whatever confidence."""
        return self.detect_above(subject, Thresholds(0, {}))

    def detect_above(self, subject: Image.Image, thresholds: Thresholds) -> list[finding_pb2.Finding]:
        """Findings in an RGB picture, by falling confidence, without boxes. One call; up to 16 for a long picture.

        Those below the lowest threshold are left out, see least_confidence().
        """
        surest: dict[str, finding_pb2.Finding] = {}
        for index, look in enumerate(looks(subject, LIMITS)):
            # One person is to see the picture once, and whole; and its kind is that of the whole.
            response = self._ask(
                self._api, {"Bytes": look.data}, thresholds, review=index == 0 and not is_copy(), remark=index == 0
            )
            for finding in self._findings(response):
                known = surest.get(finding.label)
                if known is None or known.confidence < finding.confidence:
                    if known is not None:
                        finding.human_review_arn = known.human_review_arn
                    surest[finding.label] = finding
        return sorted(surest.values(), key=lambda finding: -finding.confidence)

    def detect_object(self, subject: S3Object, thresholds: Thresholds) -> list[finding_pb2.Finding]:
        """As detect_above, of an image in S3, which Rekognition reads with our credentials. One call.

        Raises InvalidArgument for an object that it cannot read or does not take.
        """
        place = {"Bucket": subject.bucket, "Name": subject.key}
        if subject.version:
            place["Version"] = subject.version
        try:
            api = self._api.about("s3_object")
            return self._findings(self._ask(api, {"S3Object": place}, thresholds, review=True, remark=True))
        except errors.ProviderRejected as error:
            # So it answers when sides are out of bounds, which only it can see here (boto/botocore issue 1366).
            if error.metadata.get("code") != "InvalidParameterException":
                raise
            raise errors.InvalidArgument(
                [
                    errors.FieldViolation(
                        "s3_object",
                        "is not accepted by rekognition; is it PNG or JPEG, with 80 to 10,000 pixels a side?",
                    )
                ],
                metadata={"stage": STAGE, "provider": self.name},
            ) from None

    def _ask(
        self, api: Api, image: Mapping[str, Any], thresholds: Thresholds, *, review: bool, remark: bool
    ) -> Response:
        parameters: dict[str, Any] = {"Image": image}
        if (least := least_confidence(thresholds)) is not None:
            parameters["MinConfidence"] = least
        if self._adapter:
            parameters["ProjectVersion"] = self._adapter
        if self._flow and review:
            parameters["HumanLoopConfig"] = {
                # Unique within a region, at most 63 small letters, digits and hyphens.
                "HumanLoopName": f"safelight-{uuid.uuid4().hex}",
                "FlowDefinitionArn": self._flow,
                "DataAttributes": {"ContentClassifiers": self._content_classifiers},
            }
        response = api.call(
            "DetectModerationLabels",
            unit="rekognition.detect_moderation_labels.image",
            quantity=1,
            expect=("ModerationLabels",),
            **parameters,
        )
        if self._adapter and not response.get("ProjectVersion"):
            # So the model of the response says. What the operator had it trained to find may have been missed.
            raise self._api.reject("answered without the adapter, which has expired")
        self._model = str(response.get("ModerationModelVersion", ""))
        if remark:
            for kind in response.get("ContentTypes", ()):
                records.remark(f"content type: {kind.get('Name')} {kind.get('Confidence', 0) / 100:.2f}")
            if (loop := _loop(response)) and not response["ModerationLabels"]:
                records.remark(f"human review: {loop}")
        return response

    def _findings(self, response: Response) -> list[finding_pb2.Finding]:
        findings = []
        for label in response["ModerationLabels"]:
            name, confidence = label.get("Name"), label.get("Confidence")
            if not name or confidence is None:
                raise self._api.nonsense("answered with a label without name or confidence")
            findings.append(
                finding_pb2.Finding(
                    category=category_of(name, label.get("ParentName", "")),
                    label=name,
                    confidence=confidence / 100,
                    detector=self.name,
                    human_review_arn=_loop(response),
                )
            )
        return sorted(findings, key=lambda finding: -finding.confidence)

    def _check_adapter(self, arn: str) -> None:
        checks.require_arn(self._api, arn, service="rekognition", resource="project/")
        match = _PROJECT_VERSION.fullmatch(arn)
        if match is None:
            raise self._api.reject("cannot be called: that is no ARN of a version of a project")
        # Versions are described by their project's ARN, which cannot be made of theirs.
        projects = checks.describe(
            self._api, "DescribeProjects", ProjectNames=[match["project"]], Features=["CONTENT_MODERATION"]
        )
        if projects is None:
            return
        described: list[dict[str, Any]] = []
        for project in projects.get("ProjectDescriptions", ()):
            versions = checks.describe(
                self._api,
                "DescribeProjectVersions",
                ProjectArn=project["ProjectArn"],
                VersionNames=[match["version"]],
            )
            if versions is None:
                return
            described += versions.get("ProjectVersionDescriptions", ())
        status = next((one.get("Status") for one in described if one.get("ProjectVersionArn") == arn), None)
        if status is None:
            raise self._api.reject("knows no such adapter")
        if status in _UNUSABLE:
            raise self._api.reject(f"cannot use the adapter, whose status is {status}")


def category_of(name: str, parent: str) -> category_pb2.Category.ValueType:
    """A label's category; that of its parent if it is not known, and a refusal of unknown reason if neither is."""
    known = _BY_NAME.get(name.casefold(), _BY_NAME.get(parent.casefold()))
    return category_pb2.CATEGORY_PROVIDER_REFUSAL if known is None else known


def least_confidence(thresholds: Thresholds) -> float | None:
    """MinConfidence, 0 to 100: the lowest threshold of all categories that a label can have; None if none counts.

    Rounded down to hundredths: a threshold comes as a float of 32 bits, and 0.3 is a little more than 0.3 there. With
    None the operation has its own, 50: what is found is for information only then.
    """
    limits = [limit for category in _POSSIBLE if (limit := thresholds.of(category)) is not None]
    return math.floor(min(limits) * 10_000) / 100 if limits else None


def _loop(response: Response) -> str:
    """The ARN of the human review that was begun; "" if none was."""
    return str(response.get("HumanLoopActivationOutput", {}).get("HumanLoopArn", ""))
