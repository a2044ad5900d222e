"""What an answer of ApplyGuardrail means in our terms, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from safelight.common.v1 import category_pb2, finding_pb2, provider_usage_pb2
from services.common.aws import guardrails
from services.common.aws.guardrails import CONFIDENCES, FILTERS, NEVER_A_FINDING, POLICIES, UNITS

MODEL = Loader().load_service_model("bedrock-runtime", "service-2")
ENUMS = MODEL["shapes"]
USAGE = dict.fromkeys(ENUMS["GuardrailUsage"]["members"], 0)


def answer(action: str = "NONE", usage: dict[str, int] | None = None, **policies: Any) -> dict[str, Any]:
    """An answer that fits the output model of ApplyGuardrail."""
    assessment = dict(policies)
    if "wordPolicy" in assessment:
        assessment["wordPolicy"] = {"customWords": [], "managedWordLists": [], **assessment["wordPolicy"]}
    if "sensitiveInformationPolicy" in assessment:
        data = {"piiEntities": [], "regexes": [], **assessment["sensitiveInformationPolicy"]}
        assessment["sensitiveInformationPolicy"] = data
    response = {"action": action, "outputs": [], "assessments": [assessment], "usage": {**USAGE, **(usage or {})}}
    shape = ServiceModel(MODEL).operation_model("ApplyGuardrail").output_shape
    assert not ParamValidator().validate(response, shape).has_errors()
    return response


def content_filter(kind: str = "SEXUAL", confidence: str = "HIGH", **members: Any) -> dict[str, Any]:
    """One item of a content policy's assessment."""
    one = {"type": kind, "confidence": confidence, "action": "BLOCKED", "detected": True, **members}
    return {"filters": [one]}


def test_every_word_of_the_model_is_in_a_table() -> None:
    """Filters, confidences, policies and units: each of the service model has its row, and no row is made up."""
    assert set(FILTERS) == set(ENUMS["GuardrailContentFilterType"]["enum"])
    assert set(CONFIDENCES) == set(ENUMS["GuardrailContentFilterConfidence"]["enum"])
    # How many policies there are is a factor of automated reasoning's units.
    assert set(UNITS) == set(USAGE) - {"automatedReasoningPolicies"}
    lists = {
        f"{policy}.{member}"
        for policy, of in ENUMS["GuardrailAssessment"]["members"].items()
        if policy.endswith("Policy") and policy != "contentPolicy"
        for member, value in ENUMS[of["shape"]]["members"].items()
        if ENUMS[value["shape"]]["type"] == "list"
    }
    assert set(POLICIES) | NEVER_A_FINDING == lists
    assert not set(POLICIES) & NEVER_A_FINDING


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize(("word", "confidence"), [("LOW", 0.5), ("MEDIUM", 0.75), ("HIGH", 0.95)])
def test_a_content_filter_is_a_finding(kind: str, word: str, confidence: float) -> None:
    """By its type, with its word as a confidence that no default threshold lets pass."""
    found = guardrails.findings(answer(contentPolicy=content_filter(kind, word)), "guard")
    expected = finding_pb2.Finding(category=FILTERS[kind], label=kind, confidence=confidence, detector="guard")
    assert found == [expected]


@pytest.mark.parametrize(
    ("members", "count"),
    [
        # Detect mode: the guardrail saw it and does nothing.
        ({"action": "NONE"}, 1),
        # Looked for and not found, which the full output lists.
        ({"action": "NONE", "detected": False}, 0),
        ({"action": "NONE", "detected": False, "confidence": "NONE"}, 0),
        # Seen, but below the strength of the filter.
        ({"action": "NONE", "detected": False, "confidence": "LOW", "filterStrength": "LOW"}, 0),
        # Contradictions count.
        ({"detected": False}, 1),
        ({"confidence": "NONE"}, 1),
    ],
)
def test_what_breaches_the_guardrails_configuration_counts(members: dict[str, Any], count: int) -> None:
    """`detected` says so, whatever is done about it; and whatever is acted upon counts."""
    assert len(guardrails.findings(answer(contentPolicy=content_filter(**members)), "guard")) == count


def test_an_old_answer_without_detected_counts() -> None:
    """The member is optional, and was not there at first."""
    one = content_filter()
    del one["filters"][0]["detected"]
    assert len(guardrails.findings(answer(contentPolicy=one), "guard")) == 1


def test_a_filter_or_a_word_that_is_newer_than_this_code_counts_in_full() -> None:
    """As a refusal, under its own name."""
    [found] = guardrails.findings(answer(contentPolicy=content_filter("SARCASM", "EXTREME")), "guard")
    assert (found.category, found.label) == (category_pb2.CATEGORY_PROVIDER_REFUSAL, "SARCASM")
    assert found.confidence == 1


