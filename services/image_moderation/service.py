"""The servicer: checks a request, moderates its image in a worker thread, and answers in the proto's terms."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from safelight.common.v1 import finding_pb2
from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from services.common.errors import ImageUnreadable, InvalidArgument
from services.common.executor import BoundedExecutor
from services.common.moderation import Moderation, Thresholds, Verdict, as_duration
from services.common.validation import Violations
from services.image_moderation.container import MEDIA_TYPES, Container
from services.image_moderation.decode import Limits, Picture, decode, inspect
from services.image_moderation.encode import Encoded, encode, fit
from services.image_moderation.redact import redact
from services.image_moderation.subjects import InS3, copies

LEAST_DELIVERY_BYTES = 16_384
# The longest that S3's keys, and Rekognition's names of versions, may be.
MOST_S3_KEY_BYTES = MOST_S3_VERSION = 1024


class ImageModerator:
    """The work itself, synchronous: decode, detect, and make the copy that may be handed out."""

    def __init__(self, moderation: Moderation[Image.Image], limits: Limits, *, in_s3: InS3 | None = None) -> None:
        """`moderation` holds the loaded detectors, and `in_s3` those of them that can read S3."""
        self._moderation = moderation
        self._limits = limits
        self._in_s3 = in_s3 or InS3.of((), Thresholds(0, {}))

    def moderate(
        self, request: image_moderation_pb2.ModerateImageRequest
    ) -> image_moderation_pb2.ModerateImageResponse:
        """Answers one request. Raises InvalidArgument with every field that is wrong, and what detectors raise."""
        if request.HasField("s3_object"):
            return self._moderate_in_s3(request)
        picture = decode(self._check(request))
        verdict = self._judge(request, picture.pixels)
        copy = self._clean(request, picture) if request.prepare_delivery and not verdict.flagged else None
        if copy is not None and copy.lossy:
            # Loss and scaling make it another picture than the one that was judged.
            _add(verdict, self._judge_copy(request, _decoded(copy)))
        if verdict.flagged and request.redaction:
            copy = self._redacted(request, picture, verdict)
        elif copy is None and request.prepare_delivery:
            copy = self._clean(request, picture)
        response = image_moderation_pb2.ModerateImageResponse(
            flagged=verdict.flagged,
            findings=verdict.findings,
            detector_runs=verdict.runs,
            width=picture.pixels.width,
            height=picture.pixels.height,
            media_type=picture.media_type,
        )
        if copy is not None:
            response.delivery_copy.CopyFrom(
                image_moderation_pb2.DeliveryCopy(
                    image=copy.data,
                    media_type=copy.media_type,
                    width=copy.width,
                    height=copy.height,
                    redacted=verdict.flagged and bool(request.redaction),
                    reencoded_to_fit=copy.reencoded_to_fit,
                )
            )
        return response

    def _moderate_in_s3(
        self, request: image_moderation_pb2.ModerateImageRequest
    ) -> image_moderation_pb2.ModerateImageResponse:
        self._check_in_s3(request)
        verdict = self._in_s3.moderation.judge(
            request.s3_object,
            thresholds=request.thresholds,
            only=request.detectors,
            run_all=request.run_all_detectors,
        )
        return image_moderation_pb2.ModerateImageResponse(
            flagged=verdict.flagged, findings=verdict.findings, detector_runs=verdict.runs
        )

    def _check(self, request: image_moderation_pb2.ModerateImageRequest) -> Container:
        """All that can be said against a request before a pixel is decoded, at once."""
        violations = self._check_fields(request)
        if not request.image:
            violations.add("image", "must be set")
            violations.raise_if_any()
        try:
            container = inspect(request.image, request.media_type, self._limits)
        except ImageUnreadable as unreadable:
            try:
                violations.raise_if_any()
            except InvalidArgument as others:
                raise InvalidArgument([*others.violations, *unreadable.violations]) from None
            raise
        violations.raise_if_any()
        return container

    def _check_in_s3(self, request: image_moderation_pb2.ModerateImageRequest) -> None:
        """The same for an image in S3."""
        violations = self._check_fields(request)
        place, unseen = request.s3_object, "cannot be had for an image in S3, whose pixels this service does not see"
        if request.image:
            violations.add("s3_object", "must not be set together with image")
        if place.bucket not in self._in_s3.buckets:
            violations.add(
                "s3_object.bucket", "must be one that this service allows" if place.bucket else "must be set"
            )
        if not 0 < (size := len(place.key.encode())) <= MOST_S3_KEY_BYTES:
            violations.add("s3_object.key", f"must have 1 to {MOST_S3_KEY_BYTES:,} bytes of UTF-8; has {size:,}")
        violations.text("s3_object.version", place.version, most=MOST_S3_VERSION)
        if request.media_type:
            violations.add("media_type", "cannot be checked for an image in S3")
        if request.redaction:
            violations.add("redaction", unseen)
        if request.prepare_delivery:
            violations.add("prepare_delivery", unseen)
        can = ", ".join(sorted(self._in_s3.readers)) or "none here"
        if request.detectors:
            for index, name in enumerate(request.detectors):
                if name in self._moderation.names and name not in self._in_s3.readers:
                    violations.add(f"detectors[{index}]", f"{name} cannot read S3; those that can: {can}")
        elif cannot := [name for name in self._moderation.names if name not in self._in_s3.readers]:
            violations.add("detectors", f"must name those that can read S3 ({can}); {', '.join(cannot)} cannot")
        violations.raise_if_any()

    def _check_fields(self, request: image_moderation_pb2.ModerateImageRequest) -> Violations:
        violations = Violations()
        if request.media_type and request.media_type.lower() not in MEDIA_TYPES.values():
            known = ", ".join(MEDIA_TYPES.values())
            violations.add("media_type", f"must be one of {known}; has {len(request.media_type):,} characters")
        violations.thresholds("thresholds", request.thresholds)
        violations.names("detectors", request.detectors, self._moderation.names)
        violations.enum("redaction", request.redaction, image_moderation_pb2.Redaction)
        if 0 < request.max_delivery_bytes < LEAST_DELIVERY_BYTES:
            least, value = LEAST_DELIVERY_BYTES, request.max_delivery_bytes
            violations.add("max_delivery_bytes", f"must be 0 or at least {least:,}; is {value:,}")
        return violations

    def _judge(self, request: image_moderation_pb2.ModerateImageRequest, pixels: Image.Image) -> Verdict:
        return self._moderation.judge(
            pixels, thresholds=request.thresholds, only=request.detectors, run_all=request.run_all_detectors
        )

    def _judge_copy(
        self, request: image_moderation_pb2.ModerateImageRequest, pixels: Image.Image, *, blurred: bool = False
    ) -> Verdict:
        with copies(blurred=blurred):
            return self._judge(request, pixels)

    def _redacted(
        self, request: image_moderation_pb2.ModerateImageRequest, picture: Picture, verdict: Verdict
    ) -> Encoded:
        def find(pixels: Image.Image) -> list[finding_pb2.Finding]:
            of_copy = self._judge_copy(request, pixels, blurred=True)
            _add_effort(verdict, of_copy)
            # Not what is never flagged: a provider may see swimwear in any blur.
            return [finding for finding in of_copy.findings if finding.flagged or finding.threshold]

        def encoded(pixels: Image.Image) -> tuple[Encoded, Image.Image]:
            result = self._fitted(request, pixels, encode(pixels, picture.type))
            return result, _decoded(result)

        regions = request.redaction == image_moderation_pb2.REDACTION_BLUR_REGIONS
        return redact(picture.pixels, verdict.findings, regions=regions, find=find, encode=encoded)

    def _clean(self, request: image_moderation_pb2.ModerateImageRequest, picture: Picture) -> Encoded | None:
        """The copy without metadata, upright, opaque and small enough; None when the original is all that already."""
        deliverable = picture.deliverable()
        if deliverable is None:
            copy = encode(picture.pixels, picture.type, lossless=True)
        else:
            copy = Encoded(deliverable, picture.media_type, *picture.pixels.size)
        copy = self._fitted(request, picture.pixels, copy)
        return None if copy.data is request.image or copy.data == request.image else copy

    def _fitted(
        self, request: image_moderation_pb2.ModerateImageRequest, pixels: Image.Image, copy: Encoded
    ) -> Encoded:
        # Without a limit of the caller's, ours: an answer must not outgrow the largest message.
        limit = min(request.max_delivery_bytes or self._limits.max_bytes, self._limits.max_bytes)
        return copy if len(copy.data) <= limit else fit(pixels, limit)


def _decoded(copy: Encoded) -> Image.Image:
    """What a receiver of the copy sees."""
    with Image.open(io.BytesIO(copy.data)) as decoded:
        return decoded.convert("RGB")


def _add(verdict: Verdict, of_copy: Verdict) -> None:
    """Lets what was found in a copy count against the whole; a copy that passes adds no findings."""
    for run, again in zip(verdict.runs, of_copy.runs, strict=True):
        run.flagged |= again.flagged
    _add_effort(verdict, of_copy)
    if of_copy.flagged:
        verdict.flagged = True
        verdict.findings = sorted(verdict.findings + of_copy.findings, key=lambda f: (not f.flagged, -f.confidence))


def _add_effort(verdict: Verdict, of_copy: Verdict) -> None:
    """Adds to each detector's run the time and the calls to providers that looking at a copy took.

    The calls are billed, also those of a detector that did not have to look at the picture itself.
    """
    for run, again in zip(verdict.runs, of_copy.runs, strict=True):
        run.usage.extend(again.usage)
        if run.HasField("duration") and again.HasField("duration"):
            run.duration.CopyFrom(as_duration(run.duration.ToNanoseconds() + again.duration.ToNanoseconds()))


class ImageModerationServicer(image_moderation_pb2_grpc.ImageModerationServiceServicer):
    """Serves `safelight.image_moderation.v1.ImageModerationService`."""

    def __init__(self, executor: BoundedExecutor) -> None:
        """Answers from when `moderator` is set, which the loading of the models ends with."""
        self._executor = executor
        self.moderator: ImageModerator | None = None

    async def ModerateImage(
        self, request: image_moderation_pb2.ModerateImageRequest, context: Any
    ) -> image_moderation_pb2.ModerateImageResponse:
        """Moderates one image; see the proto."""
        if self.moderator is None:
            raise RuntimeError("called before the models were loaded")
        return await self._executor.run(self.moderator.moderate, request)
