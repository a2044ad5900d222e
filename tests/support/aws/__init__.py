"""Amazon's services for tests: a stand-in over real HTTP that botocore's own service models keep honest.

    from tests.support.aws import AwsStandIn, faults, StableDiffusion2

    with AwsStandIn() as aws:
        client = aws.client("rekognition")            # or your own, with aws.environment() in the environment
        client.detect_moderation_labels(Image={"Bytes": png})
        assert aws.invalid_requests == []             # every request fitted botocore's input model and was signed

What is behind it has to be put there first; each gives what a setting of Safelight's names:

    aws.classifier("toxicity")                        -> endpoint ARN; Classifier(mode="MULTI_LABEL", labels={...})
    aws.guardrail("guardrail1", Guardrail(...))       -> guardrail id
    aws.endpoint("sd2", StableDiffusion2(side=512))   -> endpoint name; also StableDiffusionXL, StableDiffusion35,
                                                         RawImage, or a Container of the test's own

Bedrock's image models are all there (`aws.image_models.models`, by id; `.denied` are those without access). Classifiers
can be trained (`aws.training`), and asynchronous inferences and S3 objects work, where there is an S3:

    with moto_server() as s3_url, AwsStandIn(s3_url=s3_url) as aws:
        aws.bucket("b")                               # `aws.client("s3")` goes through the stand-in and its faults
        aws.endpoint("slow", StableDiffusion2(), output="s3://b/out", failures="s3://b/failed", hold=(gate := Gate()))

Answers are real work: text is judged by Safelight's embedded text detectors, images by NudeNet (in Rekognition's words,
with all parents), prompts are drawn by the sketch renderer. The text detectors take seconds to load, once a process:
adding a classifier or a guardrail does it; before a DetectToxicContent on a short deadline call
`engines.load_text_detectors()`. To answer with something else, which must fit the
operation's output model or closing the stand-in raises:

    aws.answer("DetectModerationLabels", {"ModerationLabels": [...], "ModerationModelVersion": "7.0"}, times=1)

Failing on demand, for a number of attempts or until told to behave:

    aws.misbehave("DetectModerationLabels", faults.Error("ThrottlingException"), times=2)
    aws.misbehave("InvokeEndpoint", faults.Error("ModelError", members={"OriginalStatusCode": 500}))
    aws.misbehave("ApplyGuardrail", faults.HtmlError(503))
    aws.misbehave("ClassifyDocument", faults.Slow(gate := faults.Gate()));  gate.wait_until_reached();  gate.open()
    faults.Hang()  Drip()  Reset()  HalfBody()  Garbage()  WrongShape()  EmptyBody()
    aws.behave("DetectModerationLabels")

What happened: `aws.requests` (service, operation, params, headers, user_agent, attempt), `aws.requests_of(operation)`,
`aws.invalid_requests`, `aws.failures`.
"""

from tests.support.aws import faults
from tests.support.aws.comprehend import Classifier
from tests.support.aws.containers import (
    Container,
    Filters,
    RawImage,
    Refused,
    Reply,
    StableDiffusion2,
    StableDiffusion35,
    StableDiffusionXL,
    embedded_filters,
)
from tests.support.aws.faults import Gate
from tests.support.aws.guardrails import Guardrail
from tests.support.aws.moto_server import moto_server
from tests.support.aws.server import AwsStandIn, Request

__all__ = [
    "AwsStandIn",
    "Classifier",
    "Container",
    "Filters",
    "Gate",
    "Guardrail",
    "RawImage",
    "Refused",
    "Reply",
    "Request",
    "StableDiffusion2",
    "StableDiffusion35",
    "StableDiffusionXL",
    "embedded_filters",
    "faults",
    "moto_server",
]
