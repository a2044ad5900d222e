"""The encodings of images that the contract knows."""

from __future__ import annotations

from safelight.common.v1 import image_format_pb2

FORMATS: dict[int, tuple[str, str]] = {
    image_format_pb2.IMAGE_FORMAT_PNG: ("PNG", "image/png"),
    image_format_pb2.IMAGE_FORMAT_JPEG: ("JPEG", "image/jpeg"),
    image_format_pb2.IMAGE_FORMAT_WEBP: ("WEBP", "image/webp"),
}
"""Pillow's name and the media type of each."""
