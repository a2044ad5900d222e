"""Whether a request is signed by a key that the stand-in knows: AWS Signature Version 4, recomputed by botocore."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.aws.errors import AwsError
from tests.support.aws.protocols import Received

# How far a request's time may be from the service's; "Elements of an AWS API request signature" says five minutes.
_SKEW = timedelta(minutes=5)
_FORM = re.compile(
    r"AWS4-HMAC-SHA256 "
    r"Credential=(?P<key>[^/,]+)/(?P<date>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request, *"
    r"SignedHeaders=(?P<headers>[^,]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Scope:
    """What a signature says it is for."""

    region: str
    service: str


def scope(received: Received) -> Scope | None:
    """The credential scope of a request, or None where it has no signature of the right form."""
    found = _FORM.fullmatch(received.headers.get("Authorization", ""))
    return Scope(found["region"], found["service"]) if found else None


def check(received: Received, credentials: Credentials, region: str) -> None:
    """Raises the AwsError that AWS answers with unless the request is signed with `credentials` for `region`."""
    header = received.headers.get("Authorization")
    if not header:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = _FORM.fullmatch(header)
    stamp = received.headers.get("X-Amz-Date", "")
    if not found or not stamp:
        raise AwsError("IncompleteSignatureException", "Authorization header does not have the form of Version 4")
    if found["key"] != credentials.access_key:
        raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
    if received.headers.get("X-Amz-Security-Token") != credentials.token:
        raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
    if found["region"] != region:
        raise AwsError("InvalidSignatureException", f"Credential should be scoped to a valid region: {region}")
    sent = datetime.strptime(stamp, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    if abs(datetime.now(UTC) - sent) > _SKEW:
        raise AwsError("InvalidSignatureException", f"Signature expired: {stamp}")
    claimed = received.headers.get("X-Amz-Content-SHA256")
    # S3 also takes a body that is not signed, or signed in another way.
    other = found["service"] == "s3" and claimed in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    if claimed is not None and not other and claimed != sha256(received.body).hexdigest():
        raise AwsError("InvalidSignatureException", "The hash of the body is not the one that was signed.")
    signed = found["headers"].split(";")
    if not {"host", "x-amz-date"} <= set(signed):
        raise AwsError("InvalidSignatureException", "host and x-amz-date must be signed.")
    if not hmac.compare_digest(_signature(received, credentials, found, signed, stamp), found["signature"]):
        raise AwsError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        )


def _signature(
    received: Received, credentials: Credentials, found: re.Match[str], signed: list[str], stamp: str
) -> str:
    request = AWSRequest(
        method=received.method,
        url=f"http://{received.headers['Host']}{received.target}",
        headers={name: received.headers[name] for name in signed if name in received.headers},
        data=received.body,
    )
    request.context["timestamp"] = stamp
    # S3's paths are signed as they are, the others' normalised.
    auth = (S3SigV4Auth if found["service"] == "s3" else SigV4Auth)(credentials, found["service"], found["region"])
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))
