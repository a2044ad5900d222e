"""Amazon Bedrock Guardrails, for text and for images: one call, and what its answer means in our words.

Shapes: ApplyGuardrail in the service model of bedrock-runtime and GetGuardrail in that of bedrock, botocore 1.44.
Meaning: Amazon Bedrock User Guide, "Use the ApplyGuardrail API in your application", "Configure content filters for
Amazon Bedrock Guardrails" and "Options for handling harmful content detected by Amazon Bedrock Guardrails".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from safelight.common.v1 import category_pb2, finding_pb2, provider_usage_pb2
from services.common import records
from services.common.aws import checks
from services.common.aws.api import Api, Response
from services.common.settings import ProviderSettings

CONFIDENCES = {"NONE": 0.0, "LOW": 0.5, "MEDIUM": 0.75, "HIGH": 0.95}
"""A content filter's words as confidences. AWS gives no figures. What a filter reports has crossed its own strength,
which is the guardrail's threshold, so no word but NONE is below Safelight's default threshold, 0.5. A threshold of 0.6
asks for MEDIUM, one of 0.8 for HIGH."""

FILTERS: dict[str, category_pb2.Category.ValueType] = {
    "HATE": category_pb2.CATEGORY_HATE,
    "INSULTS": category_pb2.CATEGORY_INSULT,
    "SEXUAL": category_pb2.CATEGORY_SEXUAL,
    "VIOLENCE": category_pb2.CATEGORY_VIOLENCE,
    # Nearest: violent crime too.
    "MISCONDUCT": category_pb2.CATEGORY_ILLICIT,
    "PROMPT_ATTACK": category_pb2.CATEGORY_PROMPT_ATTACK,
}
"""The content filters. One that is not here is a refusal that we cannot name (CATEGORY_PROVIDER_REFUSAL)."""

POLICIES: dict[str, category_pb2.Category.ValueType] = {
    "topicPolicy.topics": category_pb2.CATEGORY_DENIED_TOPIC,
    "wordPolicy.customWords": category_pb2.CATEGORY_DENIED_TOPIC,
    "wordPolicy.managedWordLists": category_pb2.CATEGORY_PROFANITY,
    "sensitiveInformationPolicy.piiEntities": category_pb2.CATEGORY_PERSONAL_DATA,
    # Nearest: an operator's pattern may stand for other secrets.
    "sensitiveInformationPolicy.regexes": category_pb2.CATEGORY_PERSONAL_DATA,
}
"""The other policies, by the list in an assessment that reports them. Each item there is a match or none: no grade."""

NEVER_A_FINDING = frozenset({"contextualGroundingPolicy.filters", "automatedReasoningPolicy.findings"})
"""About answers that stray from their sources or their logic; Safelight has no such answers."""

UNITS = {
    "contentPolicyUnits": "bedrock.apply_guardrail.text_unit.content_policy",
    "contentPolicyImageUnits": "bedrock.apply_guardrail.image.content_policy",
    "topicPolicyUnits": "bedrock.apply_guardrail.text_unit.topic_policy",
    "wordPolicyUnits": "bedrock.apply_guardrail.text_unit.word_policy",
    "sensitiveInformationPolicyUnits": "bedrock.apply_guardrail.text_unit.sensitive_information_policy",
    "sensitiveInformationPolicyFreeUnits": "bedrock.apply_guardrail.text_unit.sensitive_information_policy_free",
    "contextualGroundingPolicyUnits": "bedrock.apply_guardrail.text_unit.contextual_grounding_policy",
    "automatedReasoningPolicyUnits": "bedrock.apply_guardrail.text_unit.automated_reasoning_policy",
}
"""The units of a response's usage, by their member, as price files name them."""

_IDENTIFIER = re.compile(r"[a-z0-9]+")

Modality = Literal["TEXT", "IMAGE"]
Source = Literal["INPUT", "OUTPUT"]
"""Whether the guardrail's rules for what goes into a model apply, or those for what comes out of one."""


