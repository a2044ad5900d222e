"""Amazon Bedrock Guardrails: ApplyGuardrail for text and images by the embedded detectors, and GetGuardrail.

Levels: "Configure content filters for Amazon Bedrock Guardrails": a filter of strength HIGH blocks what it is sure of
with LOW confidence and more, MEDIUM with MEDIUM and more, LOW with HIGH only, NONE nothing.
Images: "Block harmful images with content filters": PNG and JPEG, up to 4 MB, 8,000 pixels a side and 20 a request.
Units: a text unit is up to 1,000 characters (pricing page), and an image is one image unit.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from safelight.common.v1 import category_pb2
from tests.support.aws import engines, rekognition
from tests.support.aws.errors import AwsError

MOST_IMAGES, MOST_IMAGE_BYTES, MOST_IMAGE_SIDE = 20, 4 * 1024 * 1024, 8000
CHARACTERS_OF_A_UNIT = 1000
LEVELS = ("NONE", "LOW", "MEDIUM", "HIGH")
# At what confidence of the embedded detectors each level is said to begin. AWS publishes no figures.
LOW_FROM, MEDIUM_FROM, HIGH_FROM = 0.3, 0.6, 0.8

FILTERS: Mapping[str, frozenset[int]] = {
    name: frozenset(category_pb2.Category.Value(f"CATEGORY_{category}") for category in categories)
    for name, categories in {
        "INSULTS": ("INSULT", "HARASSMENT", "PROFANITY", "TOXICITY", "RUDE_GESTURE"),
        "HATE": ("HATE", "HATE_THREATENING", "HATE_SYMBOL", "EXTREMISM"),
        "SEXUAL": ("SEXUAL", "SEXUAL_EXPLICIT", "SEXUAL_PRODUCT", "MINORS_SEXUAL", "NUDITY", "NUDITY_PARTIAL"),
        "VIOLENCE": ("VIOLENCE", "VIOLENCE_GRAPHIC", "WEAPON", "DISTURBING", "HARASSMENT_THREATENING"),
        "MISCONDUCT": ("ILLICIT", "ILLICIT_VIOLENT", "DRUGS", "SELF_HARM", "SELF_HARM_INSTRUCTIONS"),
        "PROMPT_ATTACK": ("PROMPT_ATTACK",),
    }.items()
}


@dataclass(frozen=True)
class Guardrail:
    """A guardrail and its policies. A policy that is empty is not configured: it is neither evaluated nor billed."""

    strengths: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(FILTERS, "HIGH"))
    """The strength of each content filter that is on."""
    image_filters: Sequence[str] = ("HATE", "INSULTS", "SEXUAL", "VIOLENCE")
    """The content filters that look at images too."""
    topics: Mapping[str, str] = field(default_factory=dict)
    """Denied topics by name, each with a regular expression that stands for a text being about it."""
    words: Sequence[str] = ()
    """Custom words and phrases."""
    profanity: bool = False
    """The managed list of profane words, played by the embedded detectors."""
    pii: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Personal data by type, such as EMAIL: a regular expression, and what to do: BLOCKED, ANONYMIZED or NONE."""
    versions: Sequence[str] = ("DRAFT", "1")
    status: str = "READY"
    detect_only: bool = False
    """Every policy's action is NONE: it reports and does not intervene."""
    blocked_input: str = "Sorry, the model cannot answer this question."
    blocked_output: str = "Sorry, the model cannot answer this question."


