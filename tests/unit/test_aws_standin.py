"""The stand-in for AWS: that it speaks as boto3 expects, refuses what AWS refuses, and fails as it is told."""

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody
from PIL import Image

from tests.support.aws import (
    AwsStandIn,
    Classifier,
    Filters,
    Gate,
    Guardrail,
    RawImage,
    StableDiffusion2,
    StableDiffusion35,
    StableDiffusionXL,
    faults,
    models,
    moto_server,
    protocols,
)
from tests.support.aws.image_models import ALL_BLOCKED, BLOCKED_PROMPT, SOME_BLOCKED, StabilityModel, nova, titan
from tests.support.images import clean, encoded, opened, positive

HARMFUL = "you fucking idiot, I will kill you"
HARMLESS = "a cat on a mat"


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    """A stand-in for one test."""
    with AwsStandIn() as standing:
        yield standing


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """Where moto's S3 is."""
    with moto_server() as url:
        yield url


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    """The error's name, as boto3 read it."""
    return str(error.value.response["Error"]["Code"])


def invoke(client: Any, endpoint: str, payload: Any, **params: Any) -> Any:
    """Calls InvokeEndpoint with JSON; gives the answer's JSON."""
    params = {"ContentType": "application/json", "Accept": "application/json", **params}
    response = client.invoke_endpoint(EndpointName=endpoint, Body=json.dumps(payload), **params)
    return json.loads(response["Body"].read())


def decoded(text: str) -> Image.Image:
    """The image in a base64 text."""
    return opened(base64.b64decode(text))


# Rekognition.


def test_moderation_labels_come_with_all_their_parents(aws: AwsStandIn) -> None:
    """A picture that NudeNet flags gets labels of three levels, each under a parent that is there too."""
    response = aws.client("rekognition").detect_moderation_labels(
        Image={"Bytes": encoded(positive())}, MinConfidence=30
    )
    labels = {label["Name"]: label for label in response["ModerationLabels"]}
    assert {label["TaxonomyLevel"] for label in labels.values()} == {1, 2, 3}
    for label in labels.values():
        assert (label["ParentName"] == "") == (label["TaxonomyLevel"] == 1)
        assert label["ParentName"] in {"", *labels}
        assert 30 <= label["Confidence"] <= 100
    assert response["ModerationModelVersion"] == "7.0"
    assert aws.invalid_requests == []


def test_moderation_honours_the_least_confidence(aws: AwsStandIn) -> None:
    """Nothing below MinConfidence is returned, and a harmless picture has no label at all."""
    client = aws.client("rekognition")
    sure = client.detect_moderation_labels(Image={"Bytes": encoded(positive())}, MinConfidence=100)
    assert sure["ModerationLabels"] == []
    assert client.detect_moderation_labels(Image={"Bytes": encoded(clean())})["ModerationLabels"] == []


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(encoded(clean(), "WEBP"), "InvalidImageFormatException", id="webp"),
        pytest.param(b"not a picture", "InvalidImageFormatException", id="no picture"),
        pytest.param(encoded(clean((79, 200))), "InvalidParameterException", id="too small"),
        pytest.param(encoded(Image.new("L", (10_001, 80))), "InvalidParameterException", id="too large"),
    ],
)
def test_rekognition_refuses_what_it_cannot_take(aws: AwsStandIn, image: bytes, expected: str) -> None:
    """Formats and sizes beyond Rekognition's documented limits are refused, and are no fault of the request's form."""
    with pytest.raises(ClientError) as error:
        aws.client("rekognition").detect_moderation_labels(Image={"Bytes": image})
    assert code_of(error) == expected
    assert aws.invalid_requests == []


def test_rekognition_adapters_and_human_review(aws: AwsStandIn) -> None:
    """An adapter that is ready is named in the answer, and a flagged picture goes to the human loop asked for."""
    version = "arn:aws:rekognition:eu-west-1:123456789012:project/p/version/v1/1700000000000"
    project = "arn:aws:rekognition:eu-west-1:123456789012:project/p/1600000000000"
    aws.rekognition.adapters[version] = "TRAINING_COMPLETED"
    client = aws.client("rekognition")
    response = client.detect_moderation_labels(
        Image={"Bytes": encoded(positive())},
        ProjectVersion=version,
        HumanLoopConfig={
            "HumanLoopName": "loop-1",
            "FlowDefinitionArn": "arn:aws:sagemaker:eu-west-1:123456789012:flow-definition/f",
        },
    )
    assert response["ProjectVersion"] == version
    assert response["HumanLoopActivationOutput"]["HumanLoopArn"].endswith(":human-loop/loop-1")
    described = client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"]
    assert [(one["ProjectVersionArn"], one["Status"]) for one in described] == [(version, "TRAINING_COMPLETED")]
    aws.rekognition.adapters[version] = "TRAINING_IN_PROGRESS"
    with pytest.raises(client.exceptions.ResourceNotReadyException):
        client.detect_moderation_labels(Image={"Bytes": encoded(clean())}, ProjectVersion=version)


def test_rekognition_reads_s3(s3_url: str) -> None:
    """An S3Object is fetched from S3, and one that is not there is an InvalidS3ObjectException."""
    with AwsStandIn(s3_url=s3_url) as aws:
        s3, client = aws.s3(), aws.client("rekognition")
        aws.bucket("pictures")
        s3.put_object(Bucket="pictures", Key="a.png", Body=encoded(positive()))
        response = client.detect_moderation_labels(Image={"S3Object": {"Bucket": "pictures", "Name": "a.png"}})
        assert response["ModerationLabels"]
        with pytest.raises(client.exceptions.InvalidS3ObjectException):
            client.detect_moderation_labels(Image={"S3Object": {"Bucket": "pictures", "Name": "none.png"}})


# Comprehend.


