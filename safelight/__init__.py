"""Client for Safelight: safe text-to-image generation as gRPC microservices.

    import safelight

    with safelight.Client() as client:
        result = client.generate("A dog in a suit").result()

Needs grpcio and protobuf alone; the command line (`safelight`) needs the extra `safelight[cli]`. The messages are
those of the contracts, in `safelight.<service>.v1`; the enums and messages that a caller meets most are here too.
"""

from safelight._generation import AsyncGeneration, Event, GeneratedImage, Generation, GenerationResult
from safelight._requests import Image, Thresholds
from safelight.client import DEFAULT, AsyncClient, Client, Health, Timeout, Tls, version
from safelight.common.v1.category_pb2 import Category
from safelight.common.v1.finding_pb2 import Finding
from safelight.common.v1.image_format_pb2 import ImageFormat
from safelight.errors import (
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    SafelightError,
    StreamIncomplete,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)
from safelight.gateway.v1.gateway_pb2 import ImageDisposition, Outcome, Stage, WarningReason
from safelight.image_moderation.v1.image_moderation_pb2 import Redaction

__version__ = version()

__all__ = [
    "DEFAULT",
    "AsyncClient",
    "AsyncGeneration",
    "Cancelled",
    "Category",
    "Client",
    "DeadlineExceeded",
    "Event",
    "FailedPrecondition",
    "FieldViolation",
    "Finding",
    "GeneratedImage",
    "Generation",
    "GenerationResult",
    "Health",
    "Image",
    "ImageDisposition",
    "ImageFormat",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "Outcome",
    "PermissionDenied",
    "Redaction",
    "ResourceExhausted",
    "SafelightError",
    "Stage",
    "StreamIncomplete",
    "Thresholds",
    "Timeout",
    "Tls",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "WarningReason",
]
