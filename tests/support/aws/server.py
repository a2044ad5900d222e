"""The HTTP server: one address for all services, real sockets, real signatures, and faults on demand."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.awsrequest import HeadersDict
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.aws import engines, faults, protocols, s3, signatures
from tests.support.aws.comprehend import Classifier, Comprehend
from tests.support.aws.containers import Container
from tests.support.aws.errors import AwsError
from tests.support.aws.guardrails import Guardrail, Guardrails
from tests.support.aws.image_models import ImageModels
from tests.support.aws.protocols import Answer, Call, Received
from tests.support.aws.rekognition import Rekognition
from tests.support.aws.sagemaker import Endpoint, SageMaker
from tests.support.aws.training import Training

ACCOUNT = "123456789012"
REGION = "eu-west-1"
# Of the forms that AWS uses in its documentation's examples.
ACCESS_KEY, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

_making = threading.Lock()


@cache
def _session() -> boto3.session.Session:
    """One for all: reading the models of services takes a tenth of a second and more."""
    return boto3.session.Session()


Handler = Callable[[dict[str, Any]], Mapping[str, Any]]

# How each service names a request that breaks its model; the others say ValidationException.
_INVALID = {
    "comprehend": "InvalidRequestException",
    "rekognition": "InvalidParameterException",
    "sagemaker-runtime": "ValidationError",
}


@dataclass(frozen=True)
class Request:
    """A request as the stand-in understood it."""

    service: str
    operation: str
    params: Mapping[str, Any]
    headers: HeadersDict
    request_id: str

    @property
    def user_agent(self) -> str:
        """The User-Agent header."""
        return str(self.headers.get("User-Agent", ""))

    @property
    def attempt(self) -> int:
        """Which attempt of its call boto3 says this is, from 1."""
        fields = dict(part.strip().split("=", 1) for part in self.headers.get("amz-sdk-request", "").split(";") if part)
        return int(fields.get("attempt", 1))


@dataclass
class _Plan:
    fault: faults.Fault
    after: int
    left: int | None


@dataclass
class _Log:
    """What has happened, for tests to read while it happens."""

    requests: list[Request] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)


class AwsStandIn:
    """Amazon's services on one loopback port. See the package's docstring for how to use it.

    Closing raises ExceptionGroup if an answer did not fit its output model or a handler crashed: that is a mistake in
    the tests, which a client may have taken for an outage.
    """

    def __init__(
        self,
        *,
        region: str = REGION,
        s3_url: str | None = None,
        access_key: str = ACCESS_KEY,
        secret_key: str = SECRET_KEY,
        session_token: str | None = None,
    ) -> None:
        """`s3_url` is where S3 is, for operations that read or write objects, and to pass requests for S3 on to: see
        `moto_server`.
        """
        self.region = region
        self.s3_url = s3_url
        self.account = ACCOUNT
        self._credentials = Credentials(access_key, secret_key, session_token)
        self._lock = threading.Lock()
        self._log = _Log()
        self._plans: dict[str, list[_Plan]] = {}
        self._gates: list[faults.Gate] = []
        self.rekognition = Rekognition(ACCOUNT, region, self.fetch)
        self.comprehend = Comprehend(ACCOUNT, region)
        self.training = Training(self.comprehend, self.s3)
        self.sagemaker = SageMaker(ACCOUNT, region, self.s3, self._note_failure)
        self.guardrails = Guardrails(ACCOUNT, region)
        self.image_models = ImageModels(region)
        bedrock = {**self.guardrails.operations(), **self.image_models.operations()}
        self._handlers: dict[str, Mapping[str, Handler]] = {
            "rekognition": self.rekognition.operations(),
            "comprehend": {**self.comprehend.operations(), **self.training.operations()},
            "sagemaker": self.sagemaker.operations(),
            "sagemaker-runtime": self.sagemaker.operations(),
            "bedrock": bedrock,
            "bedrock-runtime": bedrock,
            "sts": {"GetCallerIdentity": self._identity},
            # Passed on, not handled.
            "s3": dict.fromkeys(s3.OPERATIONS, lambda _: {}),
        }
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="aws stand-in")

    # Running.

    def start(self) -> Self:
        """Begins to listen."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Ends every connection, held and hanging ones too, and all threads. Raises what `failures` holds."""
        for gate in self._gates:
            gate.open()
        self._server.end()
        self._thread.join()
        self.sagemaker.close()
        self.raise_failures()

    def raise_failures(self) -> None:
        """Raises an ExceptionGroup of all failures of the test's own so far, if there are any."""
        if self._log.failures:
            raise BaseExceptionGroup("the stand-in's own failures", list(self._log.failures))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except BaseExceptionGroup:
            # A test that failed already says why, which is often because of this.
            if error is None:
                raise

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def environment(self) -> dict[str, str]:
        """The variables with which Safelight's services, and boto3's own credential chain, find it and nothing else."""
        nothing = str(Path(os.devnull))
        variables = {
            "AWS_ACCESS_KEY_ID": self._credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self._credentials.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "SAFELIGHT_AWS_REGION": self.region,
            "SAFELIGHT_AWS_ENDPOINT_URL": self.url,
        }
        if self._credentials.token:
            variables["AWS_SESSION_TOKEN"] = self._credentials.token
        return variables

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of that service that talks to the stand-in; `config` is of botocore's Config.

        Without `retries` a call is tried once.
        """
        return self._client(service, self.url, **config)

    def _client(self, service: str, url: str, **config: Any) -> Any:
        # Making clients is not thread-safe.
        with _making:
            return _session().client(
                service,
                region_name=self.region,
                endpoint_url=url,
                aws_access_key_id=self._credentials.access_key,
                aws_secret_access_key=self._credentials.secret_key,
                aws_session_token=self._credentials.token,
                config=Config(**{"retries": {"total_max_attempts": 1, "mode": "standard"}, **config}),
            )

    # What is behind it.

    def classifier(self, name: str = "toxicity", classifier: Classifier | None = None) -> str:
        """Adds a Comprehend classifier behind an endpoint of that name; gives the endpoint's ARN."""
        engines.load_text_detectors()
        arn = self.comprehend.endpoint_arn(name)
        self.comprehend.classifiers[arn] = classifier or Classifier()
        return arn

    def endpoint(self, name: str, container: Container, **settings: Any) -> str:
        """Adds a SageMaker endpoint; `settings` are the other fields of Endpoint. Gives its name."""
        endpoint = Endpoint(container, **settings)
        if endpoint.hold:
            self._gates.append(endpoint.hold)
        self.sagemaker.endpoints[name] = endpoint
        return name

    def guardrail(self, identifier: str = "guardrail1", guardrail: Guardrail | None = None) -> str:
        """Adds a guardrail; gives its id."""
        engines.load_text_detectors()
        self.guardrails.guardrails[identifier] = guardrail or Guardrail()
        return identifier

    def bucket(self, name: str) -> str:
        """Makes an S3 bucket in the stand-in's region, unless it is there; gives its name."""
        with suppress(ClientError):
            self.s3().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.region})
        self.s3().head_bucket(Bucket=name)
        return name

    # What happened.

    @property
    def requests(self) -> list[Request]:
        """Every request to an operation so far, each attempt of a call on its own."""
        with self._lock:
            return list(self._log.requests)

    def requests_of(self, operation: str) -> list[Request]:
        """Those to one operation; its service may stand before it, as in "sagemaker.DescribeEndpoint"."""
        service, _, name = operation.rpartition(".")
        return [each for each in self.requests if each.operation == name and service in ("", each.service)]

    @property
    def invalid_requests(self) -> list[str]:
        """What was wrong with each request that broke its input model or had a bad signature."""
        with self._lock:
            return list(self._log.invalid)

    @property
    def failures(self) -> list[BaseException]:
        """The tests' own mistakes: answers that the output model does not allow, handlers that crashed."""
        with self._lock:
            return list(self._log.failures)

    def forget(self) -> None:
        """Empties `requests` and `invalid_requests`, and ends all misbehaviour."""
        with self._lock:
            self._log.requests.clear()
            self._log.invalid.clear()
            self._plans.clear()

    # Misbehaviour.

    def misbehave(self, operation: str, fault: faults.Fault, *, times: int | None = None, after: int = 0) -> None:
        """Makes the operation fail, `times` times (None: until told to behave), after `after` more good answers.

        Several plans for one operation follow one another. "sagemaker.DescribeEndpoint" tells apart what two services
        call alike.
        """
        service, _, name = operation.rpartition(".")
        played = [self._handlers[service]] if service else self._handlers.values()
        if not any(name in operations for operations in played):
            raise ValueError(f"no service here has an operation {operation}")
        if isinstance(fault, faults.Slow):
            self._gates.append(fault.gate)
        with self._lock:
            self._plans.setdefault(operation, []).append(_Plan(fault, after, times))

    def behave(self, operation: str | None = None) -> None:
        """Ends all plans, or those for one operation."""
        with self._lock:
            self._plans.pop(operation, None) if operation else self._plans.clear()

    def answer(self, operation: str, result: Any, *, times: int | None = None) -> None:
        """Answers with `result`, or with what it returns for the parameters; it must fit the output model."""
        self.misbehave(operation, faults.Answers(result), times=times)

    def _fault(self, service: str, operation: str) -> faults.Fault | None:
        with self._lock:
            for key in (f"{service}.{operation}", operation):
                for plan in self._plans.get(key, []):
                    if plan.left == 0:
                        continue
                    if plan.after > 0:
                        plan.after -= 1
                        return None
                    if plan.left is not None:
                        plan.left -= 1
                    return plan.fault
        return None

    # Serving one request.

    def handle(self, received: Received, request_id: str) -> tuple[Answer, faults.Fault | None]:
        """The answer to a request and how it is to go wrong on its way."""
        scope = signatures.scope(received)
        if scope and scope.service == "s3":
            return self._handle_s3(received, request_id)
        call: Call | None = None
        try:
            call = protocols.identify(received, scope.service if scope else None)
            params, wrong = self._parameters(call, received)
            request = Request(call.service, call.operation.name, params, received.headers, request_id)
            with self._lock:
                self._log.requests.append(request)
            self._check_signature(received)
            fault = self._fault(call.service, call.operation.name)
            _raise(fault)
            if wrong:
                self._note(f"{call.service} {call.operation.name}: {wrong}")
                raise AwsError(_INVALID.get(call.service, "ValidationException"), wrong, status=400)
            result = self._result(call, params, fault)
            return protocols.answer(call, result, request_id), fault
        except AwsError as error:
            if call is None:
                self._note(str(error))
            try:
                refused = protocols.refusal(call, error, request_id)
                return replace(refused, headers={**refused.headers, **error.headers}), None
            except Exception as failure:  # whatever it is belongs into the test's report
                return self._failed(failure), None
        except Exception as failure:  # as above
            return self._failed(failure), None

    def _handle_s3(self, received: Received, request_id: str) -> tuple[Answer, faults.Fault | None]:
        aim = s3.target(received)
        params = {"Bucket": aim.bucket, "Key": aim.key}
        with self._lock:
            self._log.requests.append(Request("s3", aim.operation, params, received.headers, request_id))
        try:
            if self.s3_url is None:
                raise RuntimeError("this stand-in was made without s3_url")
            self._check_signature(received)
            fault = self._fault("s3", aim.operation)
            _raise(fault)
            return s3.relay(received, self.s3_url), fault
        except AwsError as error:
            return s3.refusal(error, request_id), None
        except Exception as failure:
            return self._failed(failure), None

    def _parameters(self, call: Call, received: Received) -> tuple[dict[str, Any], str]:
        try:
            return protocols.parameters(call, received), ""
        except ValueError as error:
            return {}, str(error)

    def _check_signature(self, received: Received) -> None:
        try:
            signatures.check(received, self._credentials, self.region)
        except AwsError as error:
            self._note(str(error))
            raise

    def _result(self, call: Call, params: dict[str, Any], fault: faults.Fault | None) -> Mapping[str, Any]:
        if isinstance(fault, faults.Answers):
            return fault.result(params) if callable(fault.result) else fault.result
        handler = self._handlers[call.service].get(call.operation.name)
        if handler is None:
            raise NotImplementedError(f"the stand-in does not play {call.service} {call.operation.name}")
        return handler(params)

    def _identity(self, _: dict[str, Any]) -> dict[str, Any]:
        arn = f"arn:aws:iam::{ACCOUNT}:user/safelight"
        return {"UserId": "AIDACKCEVSQ6C2EXAMPLE", "Account": ACCOUNT, "Arn": arn}

    def _note(self, what: str) -> None:
        with self._lock:
            self._log.invalid.append(what)

    def _note_failure(self, failure: Exception) -> None:
        with self._lock:
            self._log.failures.append(failure)

    def _failed(self, failure: Exception) -> Answer:
        self._note_failure(failure)
        return Answer(500, {"Content-Type": "text/plain"}, f"{type(failure).__name__}: {failure}".encode())

    # S3.

    def s3(self) -> Any:
        """A client of S3 at `s3_url` itself, which no fault concerns. Raises RuntimeError without one."""
        if self.s3_url is None:
            raise RuntimeError("this stand-in was made without s3_url")
        return self._client("s3", self.s3_url, s3={"addressing_style": "path"})

    def fetch(self, bucket: str, key: str) -> bytes:
        """An object for Rekognition. Raises AwsError as Rekognition does where there is none."""
        try:
            return bytes(self.s3().get_object(Bucket=bucket, Key=key)["Body"].read())
        except (ClientError, BotoCoreError) as error:
            raise AwsError("InvalidS3ObjectException", f"Unable to get object metadata from S3: {error}") from error