def comprehend_in_cbor(aws: AwsStandIn) -> Any:
    """A client that speaks the protocol that Comprehend's model lists first, which botocore does not choose yet."""
    session = boto3.session.Session()
    loader = session._session.get_component("data_loader")
    load = loader.load_service_model

    def without_json(service: str, *args: Any, **kwargs: Any) -> Any:
        model = load(service, *args, **kwargs)
        if service != "comprehend" or "metadata" not in model:
            return model
        metadata = {**model["metadata"], "protocol": protocols.CBOR, "protocols": [protocols.CBOR]}
        return {**model, "metadata": metadata}

    loader.load_service_model = without_json
    environment = aws.environment()
    return session.client(
        "comprehend",
        region_name=aws.region,
        endpoint_url=aws.url,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.mark.parametrize("protocol", ["json", "cbor"])
def test_comprehend_speaks_both_protocols(aws: AwsStandIn, protocol: str) -> None:
    """AWS JSON 1.1 and RPC v2 CBOR give the same classes, times and errors."""
    client = aws.client("comprehend") if protocol == "json" else comprehend_in_cbor(aws)
    arn = aws.classifier("toxicity")
    classes = client.classify_document(Text=HARMFUL, EndpointArn=arn)["Classes"]
    assert [one["Name"] for one in classes] == ["Toxic", "Not Toxic"]
    assert sum(one["Score"] for one in classes) == pytest.approx(1)
    assert classes[0]["Score"] > 0.8
    described = client.describe_endpoint(EndpointArn=arn)
    assert len(aws.requests_of("comprehend.DescribeEndpoint")) == 1
    assert aws.requests_of("sagemaker.DescribeEndpoint") == []
    assert described["EndpointProperties"]["CreationTime"].year == 2026
    assert ("cbor" in described["ResponseMetadata"]["HTTPHeaders"]["content-type"]) == (protocol == "cbor")
    assert described["ResponseMetadata"]["RequestId"] == aws.requests[-1].request_id
    aws.misbehave("ClassifyDocument", faults.Error("InvalidRequestException", members={"Reason": "INVALID_DOCUMENT"}))
    with pytest.raises(client.exceptions.InvalidRequestException) as error:
        client.classify_document(Text=HARMFUL, EndpointArn=arn)
    assert error.value.response["Reason"] == "INVALID_DOCUMENT"
    assert aws.invalid_requests == []


def test_a_multi_label_classifier_answers_with_labels(aws: AwsStandIn) -> None:
    """Labels are judged each on its own, under the names that the test gave them."""
    labels = {"violent": ("violence", "harassment_threatening"), "rude": ("profanity", "insult"), "fine": None}
    arn = aws.classifier("many", Classifier(mode="MULTI_LABEL", labels=labels))
    answer = aws.client("comprehend").classify_document(Text=HARMFUL, EndpointArn=arn)
    scores = {label["Name"]: label["Score"] for label in answer["Labels"]}
    assert set(scores) == set(labels)
    assert scores["rude"] > 0.5 > scores["fine"]
    assert "Classes" not in answer


def test_toxic_content_has_all_seven_labels(aws: AwsStandIn) -> None:
    """Each segment gets every label of the model's enumeration, and its toxicity."""
    client = aws.client("comprehend")
    segments = [{"Text": HARMLESS}, {"Text": HARMFUL}]
    harmless, harmful = client.detect_toxic_content(TextSegments=segments, LanguageCode="en")["ResultList"]
    names = models.service("comprehend").shape_for("ToxicContentType").enum
    assert {label["Name"] for label in harmful["Labels"]} == {label["Name"] for label in harmless["Labels"]}
    assert sorted(label["Name"] for label in harmful["Labels"]) == sorted(names)
    assert harmful["Toxicity"] > 0.8 > harmless["Toxicity"]


@pytest.mark.parametrize(
    ("texts", "language", "expected"),
    [
        (["a"] * 11, "en", "InvalidRequestException"),
        (["\u00e9" * 513], "en", "TextSizeLimitExceededException"),
        (["a"], "de", "UnsupportedLanguageException"),
    ],
)
def test_toxic_content_limits(aws: AwsStandIn, texts: list[str], language: str, expected: str) -> None:
    """Eleven segments, a segment of more than 1,024 bytes and a language but English are refused."""
    with pytest.raises(ClientError) as error:
        aws.client("comprehend").detect_toxic_content(
            TextSegments=[{"Text": text} for text in texts], LanguageCode=language
        )
    assert code_of(error) == expected


def test_an_endpoint_that_is_not_there(aws: AwsStandIn) -> None:
    """Classifying without the endpoint is a ResourceUnavailableException, describing it a ResourceNotFoundException."""
    client = aws.client("comprehend")
    arn = aws.comprehend.endpoint_arn("none")
    with pytest.raises(client.exceptions.ResourceUnavailableException):
        client.classify_document(Text="a", EndpointArn=arn)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_endpoint(EndpointArn=arn)


def csv_of(rows: list[tuple[str, str]]) -> bytes:
    """Training data as Comprehend takes it: label, text."""
    return "".join(f"{label},{text}\n" for label, text in rows).encode()


def test_a_classifier_is_trained_and_deployed_step_by_step(s3_url: str) -> None:
    """Training and deploying go through their states, and what is deployed classifies under the data's labels."""
    with AwsStandIn(s3_url=s3_url) as aws:
        s3, client = aws.s3(), aws.client("comprehend")
        aws.bucket("training")
        rows = [("toxic", HARMFUL), ("not_toxic", HARMLESS)] * 10
        s3.put_object(Bucket="training", Key="data.csv", Body=csv_of(rows).replace(b"idiot, I", b"idiot I"))
        arn = client.create_document_classifier(
            DocumentClassifierName="safelight",
            VersionName="v1",
            DataAccessRoleArn="arn:aws:iam::123456789012:role/comprehend",
            InputDataConfig={"S3Uri": "s3://training/data.csv"},
            LanguageCode="en",
        )["DocumentClassifierArn"]
        states = []
        for _ in range(3):
            model = client.describe_document_classifier(DocumentClassifierArn=arn)["DocumentClassifierProperties"]
            states.append(model["Status"])
        assert states == ["SUBMITTED", "TRAINING", "TRAINED"]
        assert model["ClassifierMetadata"]["NumberOfLabels"] == 2
        assert model["ClassifierMetadata"]["EvaluationMetrics"]["F1Score"] == pytest.approx(0.87)
        endpoint = client.create_endpoint(EndpointName="live", ModelArn=arn, DesiredInferenceUnits=1)["EndpointArn"]
        with pytest.raises(client.exceptions.ResourceUnavailableException):
            client.classify_document(Text=HARMFUL, EndpointArn=endpoint)
        states = [client.describe_endpoint(EndpointArn=endpoint)["EndpointProperties"]["Status"] for _ in range(2)]
        assert states == ["CREATING", "IN_SERVICE"]
        classes = client.classify_document(Text=HARMFUL, EndpointArn=endpoint)["Classes"]
        assert [one["Name"] for one in classes] == ["toxic", "not_toxic"]
        with pytest.raises(client.exceptions.ResourceInUseException):
            client.delete_document_classifier(DocumentClassifierArn=arn)
        client.delete_endpoint(EndpointArn=endpoint)
        assert client.describe_endpoint(EndpointArn=endpoint)["EndpointProperties"]["Status"] == "DELETING"
        client.delete_document_classifier(DocumentClassifierArn=arn)
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.describe_document_classifier(DocumentClassifierArn=arn)
        assert aws.invalid_requests == []


def test_training_data_that_is_not_there_ends_in_error(s3_url: str) -> None:
    """A classifier whose data cannot be read is IN_ERROR, with a message that says so."""
    with AwsStandIn(s3_url=s3_url) as aws:
        client = aws.client("comprehend")
        arn = client.create_document_classifier(
            DocumentClassifierName="safelight",
            DataAccessRoleArn="arn:aws:iam::123456789012:role/comprehend",
            InputDataConfig={"S3Uri": "s3://no-such-bucket/data.csv"},
            LanguageCode="en",
        )["DocumentClassifierArn"]
        client.describe_document_classifier(DocumentClassifierArn=arn)
        model = client.describe_document_classifier(DocumentClassifierArn=arn)["DocumentClassifierProperties"]
        assert (model["Status"], "cannot be read" in model["Message"]) == ("IN_ERROR", True)


# Bedrock Guardrails.


def test_a_guardrail_judges_text_and_images_together(aws: AwsStandIn) -> None:
    """Both are assessed and billed; what is found is blocked, and the blocked message takes its place."""
    identifier = aws.guardrail(guardrail=Guardrail(topics={"weather": "rain"}, words=("mat",)))
    response = aws.client("bedrock-runtime").apply_guardrail(
        guardrailIdentifier=identifier,
        guardrailVersion="1",
        source="INPUT",
        content=[
            {"text": {"text": f"{HARMFUL} in the rain on the mat " + "a" * 1000}},
            {"image": {"format": "png", "source": {"bytes": encoded(positive())}}},
        ],
    )
    (assessment,) = response["assessments"]
    found = {one["type"]: one["action"] for one in assessment["contentPolicy"]["filters"]}
    assert {"SEXUAL", "VIOLENCE", "INSULTS"} <= found.keys()
    assert assessment["topicPolicy"]["topics"] == [
        {"name": "weather", "type": "DENY", "action": "BLOCKED", "detected": True}
    ]
    assert [word["match"] for word in assessment["wordPolicy"]["customWords"]] == ["mat"]
    usage = response["usage"]
    assert (usage["contentPolicyUnits"], usage["topicPolicyUnits"], usage["contentPolicyImageUnits"]) == (2, 2, 1)
    assert usage["sensitiveInformationPolicyUnits"] == 0
    assert response["action"] == "GUARDRAIL_INTERVENED"
    assert response["outputs"] == [{"text": Guardrail().blocked_input}]
    assert response["guardrailCoverage"]["images"] == {"guarded": 1, "total": 1}


def test_a_guardrail_lets_pass_what_it_does_not_find(aws: AwsStandIn) -> None:
    """Harmless text: no action, no output, nothing listed; with the full scope every filter is."""
    client, identifier = aws.client("bedrock-runtime"), aws.guardrail()
    ask = {
        "guardrailIdentifier": aws.guardrails.arn(identifier),
        "guardrailVersion": "DRAFT",
        "source": "OUTPUT",
        "content": [{"text": {"text": HARMLESS}}],
    }
    response = client.apply_guardrail(**ask)
    assert (response["action"], response["outputs"]) == ("NONE", [])
    assert "contentPolicy" not in response["assessments"][0]
    full = client.apply_guardrail(**ask, outputScope="FULL")
    assert len(full["assessments"][0]["contentPolicy"]["filters"]) == 6


def test_a_guardrail_masks_personal_data(aws: AwsStandIn) -> None:
    """ANONYMIZED data are masked in the output; a guardrail that only detects leaves them."""
    pii = {"EMAIL": (r"\w+@\w+\.\w+", "ANONYMIZED")}
    ask = {"guardrailVersion": "1", "source": "INPUT", "content": [{"text": {"text": "mail me@there.org"}}]}
    client = aws.client("bedrock-runtime")
    masks = aws.guardrail("masks", Guardrail(strengths={}, pii=pii))
    response = client.apply_guardrail(guardrailIdentifier=masks, **ask)
    assert response["outputs"] == [{"text": "mail {EMAIL}"}]
    detects = aws.guardrail("detects", Guardrail(strengths={}, pii=pii, detect_only=True))
    response = client.apply_guardrail(guardrailIdentifier=detects, **ask)
    (entity,) = response["assessments"][0]["sensitiveInformationPolicy"]["piiEntities"]
    assert (response["action"], entity["action"], entity["detected"]) == ("NONE", "NONE", True)


def test_a_guardrails_image_limits(aws: AwsStandIn) -> None:
    """A format but the one named, and a side of more than 8,000 pixels, are refused."""
    client, identifier = aws.client("bedrock-runtime"), aws.guardrail()
    for image in (encoded(clean(), "JPEG"), encoded(Image.new("L", (8001, 10)))):
        with pytest.raises(client.exceptions.ValidationException):
            client.apply_guardrail(
                guardrailIdentifier=identifier,
                guardrailVersion="1",
                source="INPUT",
                content=[{"image": {"format": "png", "source": {"bytes": image}}}],
            )
    assert aws.client("bedrock").get_guardrail(guardrailIdentifier=identifier)["status"] == "READY"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.apply_guardrail(
            guardrailIdentifier=identifier, guardrailVersion="7", source="INPUT", content=[{"text": {"text": "a"}}]
        )


# SageMaker.


def test_stable_diffusion_2_in_both_forms(aws: AwsStandIn) -> None:
    """JPEG files in base64 or nested arrays of RGB values, as many and as large as asked for, by the seed."""
    client = aws.client("sagemaker-runtime")
    endpoint = aws.endpoint("sd2", StableDiffusion2())
    ask = {"prompt": "a red house", "width": 64, "height": 96, "num_images_per_prompt": 2, "seed": 7}
    jpegs = invoke(client, endpoint, ask, Accept="application/json;jpeg")
    first, second = (decoded(image) for image in jpegs["generated_images"])
    assert (first.format, first.size, jpegs["prompt"]) == ("JPEG", (64, 96), "a red house")
    assert first.tobytes() != second.tobytes()
    arrays = invoke(client, endpoint, ask)["generated_images"]
    assert [len(arrays), len(arrays[0]), len(arrays[0][0]), len(arrays[0][0][0])] == [2, 96, 64, 3]
    text = client.invoke_endpoint(
        EndpointName=aws.endpoint("small", StableDiffusion2(side=64)),
        ContentType="application/x-text",
        Accept="application/json;jpeg",
        Body=b"a red house",
    )
    assert decoded(json.loads(text["Body"].read())["generated_image"]).size == (64, 64)
    assert text["InvokedProductionVariant"] == "AllTraffic"
    black = aws.endpoint("black", StableDiffusion2(side=64, black=lambda _: True))
    assert (
        decoded(invoke(client, black, {"prompt": "a"}, Accept="application/json;jpeg")["generated_images"][0]).getbbox()
        is None
    )


@pytest.mark.parametrize(
    "payload",
    [
        {"prompt": "a", "width": 60},
        {"prompt": "a", "steps": 5},
        {"negative_prompt": "a"},
        {"prompt": "a", "num_images_per_prompt": 0},
        ["a"],
    ],
)
def test_a_container_refuses_what_it_does_not_know(aws: AwsStandIn, payload: Any) -> None:
    """A container's refusal comes as a ModelError with the container's own status and words."""
    client = aws.client("sagemaker-runtime")
    endpoint = aws.endpoint("sd2", StableDiffusion2(side=64))
    with pytest.raises(client.exceptions.ModelError) as error:
        invoke(client, endpoint, payload)
    assert error.value.response["OriginalStatusCode"] == 400
    assert error.value.response["OriginalMessage"]
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_an_answer_beyond_six_mebibytes_does_not_get_through(aws: AwsStandIn) -> None:
    """Arrays of a 768-pixel image are larger than an endpoint's answer may be."""
    client = aws.client("sagemaker-runtime")
    endpoint = aws.endpoint("sd2", StableDiffusion2())
    with pytest.raises(client.exceptions.ModelError, match="larger than"):
        invoke(client, endpoint, {"prompt": "a red house"})


def test_stable_diffusion_xl(aws: AwsStandIn) -> None:
    """Artifacts with seeds and finish reasons; what the filter takes is black; other sizes are refused."""
    client = aws.client("sagemaker-runtime")
    endpoint = aws.endpoint("sdxl", StableDiffusionXL(Filters(prompt=lambda prompt: "secret" in prompt)))
    ask = {"text_prompts": [{"text": "a house"}, {"text": "rain", "weight": -1}], "width": 1536, "height": 640}
    (artifact,) = invoke(client, endpoint, {**ask, "seed": 5}, Accept="application/json;png")["artifacts"]
    assert (artifact["finishReason"], artifact["seed"]) == ("SUCCESS", 5)
    assert decoded(artifact["base64"]).size == (1536, 640)
    (artifact,) = invoke(client, endpoint, {**ask, "text_prompts": [{"text": "a secret"}]})["artifacts"]
    assert artifact["finishReason"] == "CONTENT_FILTERED"
    assert decoded(artifact["base64"]).getbbox() is None
    with pytest.raises(client.exceptions.ModelError, match="resolution"):
        invoke(client, endpoint, {**ask, "width": 1024})


def test_stable_diffusion_3_5(aws: AwsStandIn) -> None:
    """An image of the ratio asked for, within `body`; a refused prompt has a finish reason and no image."""
    client = aws.client("sagemaker-runtime")
    container = StableDiffusion35(Filters(prompt=lambda prompt: "secret" in prompt), scale=0.25)
    endpoint = aws.endpoint("sd35", container)
    answer = invoke(client, endpoint, {"prompt": "a house", "aspect_ratio": "21:9", "seed": 3})["body"]
    assert (answer["seeds"], answer["finish_reasons"]) == ([3], [None])
    assert decoded(answer["images"][0]).size == (384, 160)
    assert invoke(client, endpoint, {"prompt": "a secret"})["body"] == {"finish_reasons": ["Filter reason: prompt"]}
    with pytest.raises(client.exceptions.ModelError, match="aspect_ratio"):
        invoke(client, endpoint, {"prompt": "a house", "aspect_ratio": "4:3"})


def test_a_container_of_raw_image_bytes(aws: AwsStandIn) -> None:
    """The answer is the file itself, of the type that Accept names."""
    response = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=aws.endpoint("raw", RawImage()),
        Body=json.dumps({"prompt": "a house", "width": 64, "height": 64}),
        ContentType="application/json",
        Accept="image/webp",
    )
    assert response["ContentType"] == "image/webp"
    assert opened(response["Body"].read()).format == "WEBP"


