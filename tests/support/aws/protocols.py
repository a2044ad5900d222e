"""Requests off the wire and answers onto it, in each of the protocols that boto3 speaks here.

- json: AWS JSON 1.1 (Rekognition, SageMaker, Comprehend)
- smithy-rpc-v2-cbor, which Comprehend's model lists first; botocore 1.44 still prefers json where a model lists both
  (`PRIORITY_ORDERED_SUPPORTED_PROTOCOLS`), a later one may not
- rest-json (Bedrock, both runtimes), where a payload may be raw bytes
- query (STS), of which only GetCallerIdentity is played

Requests are read by botocore's response parsers and answers written by its request serialisers: see
`models.answering`. What is written is read back as boto3 will read it, before it is sent.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel, OperationNotFoundError, Shape
from botocore.parsers import ResponseParserError, create_parser
from botocore.serialize import create_serializer

from tests.support.aws import models
from tests.support.aws.errors import AwsError

CBOR, JSON, REST, QUERY = "smithy-rpc-v2-cbor", "json", "rest-json", "query"

# Which services a credential scope may mean, by boto3's names.
SIGNED_AS = {
    "comprehend": ("comprehend",),
    "rekognition": ("rekognition",),
    "sagemaker": ("sagemaker", "sagemaker-runtime"),
    "bedrock": ("bedrock", "bedrock-runtime"),
    "sts": ("sts",),
}
_REST_SERVICES = ("sagemaker-runtime", "bedrock-runtime", "bedrock")


@dataclass(frozen=True)
class Received:
    """A request as it came: `target` is the path with its query, as it was sent."""

    method: str
    target: str
    headers: HeadersDict
    body: bytes

    @property
    def path(self) -> str:
        """The path, not decoded."""
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Call:
    """Which operation a request is for, in which protocol."""

    service: str
    protocol: str
    operation: OperationModel
    labels: Mapping[str, str] = field(default_factory=dict)
    """The parts of the path that are parameters, decoded."""


@dataclass(frozen=True)
class Answer:
    """An answer to be sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Drift(AssertionError):
    """The test's own fault: an answer that the operation's output model does not allow."""


def identify(received: Received, scope: str | None) -> Call:
    """The operation that is asked for; `scope` is the service of the credential scope, None for an unsigned request.

    Raises AwsError for one that no model has.
    """
    signed_as = SIGNED_AS.get(scope, ()) if scope else [name for names in SIGNED_AS.values() for name in names]
    if received.headers.get("smithy-protocol") == "rpc-v2-cbor":
        if found := re.fullmatch(r"/service/(\w+)/operation/(\w+)", received.path):
            return Call(_by_prefix(found[1], signed_as), CBOR, _operation(_by_prefix(found[1], signed_as), found[2]))
    elif target := received.headers.get("X-Amz-Target"):
        prefix, _, name = target.rpartition(".")
        return Call(_by_prefix(prefix, signed_as), JSON, _operation(_by_prefix(prefix, signed_as), name))
    elif "sts" in signed_as and received.path == "/" and b"Action=" in received.body:
        return Call("sts", QUERY, _operation("sts", parse_qs(received.body.decode())["Action"][0]))
    else:
        for name in _REST_SERVICES:
            if name in signed_as and (call := _by_path(name, received)):
                return call
    raise AwsError("UnknownOperationException", f"No operation for {received.method} {received.path}", status=404)


def _by_prefix(prefix: str, signed_as: Any) -> str:
    for name in signed_as:
        if models.service(name).metadata.get("targetPrefix") == prefix:
            return str(name)
    raise AwsError("UnknownOperationException", f"No service {prefix} among {', '.join(signed_as)}", status=404)


def _operation(service: str, name: str) -> OperationModel:
    try:
        return models.operation(service, name)
    except OperationNotFoundError:
        raise AwsError("UnknownOperationException", f"{service} has no {name}", status=404) from None


def _by_path(service: str, received: Received) -> Call | None:
    for name in models.service(service).operation_names:
        operation = models.operation(service, name)
        if operation.http.get("method") != received.method:
            continue
        template = urlsplit(operation.http["requestUri"]).path
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
        if found := re.fullmatch(pattern, received.path):
            return Call(service, REST, operation, {key: unquote(value) for key, value in found.groupdict().items()})
    return None


