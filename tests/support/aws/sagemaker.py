"""Amazon SageMaker: InvokeEndpoint, InvokeEndpointAsync and DescribeEndpoint, with a container behind each endpoint.

An asynchronous inference takes its input from the request or from S3 and leaves its output, or why there is none, in
S3 (runtime model's documentation). How SageMaker names the objects is only documented as "based on the inference ID":
`ID.out` and `ID-error.out` are what is seen in public examples. What a failure's object holds is not documented: here
it is the container's message.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from tests.support.aws.containers import Container, Refused
from tests.support.aws.errors import AwsError
from tests.support.aws.faults import Gate

# The most that a real-time endpoint takes and gives: `BodyBlob` in the model.
MOST_BYTES = 6 * 1024 * 1024
VARIANT = "AllTraffic"


def _place(location: str) -> dict[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


@dataclass
class Endpoint:
    """An endpoint. `output` and `failures` are S3 locations of an asynchronous one, None for a real-time one."""

    container: Container
    status: str = "InService"
    instance_type: str = "ml.g5.2xlarge"
    output: str | None = None
    failures: str | None = None
    hold: Gate | None = None
    """An asynchronous inference waits here before it begins."""


@dataclass
class SageMaker:
    """Both services, the runtime and the other."""

    account: str
    region: str
    s3: Callable[[], Any]
    """Makes a client of S3."""
    failed: Callable[[Exception], None]
    """Is told what goes wrong in the background and is the tests' own fault."""
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """The handlers by operation."""
        return {
            "InvokeEndpoint": self.invoke_endpoint,
            "InvokeEndpointAsync": self.invoke_endpoint_async,
            "DescribeEndpoint": self.describe_endpoint,
        }

    def close(self) -> None:
        """Ends all inferences in the background; the gates that hold them must be open."""
        self._closing.set()
        self.wait_for_inferences()

    def wait_for_inferences(self) -> None:
        """Returns once every inference in the background is done; the gates that hold them must be open."""
        for thread in self._threads:
            thread.join()

    def arn(self, name: str) -> str:
        """The ARN of an endpoint."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:endpoint/{name}"

    def _find(self, name: str) -> Endpoint:
        endpoint = self.endpoints.get(name)
        if endpoint is None or endpoint.status not in ("InService", "Updating", "SystemUpdating", "RollingBack"):
            raise AwsError("ValidationError", f"Endpoint {name} of account {self.account} not found.")
        return endpoint

    def invoke_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The container's answer; its refusal is a ModelError."""
        name = asked["EndpointName"]
        endpoint = self._find(name)
        if endpoint.output is not None:
            raise AwsError("ValidationError", f"Endpoint {name} is asynchronous.")
        try:
            reply = endpoint.container.invoke(
                asked["Body"], asked.get("ContentType", "application/octet-stream"), asked.get("Accept", "*/*")
            )
        except Refused as refused:
            raise self.model_error(name, refused) from refused
        if len(reply.body) > MOST_BYTES:
            # What the real service says to this is not documented; its limit is.
            raise self.model_error(name, Refused("The response is larger than 6291456 bytes", status=500))
        return {"Body": reply.body, "ContentType": reply.content_type, "InvokedProductionVariant": VARIANT}

    def invoke_endpoint_async(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Begins an inference; says where its output or its failure will be."""
        name = asked["EndpointName"]
        endpoint = self._find(name)
        if endpoint.output is None:
            raise AwsError("ValidationError", f"Endpoint {name} is not asynchronous.")
        if ("Body" in asked) == ("InputLocation" in asked):
            raise AwsError("ValidationError", "Provide exactly one of Body and InputLocation.")
        identifier = asked.get("InferenceId") or str(uuid.uuid4())
        folder = "/".join(part.strip("/") for part in (endpoint.output, asked.get("S3OutputPathExtension", "")) if part)
        output = f"{folder}/{asked.get('Filename') or f'{identifier}.out'}"
        answer = {"InferenceId": identifier, "OutputLocation": output}
        failure = None
        if endpoint.failures is not None:
            failure = f"{endpoint.failures.rstrip('/')}/{identifier}-error.out"
            answer["FailureLocation"] = failure
        thread = threading.Thread(
            target=self._infer, args=(endpoint, asked, output, failure), name=f"async {identifier}"
        )
        self._threads.append(thread)
        thread.start()
        return answer

    def _infer(self, endpoint: Endpoint, asked: dict[str, Any], output: str, failure: str | None) -> None:
        if endpoint.hold is not None:
            endpoint.hold.pass_through()
        if self._closing.is_set():
            return
        try:
            self._infer_now(endpoint, asked, output, failure)
        except Exception as error:
            self.failed(error)

    def _infer_now(self, endpoint: Endpoint, asked: dict[str, Any], output: str, failure: str | None) -> None:
        s3 = self.s3()
        try:
            if "Body" in asked:
                body = asked["Body"]
            else:
                try:
                    body = s3.get_object(**_place(asked["InputLocation"]))["Body"].read()
                except ClientError as error:
                    raise Refused(f"Unable to download {asked['InputLocation']}: {error}") from error
            reply = endpoint.container.invoke(
                body, asked.get("ContentType", "application/octet-stream"), asked.get("Accept", "*/*")
            )
        except Refused as refused:
            if failure is not None:
                s3.put_object(**_place(failure), Body=str(refused).encode(), ContentType="text/plain")
        else:
            s3.put_object(**_place(output), Body=reply.body, ContentType=reply.content_type)

    def model_error(self, name: str, refused: Refused) -> AwsError:
        """A container's error as SageMaker passes it on."""
        return AwsError(
            "ModelError",
            f'Received client error ({refused.status}) from primary with message "{refused}".',
            OriginalStatusCode=refused.status,
            OriginalMessage=str(refused),
            LogStreamArn=f"arn:aws:logs:{self.region}:{self.account}:log-group:/aws/sagemaker/Endpoints/{name}",
        )

    def describe_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The endpoint's status."""
        name = asked["EndpointName"]
        endpoint = self.endpoints.get(name)
        if endpoint is None:
            raise AwsError("ValidationException", f'Could not find endpoint "{self.arn(name)}".')
        made = datetime(2026, 1, 1, tzinfo=UTC)
        result: dict[str, Any] = {
            "EndpointName": name,
            "EndpointArn": self.arn(name),
            "EndpointConfigName": f"{name}-config"[:63],
            "EndpointStatus": endpoint.status,
            "CreationTime": made,
            "LastModifiedTime": made,
            "ProductionVariants": [{"VariantName": VARIANT, "CurrentInstanceCount": 1, "DesiredInstanceCount": 1}],
        }
        if endpoint.status == "Failed":
            result["FailureReason"] = "The primary container did not pass the ping health check."
        if endpoint.output is not None:
            places = {"S3OutputPath": endpoint.output}
            if endpoint.failures is not None:
                places["S3FailurePath"] = endpoint.failures
            result["AsyncInferenceConfig"] = {"OutputConfig": places}
        return result