def test_an_endpoints_status(aws: AwsStandIn) -> None:
    """DescribeEndpoint tells the status, and one that is not in service or not there cannot be invoked."""
    aws.endpoint("new", StableDiffusion2(), status="Creating")
    control, runtime = aws.client("sagemaker"), aws.client("sagemaker-runtime")
    assert control.describe_endpoint(EndpointName="new")["EndpointStatus"] == "Creating"
    for name in ("new", "none"):
        with pytest.raises(runtime.exceptions.ValidationError):
            invoke(runtime, name, {"prompt": "a"})
    with pytest.raises(ClientError) as error:
        control.describe_endpoint(EndpointName="none")
    assert code_of(error) == "ValidationException"


def test_an_asynchronous_inference_through_s3(s3_url: str) -> None:
    """The output appears where the answer said once the inference is let go, and a refusal at the other place."""
    gate = Gate()
    with AwsStandIn(s3_url=s3_url) as aws:
        s3, client = aws.s3(), aws.client("sagemaker-runtime")
        aws.bucket("inference")
        places = {"output": "s3://inference/out/", "failures": "s3://inference/failed"}
        aws.endpoint("async", StableDiffusion2(side=64), hold=gate, **places)
        s3.put_object(Bucket="inference", Key="in.json", Body=json.dumps({"prompt": "a house"}))
        asked = {"EndpointName": "async", "ContentType": "application/json", "Accept": "application/json;jpeg"}
        response = client.invoke_endpoint_async(**asked, InputLocation="s3://inference/in.json", InferenceId="one")
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 202
        assert response["OutputLocation"] == "s3://inference/out/one.out"
        assert response["FailureLocation"] == "s3://inference/failed/one-error.out"
        inline = client.invoke_endpoint_async(**asked, Body=b'{"prompt": 5}', InferenceId="two")
        gate.wait_until_reached()
        with pytest.raises(s3.exceptions.NoSuchKey):
            s3.get_object(Bucket="inference", Key="out/one.out")
        gate.open()
        aws.sagemaker.wait_for_inferences()
        output = json.loads(s3.get_object(Bucket="inference", Key="out/one.out")["Body"].read())
        assert decoded(output["generated_images"][0]).size == (64, 64)
        failed = s3.get_object(Bucket="inference", Key=inline["FailureLocation"].removeprefix("s3://inference/"))
        assert b"must be a string" in failed["Body"].read()
        assert aws.invalid_requests == []