def parameters(call: Call, received: Received) -> dict[str, Any]:
    """The operation's parameters by their names in boto3. Raises ValueError, with what is wrong, where they break its
    input model in any way.
    """
    shape = call.operation.input_shape
    if shape is None or call.protocol == QUERY:
        return {}
    payload = shape.serialization.get("payload")
    raw_payload = bool(payload) and shape.members[payload].type_name in ("blob", "string")
    if not raw_payload and (unknown := list(models.unknown_members(_decoded(call.protocol, received.body), shape))):
        raise ValueError(f"Unknown parameter in input: {', '.join(unknown)}")
    body: Any = io.BytesIO(received.body) if raw_payload else received.body
    response = {"status_code": 200, "headers": received.headers, "body": body}
    try:
        parsed = create_parser(call.protocol).parse(response, shape)
    except (ResponseParserError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise ValueError(f"The body cannot be read as {shape.name}: {error}") from error
    parsed.pop("ResponseMetadata", None)
    if raw_payload:
        parsed[payload] = received.body
        if not received.body and payload not in shape.required_members:
            del parsed[payload]
    query = parse_qs(urlsplit(received.target).query)
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        match member.serialization.get("location"):
            case "uri":
                parsed[name] = call.labels[wire]
            case "querystring" if wire in query:
                parsed[name] = query[wire][0]
            case "header" if name in parsed and member.type_name in ("integer", "long"):
                parsed[name] = int(parsed[name])
    if found := models.faults_in(parsed, shape):
        raise ValueError("; ".join(found))
    return dict(parsed)


def _decoded(protocol: str, body: bytes) -> Any:
    if not body:
        return {}
    try:
        if protocol == CBOR:
            parser = create_parser(CBOR)
            return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
        return json.loads(body)
    except (ResponseParserError, ValueError) as error:
        raise ValueError(f"The body is not {protocol}: {error}") from error


def answer(call: Call, result: Mapping[str, Any], request_id: str) -> Answer:
    """The answer that says `result`. Raises Drift where the output model does not allow it."""
    operation = call.operation
    shape = operation.output_shape
    status = int(operation.http.get("responseCode", 200))
    if call.protocol == QUERY:
        return _query_answer(call, result, request_id)
    if found := models.faults_in(result, shape):
        raise Drift(f"{call.service} {operation.name}: {'; '.join(found)}")
    serialized = create_serializer(call.protocol).serialize_to_request(
        dict(result), models.answering(call.service, operation.name)
    )
    body = serialized["body"]
    headers = {name: str(value) for name, value in serialized["headers"].items()} if call.protocol == REST else {}
    headers = {**_headers(call.protocol, request_id), **headers}
    made = Answer(status, headers, body if isinstance(body, bytes) else str(body).encode())
    _read_back(call, made, result)
    return made


def _read_back(call: Call, made: Answer, result: Mapping[str, Any]) -> None:
    """Proves that boto3 will read out of the answer what was put in."""
    shape = call.operation.output_shape
    body: Any = io.BytesIO(made.body) if call.operation.has_streaming_output else made.body
    response = {"status_code": made.status, "headers": HeadersDict(made.headers), "body": body}
    parsed = create_parser(call.protocol).parse(response, shape)
    if not parsed.get("ResponseMetadata", {}).get("RequestId"):
        raise Drift(f"{call.operation.name}: no request id in {made.headers}")
    if call.operation.has_streaming_output:
        payload = shape.serialization["payload"]
        parsed[payload] = parsed[payload].read()
    for name, value in result.items():
        if value is not None and not _same(value, parsed.get(name), shape.members[name]):
            raise Drift(f"{call.operation.name}.{name}: wrote {value!r}, boto3 will read {parsed.get(name)!r}")


def _same(wrote: Any, read: Any, shape: Shape) -> bool:
    match shape.type_name:
        case "structure":
            return isinstance(read, dict) and all(
                _same(value, read.get(name), shape.members[name]) for name, value in wrote.items() if value is not None
            )
        case "list":
            return (
                isinstance(read, list)
                and len(wrote) == len(read)
                and all(_same(one, other, shape.member) for one, other in zip(wrote, read, strict=True))
            )
        case "float" | "double":
            # CBOR carries a "float" in 32 bits.
            return isinstance(read, float | int) and abs(wrote - read) <= 1e-6 * max(1.0, abs(wrote))
        case "timestamp":
            return isinstance(read, datetime) and abs((wrote - read).total_seconds()) < 0.001
        case _:
            return bool(wrote == read)


def refusal(call: Call | None, error: AwsError, request_id: str) -> Answer:
    """The answer that an error is: its modeled members or, for one that the operation does not list, a message."""
    if call is None:
        body = json.dumps({models.TYPE: error.code, "message": error.message}).encode()
        return Answer(error.status or 400, {**_headers(JSON, request_id), "x-amzn-ErrorType": error.code}, body)
    status = _status(call, error)
    if call.protocol == QUERY:
        return Answer(status, _headers(QUERY, request_id), _query_error(error, status, request_id))
    shape = models.error_shape(call.service, call.operation.name, error.code)
    members = {**error.members, models.TYPE: _type(call, error.code)}
    spelled = models.message_member(list(shape.members)) if shape is not None else None
    members[spelled or "message"] = error.message
    model = models.refusing(call.service, call.operation.name, shape.name if shape is not None else None)
    if found := models.faults_in(members, model.input_shape):
        raise Drift(f"{error.code}: {'; '.join(found)}")
    body = create_serializer(call.protocol).serialize_to_request(members, model)["body"]
    headers = _headers(call.protocol, request_id)
    if call.protocol == REST:
        headers["x-amzn-ErrorType"] = error.code
    made = Answer(status, headers, body if isinstance(body, bytes) else str(body).encode())
    response = {"status_code": status, "headers": HeadersDict(headers), "body": made.body}
    read = create_parser(call.protocol).parse(response, None)
    if read["Error"]["Code"] != error.code or read["Error"]["Message"] != error.message:
        raise Drift(f"{error.code} {error.message!r} would be read as {read['Error']}")
    return made


def _type(call: Call, code: str) -> str:
    # RPC v2 CBOR names an error by its absolute shape id (smithy.io, "Smithy RPC v2 CBOR protocol").
    return f"com.amazonaws.{call.service.replace('-', '')}#{code}" if call.protocol == CBOR else code


# Of errors that any operation may answer with, from the "Common Errors" pages of the services' API references: what
# AWS JSON says with 400 the REST services say with 403.
_COMMON = {
    "AccessDeniedException": (400, 403),
    "ExpiredTokenException": (400, 403),
    "IncompleteSignature": (400, 403),
    "IncompleteSignatureException": (400, 403),
    "InternalFailure": (500, 500),
    "InternalServerError": (500, 500),
    "InvalidClientTokenId": (403, 403),
    "InvalidSignatureException": (400, 403),
    "MissingAuthenticationTokenException": (400, 403),
    "RequestExpired": (400, 400),
    "ServiceUnavailable": (503, 503),
    "ServiceUnavailableException": (503, 503),
    "ThrottlingException": (400, 429),
    "UnrecognizedClientException": (400, 403),
    "ValidationException": (400, 400),
}


def _status(call: Call, error: AwsError) -> int:
    if error.status is not None:
        return error.status
    shape = models.error_shape(call.service, call.operation.name, error.code)
    modeled = shape.metadata.get("error", {}).get("httpStatusCode") if shape is not None else None
    if modeled:
        return int(modeled)
    if shape is not None:
        # A model without statuses (Rekognition's) still says whose fault it is, which botocore's metadata leave out.
        return 500 if shape._shape_model.get("fault") else 400
    return _COMMON.get(error.code, (400, 400))[call.protocol == REST]


def _headers(protocol: str, request_id: str) -> dict[str, str]:
    # botocore reads this header in any spelling; services differ in theirs, and so do these.
    match protocol:
        case "smithy-rpc-v2-cbor":
            return {
                "x-amzn-RequestId": request_id,
                "smithy-protocol": "rpc-v2-cbor",
                "Content-Type": "application/cbor",
            }
        case "json":
            return {"x-amzn-RequestId": request_id, "Content-Type": "application/x-amz-json-1.1"}
        case "query":
            return {"x-amzn-RequestId": request_id, "Content-Type": "text/xml"}
        case _:
            return {"x-amzn-requestid": request_id, "Content-Type": "application/json"}


_STS = "https://sts.amazonaws.com/doc/2011-06-15/"


def _query_answer(call: Call, result: Mapping[str, Any], request_id: str) -> Answer:
    name = call.operation.name
    members = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in result.items())
    body = (
        f'<{name}Response xmlns="{_STS}"><{name}Result>{members}</{name}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
    )
    made = Answer(200, _headers(QUERY, request_id), body.encode())
    _read_back(call, made, result)
    return made


def _query_error(error: AwsError, status: int, request_id: str) -> bytes:
    blame = "Sender" if status < 500 else "Receiver"
    return (
        f'<ErrorResponse xmlns="{_STS}"><Error><Type>{blame}</Type><Code>{error.code}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()