@dataclass(frozen=True)
class Guardrail:
    """A version of a guardrail, with the two APIs that know it. Safe to use from several threads at a time."""

    runtime: Api
    """bedrock-runtime, which applies it."""
    control: Api
    """bedrock, which describes it."""
    identifier: str
    """Its id or ARN."""
    version: str
    """Its number, or DRAFT."""
    source: Source
    modality: Modality
    """What it is to look at."""

    @classmethod
    def of(
        cls,
        settings: ProviderSettings,
        identifier: str | None,
        version: str,
        *,
        stage: str,
        field: str,
        source: Source,
        modality: Modality,
    ) -> Self:
        """As a service's settings name it, in `bedrock_guardrail_id`; `field` is that of its caller's requests."""
        runtime, control = (
            Api.of(service, settings, provider="bedrock", stage=stage, setting="bedrock_guardrail_id", field=field)
            for service in ("bedrock-runtime", "bedrock")
        )
        return cls(runtime, control, identifier or "", version, source, modality)

    @property
    def name(self) -> str:
        """Its id and version, for people."""
        return f"{self.identifier.rpartition('/')[2]} version {self.version}"

    def check(self) -> None:
        """Looks whether it can be applied, which costs nothing. Blocks. Raises ProviderRejected if not."""
        self.runtime.connect()
        self.control.connect()
        if self.identifier.startswith("arn:"):
            checks.require_arn(self.runtime, self.identifier, service="bedrock", resource="guardrail/")
        elif not _IDENTIFIER.fullmatch(self.identifier):
            raise self.runtime.reject("cannot be called: that is neither the id nor the ARN of a guardrail")
        described = checks.describe(
            self.control, "GetGuardrail", guardrailIdentifier=self.identifier, guardrailVersion=self.version
        )
        if described is None:
            return
        if (status := described.get("status")) != "READY":
            raise self.runtime.reject(f"cannot be called: the guardrail's status is {status}")
        if self.modality == "IMAGE" and not self._has_image_filter(described):
            raise self.runtime.reject("cannot be called: no content filter of the guardrail looks at images")

    def apply(self, content: Sequence[Mapping[str, Any]]) -> Response:
        """Applies it to content blocks of its modality, and records each unit that is billed. Blocks.

        Raises a SafelightError for whatever goes wrong, and ProviderRejected where the guardrail did not look at all of
        the content: what is not looked at must not pass for clean.
        """
        with records.recording() as record:
            response = self.runtime.call(
                "ApplyGuardrail",
                # Without the full output it is not documented whether what is only detected, and not acted upon, is in.
                outputScope="FULL",
                guardrailIdentifier=self.identifier,
                guardrailVersion=self.version,
                source=self.source,
                content=list(content),
                expect=("action", "assessments", "usage"),
            )
        for call in record.usage:
            for usage in billed(call, response["usage"]):
                records.used(usage)
        if not looked_at_all(response, images=len(content) if self.modality == "IMAGE" else 0):
            raise self.runtime.reject("did not look at all of the content; its filters may be off for this kind of it")
        return response

    def _has_image_filter(self, described: Mapping[str, Any]) -> bool:
        side = self.source.lower()
        filters = described.get("contentPolicy", {}).get("filters", [])
        # Which kinds a filter looks at is an optional member: where it is not said, the call will tell.
        return any(
            "IMAGE" in one.get(f"{side}Modalities", ("IMAGE",)) and one.get(f"{side}Enabled", True) for one in filters
        )


@dataclass(frozen=True)
class Sighting:
    """A finding, and the part of the text that it is about where the guardrail says so."""

    finding: finding_pb2.Finding
    match: str = ""
    """Private, as all of the text is: neither for a label nor for a log."""