def test_an_asynchronous_inference_that_is_held_does_not_hold_up_closing(s3_url: str) -> None:
    """Closing lets go of what is held without running it."""
    with AwsStandIn(s3_url=s3_url) as aws:
        aws.endpoint("async", StableDiffusion2(), hold=Gate(), output="s3://nowhere/out")
        aws.client("sagemaker-runtime").invoke_endpoint_async(EndpointName="async", Body=b"{}")
    assert aws.failures == []


# Bedrock's image models.


def invoke_model(client: Any, model: str, payload: Any) -> Any:
    """Calls InvokeModel; gives the answer's JSON."""
    return json.loads(client.invoke_model(modelId=model, body=json.dumps(payload))["body"].read())


def test_stability_models_on_bedrock(aws: AwsStandIn) -> None:
    """All three answer with images, seeds and finish reasons, and say when prompt or image is filtered."""
    client = aws.client("bedrock-runtime")
    for model in (
        "stability.sd3-5-large-v1:0",
        "stability.stable-image-core-v1:1",
        "stability.stable-image-ultra-v1:1",
    ):
        aws.image_models.models[model] = StabilityModel(filters=Filters(), scale=0.125)
        answer = invoke_model(client, model, {"prompt": "a house", "output_format": "jpeg", "seed": 9})
        assert (answer["seeds"], answer["finish_reasons"]) == ([9], [None])
        assert (decoded(answer["images"][0]).format, len(answer["images"])) == ("JPEG", 1)
    aws.image_models.models[model] = StabilityModel(filters=Filters(image=lambda _: True), scale=0.125)
    assert invoke_model(client, model, {"prompt": "a house"}) == {"finish_reasons": ["Filter reason: output image"]}
    aws.image_models.models[model] = StabilityModel()
    assert invoke_model(client, model, {"prompt": HARMFUL}) == {"finish_reasons": ["Filter reason: prompt"]}
    with pytest.raises(client.exceptions.ValidationException, match="cfg_scale"):
        invoke_model(client, model, {"prompt": "a house", "cfg_scale": 5})


