"""Requests, built in pure functions that the synchronous and the asynchronous client share.

They refuse (ValueError, naming the field) only what cannot be written into a request: the ranges are the services' to
check, which report all that is wrong at once.
"""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from safelight import _names
from safelight.common.v1 import category_pb2, finding_pb2, image_format_pb2
from safelight.errors import REQUEST_ID_KEY
from safelight.gateway.v1 import gateway_pb2
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2

Thresholds = Mapping[str, float | None] | Mapping[category_pb2.Category.ValueType, float | None]
"""From category (its short name, such as "sexual_explicit", or its enum value) to the confidence from which a finding
counts, 0 to 1. None: findings of the category are reported and never count."""

Image = bytes | bytearray | memoryview | str | os.PathLike[str]
"""The encoded bytes of an image, or the path of its file."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}")
_UINT32_MAX = 2**32 - 1


def generate_images(
    prompt: str,
    *,
    negative_prompt: str,
    width: int,
    height: int,
    steps: int,
    guidance_scale: float | None,
    seed: int | None,
    count: int,
    output_format: str | image_format_pb2.ImageFormat.ValueType | None,
    policy: str,
    dry_run: bool,
) -> gateway_pb2.GenerateImagesRequest:
    """See Client.generate for what each argument means."""
    request = gateway_pb2.GenerateImagesRequest(
        prompt=_text("prompt", prompt),
        negative_prompt=_text("negative_prompt", negative_prompt),
        width=_uint32("width", width),
        height=_uint32("height", height),
        steps=_uint32("steps", steps),
        count=_uint32("count", count),
        output_format=_names.number(image_format_pb2.ImageFormat, output_format or 0, "output_format"),
        policy=_text("policy", policy),
        dry_run=dry_run,
    )
    if guidance_scale is not None:
        request.guidance_scale = guidance_scale
    if seed is not None:
        request.seed = _uint32("seed", seed)
    return request


def moderate_text(
    text: str, *, thresholds: Thresholds | None, detectors: Sequence[str], run_all_detectors: bool
) -> text_moderation_pb2.ModerateTextRequest:
    """See Client.moderate_text for what each argument means."""
    return text_moderation_pb2.ModerateTextRequest(
        text=_text("text", text),
        thresholds=_thresholds(thresholds),
        detectors=_detectors(detectors),
        run_all_detectors=run_all_detectors,
    )


def moderate_image(
    image: Image,
    *,
    media_type: str,
    thresholds: Thresholds | None,
    detectors: Sequence[str],
    run_all_detectors: bool,
    redaction: str | image_moderation_pb2.Redaction.ValueType | None,
    prepare_delivery: bool,
    max_delivery_bytes: int | None,
    receive_limit: int,
) -> image_moderation_pb2.ModerateImageRequest:
    """See Client.moderate_image for what each argument means; `receive_limit` is the channel's, in bytes."""
    wanted = _names.number(image_moderation_pb2.Redaction, redaction or 0, "redaction")
    if max_delivery_bytes is None:
        # A copy that this client could not receive would fail the whole call. The rest of the message gets 64 KiB.
        max_delivery_bytes = max(receive_limit - (64 << 10), 16 << 10) if wanted or prepare_delivery else 0
    stored = _s3_object(image)
    return image_moderation_pb2.ModerateImageRequest(
        image=b"" if stored else _bytes(image),
        s3_object=stored,
        media_type=_text("media_type", media_type),
        thresholds=_thresholds(thresholds),
        detectors=_detectors(detectors),
        run_all_detectors=run_all_detectors,
        redaction=wanted,
        prepare_delivery=prepare_delivery,
        max_delivery_bytes=_uint32("max_delivery_bytes", max_delivery_bytes),
    )


def _s3_object(image: Image) -> image_moderation_pb2.S3Object | None:
    """What "s3://bucket/key" names, with the version where "?versionId=..." follows; None for any other image."""
    if not isinstance(image, str) or not image.startswith("s3://"):
        return None
    bucket, _, key = image.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise ValueError("an image in S3 is named s3://bucket/key")
    key, _, version = key.partition("?versionId=")
    return image_moderation_pb2.S3Object(bucket=bucket, key=key, version=version)


def metadata(api_key: str | None, request_id: str) -> list[tuple[str, str]]:
    """What every call carries besides its request."""
    pairs = [(REQUEST_ID_KEY, request_id)]
    if api_key is not None:
        pairs.append(("authorization", f"Bearer {api_key}"))
    return pairs


def request_id(value: str | None) -> str:
    """The caller's id for a call, checked, or a new one: services replace one that is malformed, so it is refused."""
    if value is None:
        return secrets.token_hex(16)
    if not _REQUEST_ID.fullmatch(value):
        raise ValueError(
            f"request_id: must be 1 to 128 of the characters A-Z a-z 0-9 . _ -; has {len(value)} characters"
        )
    return value


def api_key(value: str | None) -> str | None:
    """The key, checked: metadata carries printable ASCII only. The message never holds the key."""
    if value is not None and not (value and value.isascii() and value.isprintable() and value.strip() == value):
        raise ValueError(
            f"api_key: must be printable ASCII without surrounding white space; has {len(value)} characters"
        )
    return value


def timeout(value: float | None) -> float | None:
    """Seconds, checked; None is no deadline."""
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise ValueError(f"timeout: must be more than 0 seconds, or None for no deadline; is {value:g}")
    return value


def _text(field: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # The original error holds the whole text, which may be a prompt.
        raise ValueError(
            f"{field}: must be valid Unicode; has a lone surrogate at position {error.start} of {len(value)}"
        ) from None
    return value


def _uint32(field: str, value: int) -> int:
    if not 0 <= value <= _UINT32_MAX:
        raise ValueError(f"{field}: must be between 0 and {_UINT32_MAX}; is {value}")
    return value


def _thresholds(values: Thresholds | None) -> list[finding_pb2.CategoryThreshold]:
    built = []
    for category, threshold in (values or {}).items():
        number = _names.number(category_pb2.Category, category, "thresholds")
        if threshold is None:
            built.append(finding_pb2.CategoryThreshold(category=number, ignored=True))
        else:
            built.append(finding_pb2.CategoryThreshold(category=number, threshold=threshold))
    return built


def _detectors(values: Sequence[str]) -> Sequence[str]:
    if isinstance(values, str):  # A str is a sequence of str: `detectors="terms"` would ask for t, e, r, m, s.
        raise ValueError("detectors: must be a list of names; is one string")
    return [_text("detectors", value) for value in values]


def _bytes(image: Image) -> bytes:
    if isinstance(image, (str, os.PathLike)):
        return Path(image).read_bytes()
    return bytes(image)