def _raise(fault: faults.Fault | None) -> None:
    """Raises the error that a fault is, if it is one."""
    if isinstance(fault, faults.Error):
        raise AwsError(fault.code, fault.message, status=fault.status, headers=fault.headers, **fault.members)


class _Server(ThreadingHTTPServer):
    # Joined on closing, so that no thread outlives its test.
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, aws: AwsStandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.aws = aws
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        # Readable once the server ends: what waits for a client to leave waits for this too.
        self.ended, self._ender = socket.socketpair()

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def end(self) -> None:
        self.shutdown()
        self._ender.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self.ended.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave in the middle are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Small answers go out at once.
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests read `requests`."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = HeadersDict(self.headers.items())
        received = Received(self.command, self.path, headers, body)
        request_id = str(uuid.uuid4())
        answer, fault = self.server.aws.handle(received, request_id)
        with suppress(OSError):
            self._send(answer, fault)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 # BaseHTTPRequestHandler's names

    def _send(self, answer: Answer, fault: faults.Fault | None) -> None:
        match fault:
            case faults.Slow(gate):
                gate.pass_through()
            case faults.Hang(gate):
                gate.reach()
                self._wait_for_the_end()
                return
            case faults.Reset():
                self._reset()
                return
            case faults.HtmlError(status):
                page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
                answer = Answer(status, {"Content-Type": "text/html"}, page.encode())
            case faults.Garbage(body):
                answer = Answer(200, answer.headers, body)
            case faults.WrongShape():
                answer = Answer(answer.status, _without_members(answer.headers), _foreign(answer))
            case faults.EmptyBody():
                answer = Answer(answer.status, _without_members(answer.headers), b"")
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        for name, value in answer.headers.items():
            self.send_header(name, value)
        # The answer to a HEAD tells the length of a body that it does not have.
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        body = answer.body
        if isinstance(fault, faults.HalfBody):
            body = body[: len(body) // 2]
            self.close_connection = True
        if isinstance(fault, faults.Drip):
            self._drip(body, fault.every_s)
        elif self.command != "HEAD":
            self.wfile.write(body)

    def _drip(self, body: bytes, every_s: float) -> None:
        self.close_connection = True
        for place in range(len(body)):
            # Ready to be read, too, once the client has left.
            if any(select.select([self.connection, self.server.ended], [], [], every_s)):
                return
            self.wfile.write(body[place : place + 1])
            self.wfile.flush()

    def _wait_for_the_end(self) -> None:
        self.close_connection = True
        select.select([self.connection, self.server.ended], [], [])

    def _reset(self) -> None:
        self.close_connection = True
        # Lingering for no time makes the close send RST; a close through the socket object would first send FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.closed(self.connection)
        os.close(self.connection.detach())


def _without_members(headers: Mapping[str, str]) -> dict[str, str]:
    """Without the headers in which an answer's members are."""
    kept = ("x-amzn-requestid", "content-type", "smithy-protocol")
    return {name: value for name, value in headers.items() if name.lower() in kept}


def _foreign(answer: Answer) -> bytes:
    if answer.headers.get("Content-Type") == "application/cbor":
        # A map of one text key and true.
        return b"\xa1\x6aUnexpected\xf5"
    return b'{"Unexpected": true}'