def amazon_request(text: str, **config: Any) -> dict[str, Any]:
    """A request of text to image for Titan or Nova."""
    return {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": text}, "imageGenerationConfig": config}


def test_amazon_models_on_bedrock(aws: AwsStandIn) -> None:
    """Titan and Nova answer with images and `error`, each with its own sizes and its own way to refuse."""
    client = aws.client("bedrock-runtime")
    seen = iter([False, True, True, True])
    dull = Filters(prompt=lambda prompt: "secret" in prompt, image=lambda _: next(seen))
    aws.image_models.models["amazon.nova-canvas-v1:0"] = nova(filters=dull)
    aws.image_models.models["amazon.titan-image-generator-v2:0"] = titan(filters=dull)
    size = {"width": 320, "height": 704}
    some = invoke_model(client, "amazon.nova-canvas-v1:0", amazon_request("a house", numberOfImages=2, **size))
    assert (len(some["images"]), some["error"]) == (1, SOME_BLOCKED)
    none = invoke_model(
        client, "amazon.titan-image-generator-v2:0", amazon_request("a house", numberOfImages=2, **size)
    )
    assert (none["images"], none["error"]) == ([], ALL_BLOCKED)
    with pytest.raises(client.exceptions.ValidationException, match=BLOCKED_PROMPT):
        invoke_model(client, "amazon.nova-canvas-v1:0", amazon_request("a secret", **size))
    refused = invoke_model(client, "amazon.titan-image-generator-v2:0", amazon_request("a secret", **size))
    assert refused == {"images": [], "error": BLOCKED_PROMPT}
    for model, wrong in (
        ("amazon.nova-canvas-v1:0", {"width": 312, "height": 704}),
        ("amazon.titan-image-generator-v2:0", {"width": 512, "height": 640}),
    ):
        with pytest.raises(client.exceptions.ValidationException, match="Malformed input request"):
            invoke_model(client, model, amazon_request("a house", **wrong))


def test_access_to_a_model(aws: AwsStandIn) -> None:
    """A model without access is described but not invoked; one that is not there is neither."""
    runtime, control = aws.client("bedrock-runtime"), aws.client("bedrock")
    model = "amazon.nova-canvas-v1:0"
    aws.image_models.denied.add(model)
    details = control.get_foundation_model(modelIdentifier=model)["modelDetails"]
    assert (details["modelId"], details["outputModalities"]) == (model, ["IMAGE"])
    with pytest.raises(runtime.exceptions.AccessDeniedException):
        invoke_model(runtime, details["modelArn"], amazon_request("a"))
    with pytest.raises(runtime.exceptions.ValidationException):
        invoke_model(runtime, "amazon.none-v1:0", {})
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_foundation_model(modelIdentifier="amazon.none-v1:0")


# Requests that break the input model.


def tampered(client: Any, **changes: Any) -> Any:
    """Makes the client send a JSON body with these members put in, after its own validation and before signing."""

    def change(params: dict[str, Any], **_: Any) -> None:
        params["body"] = json.dumps(json.loads(params["body"]) | changes).encode()

    client.meta.events.register("before-call", change)
    return client


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"Unknown": 1}, "Unknown"),
        ({"MinConfidence": 101}, "MinConfidence"),
        ({"MinConfidence": "50"}, "MinConfidence"),
        ({"ProjectVersion": "arn:aws:rekognition:eu-west-1:1:p"}, "ProjectVersion"),
        ({"Image": {"Byte": "AAAA"}}, "Byte"),
        ({"Image": None}, "Image"),
        ({"HumanLoopConfig": {"HumanLoopName": "a"}}, "FlowDefinitionArn"),
        (
            {
                "HumanLoopConfig": {
                    "HumanLoopName": "a",
                    "FlowDefinitionArn": "f",
                    "DataAttributes": {"ContentClassifiers": ["FreeOfCats"]},
                }
            },
            "FreeOfCats",
        ),
    ],
)
def test_a_request_that_breaks_its_model_is_refused_and_noted(
    aws: AwsStandIn, changes: dict[str, Any], wrong: str
) -> None:
    """Unknown members, limits, types, patterns, missing members and enumerations: each is refused and noted."""
    client = tampered(aws.client("rekognition"), **changes)
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.detect_moderation_labels(Image={"Bytes": encoded(clean())})
    (noted,) = aws.invalid_requests
    assert wrong in noted