@dataclass
class Guardrails:
    """The two operations. Guardrails are known by their id; a request may name one by its ARN as well."""

    account: str
    region: str
    guardrails: dict[str, Guardrail] = field(default_factory=dict)

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """The handlers by operation."""
        return {"ApplyGuardrail": self.apply_guardrail, "GetGuardrail": self.get_guardrail}

    def arn(self, identifier: str) -> str:
        """The ARN of a guardrail."""
        return f"arn:aws:bedrock:{self.region}:{self.account}:guardrail/{identifier}"

    def _find(self, identifier: str, version: str) -> tuple[str, Guardrail]:
        known = identifier.removeprefix(self.arn(""))
        guardrail = self.guardrails.get(known)
        if guardrail is None or version not in guardrail.versions:
            raise AwsError("ResourceNotFoundException", f"The guardrail {identifier} version {version} does not exist.")
        return known, guardrail

    def get_guardrail(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The guardrail's name and status."""
        version = asked.get("guardrailVersion", "DRAFT")
        identifier, guardrail = self._find(asked["guardrailIdentifier"], version)
        made = datetime(2026, 1, 1, tzinfo=UTC)
        filters = [_described(guardrail, name) for name in guardrail.strengths]
        return {
            "name": f"guardrail-{identifier}",
            "guardrailId": identifier,
            "guardrailArn": self.arn(identifier),
            "version": version,
            "status": guardrail.status,
            **({"contentPolicy": {"filters": filters}} if filters else {}),
            "createdAt": made,
            "updatedAt": made,
            "blockedInputMessaging": guardrail.blocked_input,
            "blockedOutputsMessaging": guardrail.blocked_output,
        }

    def apply_guardrail(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The assessment of all content together."""
        identifier, guardrail = self._find(asked["guardrailIdentifier"], asked["guardrailVersion"])
        if guardrail.status != "READY":
            raise AwsError("ValidationException", f"The guardrail is {guardrail.status}.")
        blocks = asked["content"]
        texts = [block["text"]["text"] for block in blocks if "text" in block]
        pictures = _pictures([block["image"] for block in blocks if "image" in block])
        if not texts and not pictures:
            raise AwsError("ValidationException", "There is no content.")
        judged = _Judgement(guardrail, texts, pictures, full=asked.get("outputScope") == "FULL")
        assessment = judged.assessment()
        outputs, masked = judged.outputs(assessment, asked["source"])
        intervened = bool(outputs)
        usage = judged.usage()
        assessment["invocationMetrics"] = {
            "guardrailProcessingLatency": 100,
            "usage": usage,
            "guardrailCoverage": judged.coverage(),
        }
        assessment["appliedGuardrailDetails"] = {
            "guardrailId": identifier,
            "guardrailVersion": asked["guardrailVersion"],
            "guardrailArn": self.arn(identifier),
        }
        result: dict[str, Any] = {
            "usage": usage,
            "action": "GUARDRAIL_INTERVENED" if intervened else "NONE",
            "outputs": outputs,
            "assessments": [assessment],
            "guardrailCoverage": judged.coverage(),
        }
        if intervened:
            result["actionReason"] = "Guardrail masked." if masked else "Guardrail blocked."
        else:
            result["actionReason"] = "No action."
        return result


def _described(guardrail: Guardrail, name: str) -> dict[str, Any]:
    modalities = ["TEXT", "IMAGE"] if name in guardrail.image_filters else ["TEXT"]
    strength = guardrail.strengths[name]
    return {
        "type": name,
        "inputStrength": strength,
        "outputStrength": strength,
        "inputModalities": modalities,
        "outputModalities": modalities,
    }


def _pictures(images: Sequence[Mapping[str, Any]]) -> list[Image.Image]:
    if len(images) > MOST_IMAGES:
        raise AwsError("ValidationException", f"There are more than {MOST_IMAGES} images.")
    pictures: list[Image.Image] = []
    for image in images:
        data = image["source"]["bytes"]
        if len(data) > MOST_IMAGE_BYTES:
            raise AwsError("ValidationException", "An image is larger than 4 MB.")
        try:
            picture = Image.open(io.BytesIO(data), formats=(image["format"].upper(),))
            picture.load()
        except (OSError, SyntaxError, ValueError):
            raise AwsError("ValidationException", f"An image is not a {image['format']} file.") from None
        if max(picture.size) > MOST_IMAGE_SIDE:
            raise AwsError("ValidationException", f"An image has more than {MOST_IMAGE_SIDE} pixels a side.")
        pictures.append(picture)
    return pictures


@dataclass
class _Judgement:
    guardrail: Guardrail
    texts: list[str]
    pictures: list[Image.Image]
    full: bool
    """Whether what was looked for and not found is listed too."""

    @property
    def _text(self) -> str:
        return "\n".join(self.texts)

    def _action(self, action: str = "BLOCKED") -> str:
        return "NONE" if self.guardrail.detect_only else action

    def assessment(self) -> dict[str, Any]:
        """The policies that found something; with `full` all that are configured."""
        policies = {
            "topicPolicy": {"topics": self._topics()},
            "contentPolicy": {"filters": self._filters()},
            "wordPolicy": self._words(),
            "sensitiveInformationPolicy": {"piiEntities": self._pii(), "regexes": []},
        }
        return {name: policy for name, policy in policies.items() if any(policy.values())}

    def _topics(self) -> list[dict[str, Any]]:
        found = []
        for name, pattern in self.guardrail.topics.items():
            hit = re.search(pattern, self._text, re.IGNORECASE) is not None
            if hit or self.full:
                action = self._action() if hit else "NONE"
                found.append({"name": name, "type": "DENY", "action": action, "detected": hit})
        return found

    def _filters(self) -> list[dict[str, Any]]:
        seen = dict(engines.read(self._text)) if self.texts else {}
        shown: dict[str, float] = {}
        for picture in self.pictures:
            for name, confidence in _of_picture(picture).items():
                if name in self.guardrail.image_filters:
                    shown[name] = max(shown.get(name, 0.0), confidence)
        found = []
        for name, strength in self.guardrail.strengths.items():
            confidence = max([seen.get(category, 0.0) for category in FILTERS[name]] + [shown.get(name, 0.0)])
            level = _level(confidence)
            blocks = strength != "NONE" and LEVELS.index(level) > len(LEVELS) - 1 - LEVELS.index(strength)
            if (level != "NONE" and blocks) or self.full:
                action = self._action() if blocks else "NONE"
                found.append(
                    {
                        "type": name,
                        "confidence": level,
                        "filterStrength": strength,
                        "action": action,
                        "detected": blocks,
                    }
                )
        return found

    def _words(self) -> dict[str, Any]:
        custom = [
            {"match": word, "action": self._action(), "detected": True}
            for word in self.guardrail.words
            if re.search(rf"\b{re.escape(word)}\b", self._text, re.IGNORECASE)
        ]
        managed = []
        if self.guardrail.profanity and self.texts:
            managed = [
                {"match": word, "type": "PROFANITY", "action": self._action(), "detected": True}
                for word in dict.fromkeys(self._text.split())
                if category_pb2.CATEGORY_PROFANITY in engines.read(word)
            ]
        return {"customWords": custom, "managedWordLists": managed}

    def _pii(self) -> list[dict[str, Any]]:
        return [
            {"match": hit[0], "type": name, "action": self._action(action), "detected": True}
            for name, (pattern, action) in self.guardrail.pii.items()
            for hit in re.finditer(pattern, self._text)
        ]

    def outputs(self, assessment: Mapping[str, Any], source: str) -> tuple[list[dict[str, str]], bool]:
        """What is to be shown in place of the content, [] without an intervention; and whether that is masking."""
        actions = {item["action"] for policy in assessment.values() for items in policy.values() for item in items}
        if "BLOCKED" in actions:
            guardrail = self.guardrail
            return [{"text": guardrail.blocked_input if source == "INPUT" else guardrail.blocked_output}], False
        if "ANONYMIZED" in actions:
            text = self._text
            for name, (pattern, action) in self.guardrail.pii.items():
                if action == "ANONYMIZED":
                    text = re.sub(pattern, f"{{{name}}}", text)
            return [{"text": text}], True
        return [], False

    def usage(self) -> dict[str, int]:
        """The units of each policy that is configured."""
        text_units = sum(math.ceil(len(text) / CHARACTERS_OF_A_UNIT) for text in self.texts)
        guardrail = self.guardrail
        images = len(self.pictures) if set(guardrail.image_filters) & set(guardrail.strengths) else 0
        return {
            "topicPolicyUnits": text_units if guardrail.topics else 0,
            "contentPolicyUnits": text_units if guardrail.strengths else 0,
            "wordPolicyUnits": text_units if guardrail.words or guardrail.profanity else 0,
            "sensitiveInformationPolicyUnits": text_units if guardrail.pii else 0,
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
            "contentPolicyImageUnits": images,
            "automatedReasoningPolicyUnits": 0,
            "automatedReasoningPolicies": 0,
        }

    def coverage(self) -> dict[str, Any]:
        """How much was looked at, of how much."""
        covered: dict[str, Any] = {}
        if self.texts:
            characters = sum(map(len, self.texts))
            covered["textCharacters"] = {"guarded": characters, "total": characters}
        if self.pictures:
            covered["images"] = {"guarded": self.usage()["contentPolicyImageUnits"], "total": len(self.pictures)}
        return covered


def _level(confidence: float) -> str:
    return LEVELS[sum(confidence >= least for least in (LOW_FROM, MEDIUM_FROM, HIGH_FROM))]


def _of_picture(picture: Image.Image) -> dict[str, float]:
    """Of a picture NudeNet can only say something about one filter."""
    exposed = [
        confidence
        for label, confidence in engines.look(picture).items()
        if rekognition.TAXONOMY[label][0] == "Explicit"
    ]
    return {"SEXUAL": max(exposed)} if exposed else {}
