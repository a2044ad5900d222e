"""Text moderation with Amazon's services behind it: real boto3 over real sockets, answered by the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import botocore.session
import grpc
import pytest
from google.rpc import error_details_pb2

from safelight.common.v1 import category_pb2, detector_run_pb2
from safelight.text_moderation.v1 import text_moderation_pb2 as pb
from services.common.settings import SettingsError, load
from services.common.telemetry import configure_logging
from services.text_moderation.settings import Settings
from tests.support.aws import AwsStandIn, Classifier, Guardrail, faults
from tests.support.streams import detail, status_of
from tests.support.text import NOT_SERVING, SERVING, Running, logging_to, serving

HARMLESS = "a dog in a suit"
# Nothing in it is forbidden by word; the embedded classifier, which plays Amazon's, is sure of it.
HATEFUL = "they are vermin and should all be wiped off the face of the earth"
FILLER = "the sun set over the hills while boats went home "


@pytest.fixture
def aws(aws: AwsStandIn) -> Iterator[AwsStandIn]:
    """As for all; and nothing that it is asked may be invalid."""
    yield aws
    assert aws.invalid_requests == []


@dataclass(frozen=True)
class Provider:
    """A detector, the operation that it calls, and the settings that it needs."""

    detector: str
    operation: str
    settings: Callable[[AwsStandIn], Mapping[str, Any]]
    boto3_service: str
    long: int
    """How often FILLER has to be repeated to be more than a call takes."""


PROVIDERS = [
    Provider(
        "comprehend_classifier",
        "ClassifyDocument",
        lambda aws: {"comprehend_endpoint_arn": aws.classifier("toxicity")},
        "comprehend",
        210,
    ),
    Provider("comprehend_toxicity", "DetectToxicContent", lambda aws: {}, "comprehend", 210),
    Provider(
        "bedrock_guardrail",
        "ApplyGuardrail",
        lambda aws: {
            "bedrock_guardrail_id": aws.guardrail("guardrail1", Guardrail()),
            "bedrock_guardrail_version": "1",
        },
        "bedrock-runtime",
        420,
    ),
]
every_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.detector)


@asynccontextmanager
async def moderating(provider: Provider, aws: AwsStandIn, **settings: Any) -> AsyncIterator[Running]:
    given = {"detectors": (provider.detector,), "aws_max_attempts": 1, **provider.settings(aws), **settings}
    async with serving(**given) as running:
        yield running


@every_provider
async def test_a_hateful_prompt_is_flagged_and_a_harmless_one_is_not(provider: Provider, aws: AwsStandIn) -> None:
    """With the provider's own label, our category, a confidence from 0 to 1, and no span for a text seen as a whole."""
    async with moderating(provider, aws) as running:
        hateful, harmless = await running.moderate(HATEFUL), await running.moderate(HARMLESS)
    assert hateful.flagged
    assert not harmless.flagged
    assert not [finding for finding in harmless.findings if finding.flagged]
    for finding in hateful.findings:
        assert finding.detector == provider.detector
        assert finding.label
        assert finding.category != category_pb2.CATEGORY_UNSPECIFIED
        assert 0 < finding.confidence <= 1
        assert not finding.HasField("text_span")


@every_provider
async def test_a_run_tells_what_the_provider_was_asked_and_bills(provider: Provider, aws: AwsStandIn) -> None:
    """Operation, request id, time and units, as the price list names them."""
    from services.gateway.costs import load_prices

    async with moderating(provider, aws) as running:
        response = await running.moderate(HARMLESS)
    (run,) = response.detector_runs
    usage = run.usage[0]
    assert usage.operation == provider.operation
    assert usage.request_id == aws.requests_of(provider.operation)[0].request_id
    assert usage.attempts == 1
    assert 0 < usage.duration.ToNanoseconds() <= run.duration.ToNanoseconds()
    prices = load_prices()
    for each in run.usage:
        assert each.quantity > 0
        assert prices.amount(each) is not None, each.unit
    assert run.version


