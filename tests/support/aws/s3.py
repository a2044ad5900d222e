"""Amazon S3 behind the stand-in's own address: requests are passed on to a real S3 server, which moto is in tests.

Safelight has one endpoint override for all services, so S3 has to be where the others are. Here a request's signature
is checked, and faults are played; what the operation does is the other server's matter.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from tests.support.aws.errors import AwsError
from tests.support.aws.protocols import Answer, Received

# Of one connection only (RFC 9110, 7.6.1), or made anew for the next.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "date", "server"}
)

# The operations that can be told to fail, by method and whether the path names an object.
_OPERATIONS = {
    ("PUT", True): "PutObject",
    ("GET", True): "GetObject",
    ("HEAD", True): "HeadObject",
    ("DELETE", True): "DeleteObject",
    ("PUT", False): "CreateBucket",
    ("GET", False): "ListObjectsV2",
    ("HEAD", False): "HeadBucket",
    ("DELETE", False): "DeleteBucket",
}
OPERATIONS = frozenset(_OPERATIONS.values())

# "Error responses", S3 API reference.
_STATUS = {
    "AccessDenied": 403,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "ExpiredToken": 400,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
}
# How S3 names what other services call otherwise.
_NAMES = {
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "IncompleteSignatureException": "AccessDenied",
    "MissingAuthenticationTokenException": "AccessDenied",
    "UnrecognizedClientException": "InvalidAccessKeyId",
}


@dataclass(frozen=True)
class Target:
    """What a request is for: path style only, which boto3 uses for an address that is a number."""

    operation: str
    bucket: str
    key: str


def target(received: Received) -> Target:
    """The operation, bucket and key; "Other" for a method that none of the known operations has."""
    bucket, _, key = unquote(received.path).lstrip("/").partition("/")
    return Target(_OPERATIONS.get((received.method, bool(key)), "Other"), bucket, key)


def relay(received: Received, url: str) -> Answer:
    """The other server's answer. Raises OSError where it does not answer."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        headers = {name: value for name, value in received.headers.items() if name.lower() not in _HOP_BY_HOP}
        # The body's length is the client's to tell: http.client would leave it out of an empty one.
        headers["Content-Length"] = str(len(received.body))
        connection.request(received.method, received.target, received.body, headers)
        response = connection.getresponse()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
        if received.method == "HEAD" and (length := response.getheader("Content-Length")):
            kept["Content-Length"] = length
        return Answer(response.status, kept, response.read())
    finally:
        connection.close()


def refusal(error: AwsError, request_id: str) -> Answer:
    """An error in S3's own form."""
    code = _NAMES.get(error.code, error.code)
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{escape(error.message)}</Message>'
        f"<RequestId>{request_id}</RequestId></Error>"
    )
    headers = {"x-amz-request-id": request_id, "Content-Type": "application/xml"}
    return Answer(error.status or _STATUS.get(code, 400), headers, body.encode())