def test_each_service_names_an_invalid_request_as_it_does(aws: AwsStandIn) -> None:
    """Each service has its own name for a request that breaks its model, and bodies that are no JSON are such."""
    comprehend, bedrock = aws.client("comprehend"), aws.client("bedrock-runtime")
    with pytest.raises(comprehend.exceptions.InvalidRequestException):
        tampered(comprehend, Text="").classify_document(Text="a", EndpointArn=aws.classifier())
    bedrock.meta.events.register("before-call", lambda params, **_: params.update(body=b"{"))
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.apply_guardrail(
            guardrailIdentifier="a", guardrailVersion="1", source="INPUT", content=[{"text": {"text": "a"}}]
        )
    runtime = aws.client("sagemaker-runtime", parameter_validation=False)
    with pytest.raises(runtime.exceptions.ValidationError):
        runtime.invoke_endpoint(EndpointName="-", Body=b"a")
    assert len(aws.invalid_requests) == 3


def test_an_operation_that_no_model_has(aws: AwsStandIn) -> None:
    """An unknown operation is answered as such and noted."""
    client = aws.client("rekognition")
    client.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({"X-Amz-Target": "RekognitionService.Nothing"})
    )
    with pytest.raises(ClientError) as error:
        client.detect_moderation_labels(Image={"Bytes": b"a"})
    assert code_of(error) == "UnknownOperationException"
    assert len(aws.invalid_requests) == 1


# Signatures.


def client_with(aws: AwsStandIn, service: str = "comprehend", **settings: Any) -> Any:
    """A client with other settings than the stand-in's own."""
    known = {
        "region_name": aws.region,
        "aws_access_key_id": aws.environment()["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": aws.environment()["AWS_SECRET_ACCESS_KEY"],
    }
    return boto3.session.Session().client(service, endpoint_url=aws.url, **{**known, **settings})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIANOBODY"}, "UnrecognizedClientException"),
        ({"aws_session_token": "token"}, "UnrecognizedClientException"),
        ({"region_name": "us-east-1"}, "InvalidSignatureException"),
        (
            {"config": boto3.session.Config(signature_version=UNSIGNED)},
            "MissingAuthenticationTokenException",
        ),
    ],
)
def test_bad_signatures(aws: AwsStandIn, settings: dict[str, Any], expected: str) -> None:
    """Wrong secret, key, token and region, and no signature, are refused with AWS's names and noted."""
    with pytest.raises(ClientError) as error:
        client_with(aws, **settings).classify_document(Text="a", EndpointArn=aws.classifier())
    assert code_of(error) == expected
    assert len(aws.invalid_requests) == 1


def test_a_body_changed_after_signing(aws: AwsStandIn) -> None:
    """The signature covers the body."""
    client = client_with(aws)

    def change(request: Any, **_: Any) -> None:
        request.body = request.body.replace(b'"a"', b'"b"')

    client.meta.events.register("before-send", change)
    with pytest.raises(ClientError) as error:
        client.classify_document(Text="a", EndpointArn=aws.classifier())
    assert code_of(error) == "InvalidSignatureException"


def test_a_signature_of_the_wrong_form(aws: AwsStandIn) -> None:
    """An Authorization header that is none of Version 4 is refused as such."""
    client = client_with(aws)
    client.meta.events.register(
        "before-send", lambda request, **_: request.headers.update({"Authorization": "Basic dXNlcjpwYXNz"})
    )
    with pytest.raises(ClientError) as error:
        client.classify_document(Text="a", EndpointArn=aws.classifier())
    assert code_of(error) == "IncompleteSignatureException"