@every_provider
async def test_a_text_longer_than_a_call_takes_is_seen_to_its_end(provider: Provider, aws: AwsStandIn) -> None:
    """In overlapping parts; the finding says in which, and nothing is hidden by what stands before it."""
    tail = " and ".join([HATEFUL] * 4)
    text = FILLER * provider.long + tail
    async with moderating(provider, aws, max_characters=100_000) as running:
        response = await running.moderate(text)
    assert len(aws.requests_of(provider.operation)) > 1
    assert response.flagged
    flagged = [finding for finding in response.findings if finding.flagged]
    start = text.index(tail)
    assert any(f.text_span.start <= start and f.text_span.end == len(text) for f in flagged)
    # Parts of a call that overlap tell of one thing once.
    assert len({(f.label, f.text_span.start) for f in flagged}) == len(flagged)


async def test_a_classifier_of_several_labels_needs_no_setting_for_categories_names(
    aws: AwsStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels named like categories are these; others by the setting; an unknown one counts, and is logged once."""
    labels = {"hate": ("HATE", "HATE_THREATENING"), "menace": ("HARASSMENT_THREATENING", "HATE"), "fine": None}
    arn = aws.classifier("several", Classifier(mode="MULTI_LABEL", labels=labels))
    given: dict[str, Any] = {"detectors": ("comprehend_classifier",), "comprehend_endpoint_arn": arn}
    with logging_to(capsys) as lines:
        async with serving(**given, comprehend_labels={"fine": None}) as running:
            for _ in range(2):
                unknown = await running.moderate(HATEFUL)
        assert len(lines("comprehend.label_unknown")) == 1
    async with serving(**given, comprehend_labels={"menace": "violence", "fine": None}) as running:
        known = await running.moderate(HATEFUL)
    assert {f.label: f.category for f in unknown.findings} == {
        "hate": category_pb2.CATEGORY_HATE,
        "menace": category_pb2.CATEGORY_TOXICITY,
    }
    assert {f.label: f.category for f in known.findings} == {
        "hate": category_pb2.CATEGORY_HATE,
        "menace": category_pb2.CATEGORY_VIOLENCE,
    }


async def test_what_is_ignored_does_not_count_by_way_of_the_sum(aws: AwsStandIn) -> None:
    """Whoever ignores a category, or allows it more, does so of the classes together as well."""
    classes = {"profanity": 0.75, "hate": 0.125, "safe": 0.125}
    aws.answer("ClassifyDocument", {"Classes": [{"Name": name, "Score": score} for name, score in classes.items()]})
    given: dict[str, Any] = {
        "detectors": ("comprehend_classifier",),
        "comprehend_endpoint_arn": aws.classifier("toxicity"),
    }
    for thresholds, flagged in (({}, True), ({"profanity": None}, False), ({"profanity": 0.875}, False)):
        async with serving(**given, thresholds=thresholds) as running:
            assert (await running.moderate(HARMLESS)).flagged is flagged, thresholds


async def test_classes_of_one_category_count_together(aws: AwsStandIn) -> None:
    """A text has one class: two that are less sure than the threshold may flag it together, as evaluate counts them."""
    arn = aws.classifier("toxicity")
    classes = {"slur": 0.5, "dogwhistle": 0.25, "threat": 0.125, "safe": 0.125}
    aws.answer("ClassifyDocument", {"Classes": [{"Name": name, "Score": score} for name, score in classes.items()]})
    labels = {"slur": "hate", "dogwhistle": "hate", "threat": "violence"}
    async with serving(
        detectors=("comprehend_classifier",),
        comprehend_endpoint_arn=arn,
        comprehend_labels=labels,
        default_threshold=0.625,
    ) as running:
        response = await running.moderate(HARMLESS)
    assert [(f.category, f.label, f.confidence, f.flagged) for f in response.findings] == [
        (category_pb2.CATEGORY_TOXICITY, "all unsafe classes", 0.875, True),
        (category_pb2.CATEGORY_HATE, "slur", 0.75, True),
        (category_pb2.CATEGORY_VIOLENCE, "threat", 0.125, False),
    ]


async def test_what_a_classifier_warns_of_is_a_remark(aws: AwsStandIn) -> None:
    """Such as that it was trained on other documents than plain texts; the verdict stands."""
    arn, code = aws.classifier("toxicity"), "INFERENCING_PLAINTEXT_WITH_NATIVE_TRAINED_MODEL"
    classes = [{"Name": "Toxic", "Score": 0.75}, {"Name": "Not Toxic", "Score": 0.25}]
    aws.answer("ClassifyDocument", {"Classes": classes, "Warnings": [{"Page": 1, "WarnCode": code}]})
    async with serving(detectors=("comprehend_classifier",), comprehend_endpoint_arn=arn) as running:
        response = await running.moderate(HARMLESS)
    assert response.flagged
    assert list(response.detector_runs[0].remarks) == [f"comprehend warns: {code}"]


LABELS = [{"Name": "INSULT", "Score": 0.25}]
NONSENSE: list[tuple[str, str, dict[str, Any]]] = [
    ("comprehend_toxicity", "no result", {"ResultList": []}),
    ("comprehend_toxicity", "two results for a segment", {"ResultList": [{"Labels": LABELS, "Toxicity": 0.1}] * 2}),
    ("comprehend_toxicity", "no labels", {"ResultList": [{"Labels": [], "Toxicity": 0.1}]}),
    ("comprehend_toxicity", "no overall score", {"ResultList": [{"Labels": LABELS}]}),
    (
        "comprehend_toxicity",
        "a label without a score",
        {"ResultList": [{"Labels": [{"Name": "INSULT"}], "Toxicity": 0}]},
    ),
    ("comprehend_toxicity", "a score beyond 1", {"ResultList": [{"Labels": LABELS, "Toxicity": 1.5}]}),
    ("comprehend_classifier", "no classes", {"Classes": []}),
    ("comprehend_classifier", "a class without a name", {"Classes": [{"Score": 0.5}]}),
    ("comprehend_classifier", "a negative score", {"Labels": [{"Name": "Toxic", "Score": -0.5}]}),
    (
        "comprehend_classifier",
        "a page that was not read",
        {
            "Classes": [{"Name": "Not Toxic", "Score": 1.0}],
            "Errors": [{"Page": 1, "ErrorCode": "PAGE_CHARACTERS_EXCEEDED"}],
        },
    ),
]


@pytest.mark.parametrize(("detector", "what", "answer"), NONSENSE, ids=[what for _, what, _ in NONSENSE])
async def test_an_answer_without_sense_is_no_verdict(
    aws: AwsStandIn, detector: str, what: str, answer: dict[str, Any]
) -> None:
    """Although its shape is right: what was not judged does not pass."""
    arn = aws.classifier("toxicity")
    async with serving(detectors=(detector,), comprehend_endpoint_arn=arn) as running:
        aws.answer("DetectToxicContent" if detector == "comprehend_toxicity" else "ClassifyDocument", answer, times=1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.moderate(HARMLESS)
        assert (await running.moderate(HATEFUL)).flagged
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert detail(status_of(caught.value), error_details_pb2.ErrorInfo).reason == "MODEL_RESPONSE_INVALID"


TYPES: list[tuple[str, bytes]] = [
    ("comprehend_classifier", b'{"Classes": [{"Name": "Not Toxic", "Score": "very"}]}'),
    ("comprehend_classifier", b'{"Classes": [null]}'),
    ("comprehend_toxicity", b'{"ResultList": [null]}'),
    ("comprehend_toxicity", b'{"ResultList": [{"Labels": [null], "Toxicity": 0.1}]}'),
    ("comprehend_toxicity", b'{"ResultList": [{"Labels": [{"Name": "INSULT", "Score": 0.1}], "Toxicity": {}}]}'),
]


@pytest.mark.parametrize(("detector", "body"), TYPES)
async def test_members_of_another_type_make_no_sense(aws: AwsStandIn, detector: str, body: bytes) -> None:
    """botocore hands them on as they come; they are the provider's mistake, told as such."""
    async with serving(
        detectors=(detector,), comprehend_endpoint_arn=aws.classifier("toxicity"), aws_max_attempts=1
    ) as running:
        operation = "DetectToxicContent" if detector == "comprehend_toxicity" else "ClassifyDocument"
        aws.misbehave(operation, faults.Garbage(body), times=1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.moderate(HARMLESS)
    assert detail(status_of(caught.value), error_details_pb2.ErrorInfo).reason == "MODEL_RESPONSE_INVALID"


async def test_units_are_counted_by_the_billing_rules(aws: AwsStandIn) -> None:
    """Of 100 characters begun, for each call by itself; toxicity detection bills three of them at least."""
    arn, long = aws.classifier("toxicity"), FILLER * 210
    async with serving(
        detectors=("comprehend_classifier", "comprehend_toxicity"), comprehend_endpoint_arn=arn, max_characters=20_000
    ) as running:
        short, whole = await running.moderate(HARMLESS), await running.moderate(long, run_all_detectors=True)
    assert [[usage.quantity for usage in run.usage] for run in short.detector_runs] == [[1], [3]]
    classified = [len(request.params["Text"]) for request in aws.requests_of("ClassifyDocument")]
    judged = [
        sum(len(segment["Text"]) for segment in request.params["TextSegments"])
        for request in aws.requests_of("DetectToxicContent")
    ]
    assert len(classified) == len(judged) == 3
    expected = [[-(-characters // 100) for characters in asked[1:]] for asked in (classified, judged)]
    assert [[usage.quantity for usage in run.usage] for run in whole.detector_runs] == expected


async def test_words_and_personal_data_of_a_guardrail_have_their_place(aws: AwsStandIn) -> None:
    """Topics, words and personal data beside the filters; what was matched is shown by its span and is in no label."""
    guardrail = Guardrail(
        strengths={},
        topics={"Politics": "election"},
        words=("acme",),
        pii={"EMAIL": (r"\S+@\S+", "ANONYMIZED")},
    )
    text = "ACME wins the election, says ann@example.org"
    async with serving(
        detectors=("bedrock_guardrail",), bedrock_guardrail_id=aws.guardrail("words1", guardrail)
    ) as running:
        response = await running.moderate(text)
    found = {f.category: f for f in response.findings}
    assert found[category_pb2.CATEGORY_PERSONAL_DATA].label == "EMAIL"
    spans = {
        text[f.text_span.start : f.text_span.end] for f in response.findings if f.HasField("text_span") and f.flagged
    }
    assert spans == {"ACME", "ann@example.org"}
    assert "Politics" in [f.label for f in response.findings if f.category == category_pb2.CATEGORY_DENIED_TOPIC]
    assert not any("example.org" in f.label for f in response.findings)


async def test_terms_come_first_and_spare_the_provider(aws: AwsStandIn) -> None:
    """Cheap before dear: what a word gives away is not asked about, unless all are asked for."""
    async with serving(detectors=("terms", "comprehend_toxicity")) as running:
        spared = await running.moderate("a n4ked lady")
        assert aws.requests == []
        asked = await running.moderate("a n4ked lady", run_all_detectors=True)
    assert [run.status for run in spared.detector_runs] == [
        detector_run_pb2.DETECTOR_RUN_STATUS_RAN,
        detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED,
    ]
    assert not spared.detector_runs[1].usage
    assert len(asked.detector_runs[1].usage) == len(aws.requests) == 1


def modelled_errors(provider: Provider) -> list[str]:
    model = botocore.session.get_session().get_service_model(provider.boto3_service)
    return [shape.name for shape in model.operation_model(provider.operation).error_shapes]


KEYS = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
COMMON = ("ThrottlingException", "AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException")
FAULTS: dict[str, tuple[Any, str]] = {
    "html": (faults.HtmlError(503), "UNAVAILABLE"),
    "reset": (faults.Reset(), "UNAVAILABLE"),
    "half a body": (faults.HalfBody(), "UNAVAILABLE"),
    "garbage": (faults.Garbage(), "INTERNAL"),
    "wrong shape": (faults.WrongShape(), "INTERNAL"),
    "empty": (faults.EmptyBody(), "INTERNAL"),
    "hang": (faults.Hang(), "UNAVAILABLE"),
}


@every_provider
async def test_every_fault_ends_the_call_with_an_error_of_the_designs(provider: Provider, aws: AwsStandIn) -> None:
    """Each error that the model names, those of any AWS service, and what networks do: never a verdict."""
    expected = {
        grpc.StatusCode.RESOURCE_EXHAUSTED: "PROVIDER_THROTTLED",
        grpc.StatusCode.UNAVAILABLE: "PROVIDER_UNAVAILABLE",
        grpc.StatusCode.FAILED_PRECONDITION: "PROVIDER_REJECTED",
        grpc.StatusCode.INTERNAL: "MODEL_RESPONSE_INVALID",
        grpc.StatusCode.INVALID_ARGUMENT: "FIELD_INVALID",
    }
    told: dict[str, tuple[Any, str | None]] = {name: (faults.Error(name), None) for name in modelled_errors(provider)}
    told |= {name: (faults.Error(name), None) for name in COMMON} | FAULTS  # type: ignore[operator] # wider on purpose
    async with moderating(provider, aws, aws_read_timeout_s=0.5) as running:
        for name, (fault, code) in told.items():
            aws.misbehave(provider.operation, fault, times=1)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await running.moderate(HARMLESS)
            status = status_of(caught.value)
            info = detail(status, error_details_pb2.ErrorInfo)
            assert info.reason == expected[caught.value.code()], name
            assert (info.metadata["stage"], info.metadata["provider"]) == (
                "text_moderation",
                provider.boto3_service.removesuffix("-runtime"),
            )
            assert code in (None, caught.value.code().name), name
            retry = detail(status, error_details_pb2.RetryInfo) is not None
            assert retry == (info.reason in ("PROVIDER_THROTTLED", "PROVIDER_UNAVAILABLE")), name
            if info.reason == "PROVIDER_REJECTED":
                assert info.metadata["setting"], name
        assert not (await running.moderate(HARMLESS)).flagged


@every_provider
async def test_a_provider_that_hangs_is_told_of_before_the_deadline(provider: Provider, aws: AwsStandIn) -> None:
    """The error names stage and provider, which gRPC's own would not."""
    async with moderating(provider, aws) as running:
        aws.misbehave(provider.operation, faults.Hang(), times=1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.stub.ModerateText(pb.ModerateTextRequest(text=HARMLESS), timeout=1.5)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    info = detail(status_of(caught.value), error_details_pb2.ErrorInfo)
    assert info.metadata["stage"] == "text_moderation"


@every_provider
async def test_not_even_debugging_logs_show_a_prompt_or_a_key(
    provider: Provider, aws: AwsStandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither ours nor those of botocore, which at its own debug level writes down whole requests with signatures."""
    configure_logging("debug", "json")
    try:
        async with moderating(provider, aws) as running:
            await running.moderate("a heliotrope")
            aws.misbehave(provider.operation, faults.Error("AccessDeniedException", message="a heliotrope"), times=1)
            with pytest.raises(grpc.aio.AioRpcError):
                await running.moderate("a heliotrope")
    finally:
        configure_logging("error", "json")
    logged = "".join(capfd.readouterr())
    assert "provider.failed" in logged
    for secret in ("heliotrope", "Signature=", *(aws.environment()[f"AWS_{key}"] for key in KEYS)):
        assert secret not in logged


REGION_VARIABLES = ("SAFELIGHT_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
GONE = "arn:aws:comprehend:{region}:123456789012:document-classifier-endpoint/gone"
WRONG: list[tuple[str, dict[str, str], tuple[str, ...], str]] = [
    ("comprehend_toxicity", {}, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "AWS credentials"),
    ("comprehend_toxicity", {}, REGION_VARIABLES, "SAFELIGHT_TEXT_MODERATION_AWS_REGION"),
    ("comprehend_classifier", {"comprehend_endpoint_arn": "toxicity"}, (), "COMPREHEND_ENDPOINT_ARN"),
    (
        "comprehend_classifier",
        {"comprehend_endpoint_arn": GONE.format(region="ap-southeast-2")},
        (),
        "COMPREHEND_ENDPOINT_ARN",
    ),
    ("comprehend_classifier", {"comprehend_endpoint_arn": GONE}, (), "COMPREHEND_ENDPOINT_ARN"),
    ("bedrock_guardrail", {"bedrock_guardrail_id": "nosuchguardrail"}, (), "BEDROCK_GUARDRAIL_ID"),
]


@pytest.mark.parametrize(("detector", "given", "missing", "setting"), WRONG)
async def test_what_is_set_wrong_is_named_and_stops_no_process(
    aws: AwsStandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    detector: str,
    given: dict[str, str],
    missing: tuple[str, ...],
    setting: str,
) -> None:
    """Not serving, and one line in the log with the setting's name; the process goes on."""
    region = aws.environment()["SAFELIGHT_AWS_REGION"]
    for name in missing:
        monkeypatch.delenv(name, raising=False)
    settings = {name: value.format(region=region) for name, value in given.items()}
    with logging_to(capsys) as lines:
        async with serving(detectors=(detector,), **settings, wait_ready=False) as running:
            said: list[dict[str, Any]] = []
            while not said:
                said = lines("provider.not_usable")
                assert await running.state() == NOT_SERVING
    (line,) = said
    assert line["setting"].endswith(setting)
    assert line["provider"] == detector


@pytest.mark.parametrize("missing", [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), REGION_VARIABLES])
async def test_a_call_to_a_provider_that_cannot_be_called_says_what_to_mend(
    aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
) -> None:
    """FAILED_PRECONDITION with the setting, and no verdict."""
    for name in missing:
        monkeypatch.delenv(name, raising=False)
    async with serving(detectors=("comprehend_toxicity",), wait_ready=False) as running:
        info = error_details_pb2.ErrorInfo(reason="NOT_READY")
        while info.reason == "NOT_READY":
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await running.moderate(HARMLESS)
            info = detail(status_of(caught.value), error_details_pb2.ErrorInfo)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert info.reason == "PROVIDER_REJECTED"
    assert info.metadata["setting"] in ("AWS credentials", "SAFELIGHT_TEXT_MODERATION_AWS_REGION")


async def test_a_service_serves_as_soon_as_its_endpoint_is_mended(aws: AwsStandIn) -> None:
    """Nothing has to be restarted when an endpoint comes up, or down."""
    arn = aws.classifier("late", Classifier(status="CREATING"))
    given: dict[str, Any] = {"detectors": ("comprehend_classifier",), "comprehend_endpoint_arn": arn}
    async with serving(**given, aws_check_interval_s=1, wait_ready=False) as running:
        await running.until("", NOT_SERVING)
        aws.classifier("late", Classifier(status="IN_SERVICE"))
        await running.until("", SERVING)
        assert (await running.moderate(HATEFUL)).flagged


async def test_a_shadow_that_cannot_be_called_has_no_say_in_the_health(
    aws: AwsStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is served does not depend on it: its failures are counted in the log, and nothing else."""
    region = aws.environment()["SAFELIGHT_AWS_REGION"]
    with logging_to(capsys) as lines:
        async with serving(
            shadow_detectors=("terms", "comprehend_classifier"), comprehend_endpoint_arn=GONE.format(region=region)
        ) as running:
            assert (await running.moderate("a n4ked lady")).flagged
            assert not (await running.moderate(HARMLESS)).flagged
            said: list[dict[str, Any]] = []
            while not said:
                said = lines("shadow.failed")
                assert await running.state() == SERVING
    assert said[0]["kind"] == "ProviderUnavailable"


@pytest.mark.parametrize("detector", ["comprehend_classifier", "bedrock_guardrail"])
def test_a_detector_without_what_it_needs_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch, detector: str) -> None:
    """What can be seen without asking AWS stops the start, as every other wrong setting does."""
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_DETECTORS", f"terms,{detector}")
    with pytest.raises(SettingsError, match=f"must be set for the detector {detector}"):
        load(Settings)