@pytest.mark.parametrize(
    ("policy", "label", "category", "match"),
    [
        (
            {"topicPolicy": {"topics": [{"name": "Investments", "type": "DENY", "action": "BLOCKED"}]}},
            "Investments",
            category_pb2.CATEGORY_DENIED_TOPIC,
            "",
        ),
        (
            {"wordPolicy": {"customWords": [{"match": "acme", "action": "BLOCKED", "detected": True}]}},
            "customWords",
            category_pb2.CATEGORY_DENIED_TOPIC,
            "acme",
        ),
        (
            {"wordPolicy": {"managedWordLists": [{"match": "damn", "type": "PROFANITY", "action": "BLOCKED"}]}},
            "PROFANITY",
            category_pb2.CATEGORY_PROFANITY,
            "damn",
        ),
        (
            {"sensitiveInformationPolicy": {"piiEntities": [{"match": "a@b.c", "type": "EMAIL", "action": "NONE"}]}},
            "EMAIL",
            category_pb2.CATEGORY_PERSONAL_DATA,
            "a@b.c",
        ),
        (
            {"sensitiveInformationPolicy": {"regexes": [{"match": "K-1", "name": "key", "action": "ANONYMIZED"}]}},
            "key",
            category_pb2.CATEGORY_PERSONAL_DATA,
            "K-1",
        ),
        (
            {"sensitiveInformationPolicy": {"regexes": [{"match": "K-1", "action": "BLOCKED"}]}},
            "regexes",
            category_pb2.CATEGORY_PERSONAL_DATA,
            "K-1",
        ),
    ],
)
def test_the_other_policies_match_or_do_not(policy: dict[str, Any], label: str, category: int, match: str) -> None:
    """A match is sure; the words it is about are beside the finding, never in it."""
    [seen] = guardrails.read(answer(**policy), "guard")
    assert (seen.finding.label, seen.finding.category, seen.finding.confidence) == (label, category, 1)
    assert seen.match == match
    assert not match or match not in str(seen.finding)


def test_topics_and_data_that_were_only_looked_for_are_no_findings() -> None:
    """The full output lists them too."""
    looked_for = answer(
        topicPolicy={"topics": [{"name": "Investments", "type": "DENY", "action": "NONE", "detected": False}]},
        sensitiveInformationPolicy={
            "piiEntities": [{"match": "", "type": "EMAIL", "action": "NONE", "detected": False}]
        },
    )
    assert guardrails.findings(looked_for, "guard") == []


def test_an_intervention_without_a_reason_is_a_refusal() -> None:
    """As when it is for what is never a finding by itself, or for a policy that this code does not know."""
    grounding = [{"type": "GROUNDING", "threshold": 0.8, "score": 0.1, "action": "BLOCKED", "detected": True}]
    refused = answer("GUARDRAIL_INTERVENED", contextualGroundingPolicy={"filters": grounding})
    [found] = guardrails.findings(refused, "guard")
    assert (found.category, found.label, found.confidence) == (
        category_pb2.CATEGORY_PROVIDER_REFUSAL,
        "GUARDRAIL_INTERVENED",
        1,
    )
    assert guardrails.findings(answer(contextualGroundingPolicy={"filters": grounding}), "guard") == []


def test_findings_come_by_falling_confidence_and_from_every_assessment() -> None:
    """There is one for each guardrail that was applied: an account may enforce others."""
    both = answer(contentPolicy=content_filter("HATE", "LOW"))
    both["assessments"] += answer(contentPolicy=content_filter("VIOLENCE", "HIGH"))["assessments"]
    assert [f.label for f in guardrails.findings(both, "guard")] == ["VIOLENCE", "HATE"]


def test_each_unit_that_is_billed_is_told_once() -> None:
    """The call's own entry has the first; the others share its request id, and are no calls of their own."""
    call = provider_usage_pb2.ProviderUsage(provider="bedrock", operation="ApplyGuardrail", request_id="r1", attempts=2)
    call.duration.FromMilliseconds(70)
    usage = {
        **USAGE,
        "contentPolicyUnits": 2,
        "topicPolicyUnits": 2,
        "automatedReasoningPolicyUnits": 2,
        "automatedReasoningPolicies": 3,
    }
    first, second, third = guardrails.billed(call, usage)
    assert (first.unit, first.quantity) == ("bedrock.apply_guardrail.text_unit.content_policy", 2)
    assert (second.unit, second.quantity) == ("bedrock.apply_guardrail.text_unit.topic_policy", 2)
    assert (third.unit, third.quantity) == ("bedrock.apply_guardrail.text_unit.automated_reasoning_policy", 6)
    assert [one.request_id for one in (first, second, third)] == ["r1"] * 3
    assert [one.attempts for one in (first, second, third)] == [2, 0, 0]
    assert first.duration == call.duration
    assert not second.HasField("duration")


def test_a_call_that_costs_nothing_is_told_all_the_same() -> None:
    """Without a unit."""
    call = provider_usage_pb2.ProviderUsage(provider="bedrock", request_id="r1", attempts=1)
    assert list(guardrails.billed(call, {"topicPolicyUnits": None, "wordPolicyUnits": 0})) == [call]


@pytest.mark.parametrize(
    ("coverage", "usage", "images", "whole"),
    [
        ({"textCharacters": {"guarded": 9, "total": 9}}, {}, 0, True),
        ({"textCharacters": {"guarded": 8, "total": 9}}, {}, 0, False),
        ({}, {}, 0, True),
        ({"images": {"guarded": 1, "total": 1}}, {}, 1, True),
        ({"images": {"guarded": 0, "total": 1}}, {"contentPolicyImageUnits": 1}, 1, False),
        ({"images": {"total": 1}}, {}, 1, False),
        ({}, {"contentPolicyImageUnits": 1}, 1, True),
        ({}, {}, 1, False),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_what_was_not_looked_at_is_noticed(
    coverage: dict[str, Any], usage: dict[str, int], images: int, whole: bool, inside: bool
) -> None:
    """By the coverage of the answer or of an assessment in it; an image has to be told to have been looked at."""
    metrics = {"invocationMetrics": {"guardrailCoverage": coverage}} if inside else {}
    response = answer(usage=usage, **metrics)
    if not inside:
        response["guardrailCoverage"] = coverage
    assert guardrails.looked_at_all(response, images=images) is whole