def read(response: Mapping[str, Any], detector: str) -> list[Sighting]:
    """All that a response of ApplyGuardrail reports, by falling confidence; the findings carry the name `detector`.

    An item counts when the content breaches the guardrail's configuration (`detected`), whether the guardrail acts on
    it or is in detect mode, where `action` is NONE: what to do about it is the policy's to say. Masking personal data
    counts too, because Safelight hands on the text as it is. A guardrail that intervenes for a reason that is not among
    these gives a finding of CATEGORY_PROVIDER_REFUSAL. Raises nothing: what has no sense in it counts in full.
    """
    seen = [sighting for one in response["assessments"] for sighting in _of_assessment(one, detector)]
    if response["action"] != "NONE" and not seen:
        # Also for what is never a finding by itself, and for policies that are newer than this code.
        seen = [Sighting(_finding(category_pb2.CATEGORY_PROVIDER_REFUSAL, str(response["action"]), 1.0, detector))]
    return sorted(seen, key=lambda one: -one.finding.confidence)


def findings(response: Mapping[str, Any], detector: str) -> list[finding_pb2.Finding]:
    """As read(), without the matches."""
    return [one.finding for one in read(response, detector)]


def billed(
    call: provider_usage_pb2.ProviderUsage, usage: Mapping[str, Any]
) -> Iterator[provider_usage_pb2.ProviderUsage]:
    """A call to ApplyGuardrail once for each unit of the response's `usage` that is not 0, or once without any.

    Only the first says how often the call was sent and how long it took: the others are further units of the same call,
    with its request id and 0 attempts.
    """
    quantities = {unit: usage.get(member) or 0 for member, unit in UNITS.items()}
    # Automated reasoning is billed for each of its policies.
    quantities[UNITS["automatedReasoningPolicyUnits"]] *= usage.get("automatedReasoningPolicies") or 1
    units = [(unit, quantity) for unit, quantity in quantities.items() if quantity]
    for index, (unit, quantity) in enumerate(units or [("", 0)]):
        one = provider_usage_pb2.ProviderUsage()
        one.CopyFrom(call)
        one.unit, one.quantity = unit, quantity
        if index:
            one.attempts = 0
            one.ClearField("duration")
        yield one


def looked_at_all(response: Mapping[str, Any], *, images: int) -> bool:
    """Whether the guardrail looked at all characters and at all of `images` images, as its coverage or usage says."""
    coverages = [response.get("guardrailCoverage", {})]
    coverages += [one.get("invocationMetrics", {}).get("guardrailCoverage", {}) for one in response["assessments"]]
    for coverage in coverages:
        for part in coverage.values():
            if part.get("guarded", 0) < part.get("total", 0):
                return False
    if not images:
        return True
    guarded = [coverage.get("images", {}).get("guarded", 0) for coverage in coverages]
    return bool(max(0, *guarded, response["usage"].get("contentPolicyImageUnits") or 0) >= images)


def _of_assessment(assessment: Mapping[str, Any], detector: str) -> Iterator[Sighting]:
    for item in assessment.get("contentPolicy", {}).get("filters", []):
        word = item.get("confidence", "")
        confidence = CONFIDENCES.get(word, 1.0)
        acted = item.get("action", "NONE") != "NONE"
        if acted or (item.get("detected", True) and confidence):
            label = item.get("type") or "contentPolicy"
            category = FILTERS.get(label, category_pb2.CATEGORY_PROVIDER_REFUSAL)
            # Sure of nothing and blocked all the same: then the word says nothing.
            yield Sighting(_finding(category, label, confidence or 1.0, detector))
    for path, category in POLICIES.items():
        policy, member = path.split(".")
        for item in assessment.get(policy, {}).get(member, []):
            if item.get("detected", True) or item.get("action", "NONE") != "NONE":
                # The match is left out of the label: it is the text's own words, or somebody's data.
                label = item.get("name") or item.get("type") or member
                yield Sighting(_finding(category, label, 1.0, detector), item.get("match", ""))


def _finding(
    category: category_pb2.Category.ValueType, label: str, confidence: float, detector: str
) -> finding_pb2.Finding:
    return finding_pb2.Finding(category=category, label=label, confidence=confidence, detector=detector)