def test_a_signature_out_of_date(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request signed ten minutes ago is refused, however well it is signed."""
    before = datetime.now(UTC) - timedelta(minutes=10)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: before)
    with pytest.raises(ClientError, match="Signature expired"):
        client_with(aws).classify_document(Text="a", EndpointArn=aws.classifier())


def test_boto3_finds_it_by_the_environment(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its variables set boto3's own chain has credentials and region, and the answer says who they are."""
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    identity = boto3.session.Session().client("sts", endpoint_url=aws.url).get_caller_identity()
    assert identity["Account"] == aws.account
    assert aws.invalid_requests == []


# Misbehaviour.

OPERATIONS = [
    ("comprehend", "ClassifyDocument"),
    ("comprehend", "DetectToxicContent"),
    ("comprehend", "DescribeEndpoint"),
    ("sagemaker-runtime", "InvokeEndpoint"),
    ("sagemaker-runtime", "InvokeEndpointAsync"),
    ("sagemaker", "DescribeEndpoint"),
    ("bedrock-runtime", "InvokeModel"),
    ("bedrock-runtime", "ApplyGuardrail"),
    ("bedrock", "GetGuardrail"),
    ("bedrock", "GetFoundationModel"),
    ("rekognition", "DetectModerationLabels"),
    ("rekognition", "DescribeProjectVersions"),
]
ARN = "arn:aws:comprehend:eu-west-1:123456789012:document-classifier-endpoint/a"
PARAMS: dict[str, dict[str, Any]] = {
    "ClassifyDocument": {"Text": "a", "EndpointArn": ARN},
    "DetectToxicContent": {"TextSegments": [{"Text": "a"}], "LanguageCode": "en"},
    "comprehend.DescribeEndpoint": {"EndpointArn": ARN},
    "InvokeEndpoint": {"EndpointName": "a", "Body": b"{}"},
    "InvokeEndpointAsync": {"EndpointName": "a", "InputLocation": "s3://a/b"},
    "sagemaker.DescribeEndpoint": {"EndpointName": "a"},
    "InvokeModel": {"modelId": "amazon.nova-canvas-v1:0", "body": b"{}"},
    "ApplyGuardrail": {
        "guardrailIdentifier": "a",
        "guardrailVersion": "1",
        "source": "INPUT",
        "content": [{"text": {"text": "a"}}],
    },
    "GetGuardrail": {"guardrailIdentifier": "a"},
    "GetFoundationModel": {"modelIdentifier": "amazon.nova-canvas-v1:0"},
    "DetectModerationLabels": {"Image": {"Bytes": b"a"}},
    "DescribeProjectVersions": {"ProjectArn": "arn:aws:rekognition:eu-west-1:123456789012:project/p/1600000000000"},
}
COMMON = ("ThrottlingException", "AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException")


def call(client: Any, service: str, operation: str) -> Any:
    """Calls an operation with parameters that its model allows."""
    params = PARAMS.get(operation) or PARAMS[f"{service}.{operation}"]
    return client._make_api_call(operation, params)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_every_modeled_and_common_error_can_be_had(aws: AwsStandIn, service: str, operation: str) -> None:
    """boto3 reads each error of the operation's model as its own exception, with its status and members."""
    client = aws.client(service)
    for shape in models.operation(service, operation).error_shapes:
        members = {
            name: {"string": "text", "integer": 500}[member.type_name]
            for name, member in shape.members.items()
            if name.lower() != "message" and member.type_name != "structure" and not getattr(member, "enum", None)
        }
        aws.misbehave(operation, faults.Error(shape.error_code, "why", members=members), times=1)
        with pytest.raises(getattr(client.exceptions, shape.name)) as error:
            call(client, service, operation)
        response = error.value.response
        assert response["Error"] == {"Code": shape.error_code, "Message": "why"} | response["Error"]
        assert {name: response[name] for name in members} == members
        status = shape.metadata.get("error", {}).get("httpStatusCode") or (
            500 if shape._shape_model.get("fault") else 400
        )
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert response["ResponseMetadata"]["RequestId"]
    for code in COMMON:
        aws.misbehave(operation, faults.Error(code), times=1)
        with pytest.raises(ClientError) as common:
            call(client, service, operation)
        assert code_of(common) == code
    assert aws.invalid_requests == []


def test_an_error_with_members_that_its_model_lacks_is_the_tests_fault() -> None:
    """An error made up with a wrong member fails the test, not the client alone."""
    aws = AwsStandIn().start()
    aws.misbehave("ClassifyDocument", faults.Error("InvalidRequestException", members={"Wrong": "a"}))
    with pytest.raises(ClientError):
        call(aws.client("comprehend"), "comprehend", "ClassifyDocument")
    with pytest.raises(BaseExceptionGroup, match="own failures"):
        aws.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"ModerationLabel": []},
        {"ModerationLabels": [{"Name": 5}]},
        {"ModerationLabels": [{"Name": "a", "Confidence": 101.0}]},
        {"ProjectVersion": "not an arn, though it is long enough"},
    ],
)
def test_an_answer_that_breaks_its_model_is_the_tests_fault(answer: dict[str, Any]) -> None:
    """A wrong name, type, limit or pattern in an answer is a 500 for the client and fails the test."""
    aws = AwsStandIn().start()
    aws.answer("DetectModerationLabels", answer)
    with pytest.raises(ClientError):
        call(aws.client("rekognition"), "rekognition", "DetectModerationLabels")
    with pytest.raises(BaseExceptionGroup) as failures:
        aws.close()
    assert failures.group_contains(protocols.Drift)


def test_an_answer_lacking_a_required_member_is_the_tests_fault() -> None:
    """ApplyGuardrail must say what it used."""
    aws = AwsStandIn().start()
    aws.answer("ApplyGuardrail", {"action": "NONE", "outputs": [], "assessments": []})
    with pytest.raises(ClientError):
        call(aws.client("bedrock-runtime"), "bedrock-runtime", "ApplyGuardrail")
    with pytest.raises(BaseExceptionGroup, match="own failures"):
        aws.close()


def test_a_given_answer_and_plans_in_turn(aws: AwsStandIn) -> None:
    """Plans follow one another, each as often as it says, after as many good answers as it says."""
    client = aws.client("rekognition")
    given = {"ModerationLabels": [{"Name": "Gambling", "ParentName": "", "Confidence": 99.5, "TaxonomyLevel": 1}]}
    aws.answer("DetectModerationLabels", lambda params: given | {"ModerationModelVersion": str(len(params))}, times=1)
    aws.misbehave("DetectModerationLabels", faults.Error("ThrottlingException"), times=1, after=1)
    image = {"Bytes": encoded(clean())}
    first = client.detect_moderation_labels(Image=image)
    assert (first["ModerationLabels"][0]["Name"], first["ModerationModelVersion"]) == ("Gambling", "1")
    assert client.detect_moderation_labels(Image=image)["ModerationLabels"] == []
    with pytest.raises(client.exceptions.ThrottlingException):
        client.detect_moderation_labels(Image=image)
    assert client.detect_moderation_labels(Image=image)["ModerationLabels"] == []


def test_attempts_are_counted(aws: AwsStandIn) -> None:
    """boto3's retries are seen, each with its number and the client's user agent."""
    client = aws.client("comprehend", retries={"total_max_attempts": 3, "mode": "standard"}, user_agent_extra="me/1")
    arn = aws.classifier()
    aws.misbehave("ClassifyDocument", faults.Error("InternalServerException"), times=1)
    assert client.classify_document(Text=HARMLESS, EndpointArn=arn)["ResponseMetadata"]["RetryAttempts"] == 1
    assert [request.attempt for request in aws.requests_of("ClassifyDocument")] == [1, 2]
    assert all("me/1" in request.user_agent for request in aws.requests)
    assert aws.requests[0].params == {"Text": HARMLESS, "EndpointArn": arn}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.HtmlError(503), "503"),
        (faults.HtmlError(502), "502"),
        (faults.Reset(), ConnectionClosedError),
        (faults.Garbage(), UnicodeDecodeError),
        (faults.Hang(), ReadTimeoutError),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str | tuple | type) else "",
)
def test_a_broken_line(aws: AwsStandIn, fault: faults.Fault, expected: Any) -> None:
    """boto3 meets each kind of broken answer as what it is, and the next call over a new line is served."""
    client = aws.client("comprehend", read_timeout=0.3)
    arn = aws.classifier()
    assert client.classify_document(Text=HARMLESS, EndpointArn=arn)
    aws.misbehave("ClassifyDocument", fault, times=1)
    if isinstance(expected, str):
        with pytest.raises(ClientError) as error:
            client.classify_document(Text=HARMLESS, EndpointArn=arn)
        assert code_of(error) == expected
    else:
        with pytest.raises(expected):
            client.classify_document(Text=HARMLESS, EndpointArn=arn)
    assert client.classify_document(Text=HARMLESS, EndpointArn=arn)["Classes"]


def test_well_formed_nonsense(aws: AwsStandIn) -> None:
    """A wrong shape and an empty body come through boto3 as answers without members; a raw body is passed on as is."""
    comprehend, runtime = aws.client("comprehend"), aws.client("sagemaker-runtime")
    cbor = comprehend_in_cbor(aws)
    arn = aws.classifier()
    aws.misbehave("ClassifyDocument", faults.WrongShape(), times=2)
    aws.misbehave("ClassifyDocument", faults.EmptyBody(), times=1)
    for client in (comprehend, cbor, comprehend):
        assert client.classify_document(Text=HARMLESS, EndpointArn=arn).keys() == {"ResponseMetadata"}
    endpoint = aws.endpoint("sd2", StableDiffusion2(side=64))
    aws.misbehave("InvokeEndpoint", faults.WrongShape(), times=1)
    assert invoke(runtime, endpoint, {"prompt": "a"}) == {"Unexpected": True}


def test_half_a_body(aws: AwsStandIn) -> None:
    """boto3 notices half a body where it is raw or CBOR; half a body of JSON it takes for an answer without members."""
    comprehend, runtime, cbor = aws.client("comprehend"), aws.client("sagemaker-runtime"), comprehend_in_cbor(aws)
    arn, endpoint = aws.classifier(), aws.endpoint("sd2", StableDiffusion2(side=64))
    aws.misbehave("ClassifyDocument", faults.HalfBody(), times=2)
    assert comprehend.classify_document(Text=HARMLESS, EndpointArn=arn).keys() == {"ResponseMetadata"}
    with pytest.raises(ResponseParserError):
        cbor.classify_document(Text=HARMLESS, EndpointArn=arn)
    aws.misbehave("InvokeEndpoint", faults.HalfBody(), times=1)
    body: StreamingBody = runtime.invoke_endpoint(
        EndpointName=endpoint, Body=b'{"prompt": "a"}', ContentType="application/json", Accept="application/json"
    )["Body"]
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        body.read()


def test_a_slow_answer_comes_once_it_is_let_go(aws: AwsStandIn) -> None:
    """Nothing comes before the gate opens, and the right answer after."""
    gate, client = Gate(), aws.client("comprehend")
    aws.misbehave("ClassifyDocument", faults.Slow(gate), times=1)
    arn = aws.classifier()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.classify_document, Text=HARMLESS, EndpointArn=arn)
        gate.wait_until_reached()
        assert not waiting.done()
        gate.open()
        assert waiting.result()["Classes"]


def test_closing_ends_what_hangs() -> None:
    """Clients that hang, are held or keep a line open do not hold up closing."""
    with AwsStandIn() as aws, ThreadPoolExecutor(2) as pool:
        client, gate, hang = aws.client("comprehend"), Gate(), faults.Hang()
        arn = aws.classifier()
        client.classify_document(Text=HARMLESS, EndpointArn=arn)
        aws.misbehave("ClassifyDocument", faults.Slow(gate), times=1)
        aws.misbehave("ClassifyDocument", hang, times=1)
        waiting = [pool.submit(client.classify_document, Text=HARMLESS, EndpointArn=arn) for _ in range(2)]
        gate.wait_until_reached()
        hang.gate.wait_until_reached()
        aws.close()
        for each in waiting:
            with suppress(HTTPClientError, ClientError):
                each.result(timeout=10)
    assert not [thread for thread in threading.enumerate() if "aws stand-in" in thread.name]


def test_many_clients_at_a_time(aws: AwsStandIn) -> None:
    """Eight threads over one client's pool all get their own answers."""
    client = aws.client("comprehend", max_pool_connections=8)
    arn = aws.classifier()

    def classify(number: int) -> str:
        text = HARMFUL if number % 2 else HARMLESS
        return str(client.classify_document(Text=text, EndpointArn=arn)["Classes"][0]["Name"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(classify, range(24))) == ["Not Toxic", "Toxic"] * 12
    assert len(aws.requests) == 24


# S3 behind the same address.


def test_s3_is_passed_on_and_can_fail(s3_url: str) -> None:
    """S3 answers at the stand-in's address, its requests are checked and seen, and each can be made to fail."""
    with AwsStandIn(s3_url=s3_url) as aws:
        s3 = aws.client("s3")
        aws.bucket("relayed")
        s3.put_object(Bucket="relayed", Key="a folder/ü+.bin", Body=b"\x00\xff" * 1000)
        assert s3.get_object(Bucket="relayed", Key="a folder/ü+.bin")["Body"].read() == b"\x00\xff" * 1000
        assert s3.head_object(Bucket="relayed", Key="a folder/ü+.bin")["ContentLength"] == 2000
        assert [entry["Size"] for entry in s3.list_objects_v2(Bucket="relayed")["Contents"]] == [2000]
        s3.delete_object(Bucket="relayed", Key="a folder/ü+.bin")
        with pytest.raises(s3.exceptions.NoSuchKey):
            s3.get_object(Bucket="relayed", Key="a folder/ü+.bin")
        with pytest.raises(ClientError) as missing:
            s3.head_object(Bucket="relayed", Key="none")
        assert code_of(missing) == "404"
        assert aws.requests_of("PutObject")[0].params == {"Bucket": "relayed", "Key": "a folder/ü+.bin"}
        for fault, code in ((faults.Error("SlowDown"), "SlowDown"), (faults.HtmlError(502), "502")):
            aws.misbehave("PutObject", fault, times=1)
            with pytest.raises(ClientError) as error:
                s3.put_object(Bucket="relayed", Key="b", Body=b"b")
            assert code_of(error) == code
        assert aws.invalid_requests == []
        wrong = client_with(aws, service="s3", aws_secret_access_key="wrong")  # noqa: S106
        with pytest.raises(ClientError) as refused:
            wrong.get_object(Bucket="relayed", Key="a")
        assert code_of(refused) == "SignatureDoesNotMatch"


def test_a_fault_for_no_operation_is_a_mistake(aws: AwsStandIn) -> None:
    """A misspelt operation would never fail: it is refused at once."""
    with pytest.raises(ValueError, match="ClassifyDocuments"):
        aws.misbehave("ClassifyDocuments", faults.Hang())


def test_an_errors_own_headers(aws: AwsStandIn) -> None:
    """A throttling answer can tell when to come again."""
    aws.misbehave("ClassifyDocument", faults.Error("ThrottlingException", headers={"Retry-After": "7"}))
    with pytest.raises(ClientError) as error:
        call(aws.client("comprehend"), "comprehend", "ClassifyDocument")
    assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
