"""The image moderation service over a real socket, with the real model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.image_moderation.v1 import image_moderation_pb2 as pb
from safelight.image_moderation.v1 import image_moderation_pb2_grpc as pb_grpc
from services.common import errors
from services.common.errors import FieldViolation
from services.common.moderation import Detector
from services.common.server import running
from services.image_moderation.app import build
from services.image_moderation.settings import Settings
from tests.support import images

FORMATS = ["PNG", "JPEG", "WEBP"]


@asynccontextmanager
async def serving(
    *detectors: Detector[Image.Image], **settings: object
) -> AsyncIterator[tuple[pb_grpc.ImageModerationServiceAsyncStub, grpc.aio.Channel]]:
    service = build(Settings(port=0, **settings), detectors=detectors or [images.load_detector()])
    async with running(service) as [server], grpc.aio.insecure_channel(server.address) as channel:
        yield pb_grpc.ImageModerationServiceStub(channel), channel


async def moderate(request: pb.ModerateImageRequest, **settings: object) -> pb.ModerateImageResponse:
    async with serving(**settings) as (stub, _):
        return await stub.ModerateImage(request)


def details(error: grpc.aio.AioRpcError) -> tuple[str, list[FieldViolation], bool]:
    """Reason, field violations, and whether there is RetryInfo."""
    trailing = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailing[errors.STATUS_DETAILS_KEY])
    info, bad, retry = errors.error_info(status), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    assert info is not None
    for detail in status.details:
        detail.Unpack(bad)
    violations = [FieldViolation(v.field, v.description) for v in bad.field_violations]
    return info.reason, violations, any(detail.Unpack(retry) for detail in status.details)


def jpeg_with_gps(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010F] = "MARKER-camera"
    return images.encoded(picture, "JPEG", exif=exif, comment=b"MARKER-comment")


def png_with_text(picture: Image.Image) -> bytes:
    text = PngInfo()
    text.add_text("parameters", "MARKER-prompt")
    return images.encoded(picture, "PNG", pnginfo=text)


async def test_the_service_loads_its_own_model_and_answers() -> None:
    """Built from settings alone, it becomes ready and flags a positive, with all that the contract promises."""
    async with running(build(Settings(port=0))) as [server], grpc.aio.insecure_channel(server.address) as channel:
        stub = pb_grpc.ImageModerationServiceStub(channel)
        response = await stub.ModerateImage(pb.ModerateImageRequest(image=images.encoded(images.positive())))
    assert response.flagged
    assert (response.width, response.height, response.media_type) == (512, 512, "image/png")
    assert response.findings[0].category == category_pb2.CATEGORY_NUDITY
    assert response.findings[0].flagged
    assert response.findings[0].threshold == 0.5
    [run] = response.detector_runs
    assert (run.detector, run.status, run.flagged) == ("nudenet", detector_run_pb2.DETECTOR_RUN_STATUS_RAN, True)
    assert run.version
    assert run.duration.ToNanoseconds() > 0
    assert not response.HasField("delivery_copy")


@pytest.mark.parametrize("image_type", FORMATS)
async def test_a_clean_picture_passes_as_it_is(image_type: str) -> None:
    """Nothing is found, and no delivery copy is made even when one is asked for."""
    image = images.encoded(images.clean(), image_type)
    response = await moderate(
        pb.ModerateImageRequest(image=image, redaction=pb.REDACTION_BLUR_IMAGE, prepare_delivery=True)
    )
    assert not response.flagged
    assert not response.findings
    assert not response.HasField("delivery_copy")


async def test_thresholds_of_the_request_decide() -> None:
    """The same picture is flagged or not by the request's thresholds; an ignored finding is still reported."""
    image = images.encoded(images.positive())
    async with serving() as (stub, _):
        for threshold, flagged in (
            (finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_NUDITY, threshold=0.3), True),
            (finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_NUDITY), True),
            (finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_NUDITY, threshold=0.99), False),
            (finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_NUDITY, ignored=True), False),
        ):
            response = await stub.ModerateImage(pb.ModerateImageRequest(image=image, thresholds=[threshold]))
            assert response.flagged is flagged
            assert response.findings[0].category == category_pb2.CATEGORY_NUDITY
            assert response.findings[0].threshold == pytest.approx(threshold.threshold)


async def test_thresholds_of_the_settings_apply_where_the_request_has_none() -> None:
    """An operator's own default is used, and named in the finding."""
    request = pb.ModerateImageRequest(image=images.encoded(images.positive()))
    assert not (await moderate(request, thresholds={"nudity": None})).flagged
    strict = await moderate(request, thresholds={"nudity": 0.25})
    assert strict.flagged
    assert strict.findings[0].threshold == 0.25


@pytest.mark.parametrize("image_type", FORMATS)
@pytest.mark.parametrize("redaction", [pb.REDACTION_BLUR_IMAGE, pb.REDACTION_BLUR_REGIONS])
async def test_a_redacted_copy_passes(image_type: str, redaction: pb.Redaction) -> None:
    """A flagged picture comes back in its own format, and the service flags nothing in the copy."""
    async with serving() as (stub, _):
        for seed in (1, 2):
            image = images.encoded(images.positive(seed), image_type)
            response = await stub.ModerateImage(pb.ModerateImageRequest(image=image, redaction=redaction))
            copy = response.delivery_copy
            assert response.flagged
            assert copy.redacted
            assert not copy.reencoded_to_fit
            assert (copy.width, copy.height, copy.media_type) == (512, 512, response.media_type)
            again = await stub.ModerateImage(pb.ModerateImageRequest(image=copy.image, media_type=copy.media_type))
            assert not again.flagged
            assert not [f for f in again.findings if f.category == category_pb2.CATEGORY_NUDITY]


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_boxes_are_those_of_the_displayed_picture(orientation: int) -> None:
    """However the pixels are stored, the box lies where a viewer sees it, and the copy needs no orientation."""
    upright = images.positive(3, (480, 640))
    expected = images.load_detector().detect(upright)[0].bounding_box
    stored, exif = images.with_orientation(upright, orientation)
    image = images.encoded(stored, "PNG", exif=exif)
    response = await moderate(pb.ModerateImageRequest(image=image, prepare_delivery=True))
    assert (response.width, response.height) == upright.size
    box = response.findings[0].bounding_box
    for side in ("left", "top", "width", "height"):
        assert getattr(box, side) == pytest.approx(getattr(expected, side), abs=1e-5)
    seen = images.opened(response.delivery_copy.image)
    assert np.array_equal(np.asarray(seen), np.asarray(upright))
    assert not seen.getexif()


@pytest.mark.parametrize("make", [jpeg_with_gps, png_with_text])
@pytest.mark.parametrize("redaction", [pb.REDACTION_UNSPECIFIED, pb.REDACTION_BLUR_IMAGE, pb.REDACTION_BLUR_REGIONS])
async def test_metadata_does_not_leave(make, redaction: pb.Redaction) -> None:
    """Position, camera, comments and prompts are gone from every copy; a copy that is not redacted keeps its pixels."""
    async with serving() as (stub, _):
        for picture in (images.clean(), images.positive()):
            image = make(picture)
            assert b"MARKER" in image
            request = pb.ModerateImageRequest(image=image, redaction=redaction, prepare_delivery=True)
            copy = (await stub.ModerateImage(request)).delivery_copy
            assert b"MARKER" not in copy.image
            seen = images.opened(copy.image)
            assert not seen.getexif()
            assert not {"exif", "comment", "parameters", "icc_profile", "xmp"} & set(seen.info)
            if not copy.redacted:
                assert np.array_equal(np.asarray(seen), np.asarray(images.opened(image)))


async def test_without_prepare_delivery_only_a_redaction_makes_a_copy() -> None:
    """A clean picture with metadata is left to the caller unless a delivery copy is asked for."""
    response = await moderate(
        pb.ModerateImageRequest(image=png_with_text(images.clean()), redaction=pb.REDACTION_BLUR_IMAGE)
    )
    assert not response.HasField("delivery_copy")


async def test_a_flagged_picture_without_redaction_is_only_cleaned() -> None:
    """A caller that delivers flagged pictures with a warning gets one without metadata."""
    response = await moderate(pb.ModerateImageRequest(image=png_with_text(images.positive()), prepare_delivery=True))
    assert response.flagged
    assert not response.delivery_copy.redacted
    assert np.array_equal(np.asarray(images.opened(response.delivery_copy.image)), np.asarray(images.positive()))


async def test_transparency_is_delivered_as_it_was_judged() -> None:
    """What lets its background through is delivered on the white on which the detectors saw it."""
    layered = images.clean().convert("RGBA")
    layered.putalpha(100)
    response = await moderate(pb.ModerateImageRequest(image=images.encoded(layered), prepare_delivery=True))
    assert images.opened(response.delivery_copy.image).mode == "RGB"


@pytest.mark.parametrize("image_type", FORMATS)
@pytest.mark.parametrize("redaction", [pb.REDACTION_UNSPECIFIED, pb.REDACTION_BLUR_REGIONS])
async def test_max_delivery_bytes_is_kept(image_type: str, redaction: pb.Redaction) -> None:
    """A copy that is too large comes as JPEG within the limit and says so, redacted or not."""
    picture = images.positive(1, (512, 512))
    # Noise in the margin that no blur touches makes every format large.
    picture.paste(images.noise((512, 160)), (0, 352))
    image = images.encoded(picture, image_type)
    limit = 16_384
    assert len(image) > limit
    response = await moderate(
        pb.ModerateImageRequest(
            image=image,
            redaction=redaction,
            prepare_delivery=True,
            max_delivery_bytes=limit,
            thresholds=[finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_NUDITY, threshold=0.3)],
        )
    )
    copy = response.delivery_copy
    assert 0 < len(copy.image) <= limit
    if not copy.redacted:
        assert copy.reencoded_to_fit
        assert copy.media_type == "image/jpeg"
    assert images.opened(copy.image).size == (copy.width, copy.height)


class AllBut:
    """A detector that takes every picture but one for a weapon: what a copy shows that its original does not."""

    name = "all_but"
    version = "1"

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture

    def detect(self, subject: Image.Image) -> list[finding_pb2.Finding]:
        if subject.size == self._picture.size and np.array_equal(np.asarray(subject), np.asarray(self._picture)):
            return []
        return [finding_pb2.Finding(category=category_pb2.CATEGORY_WEAPON, confidence=0.9, detector=self.name)]


def scaled() -> tuple[bytes, Image.Image, int]:
    """A file that has to be made smaller, what it shows, and the limit."""
    picture = images.noise((700, 500))
    return images.encoded(picture), picture, 16_384


def turned() -> tuple[bytes, Image.Image, int]:
    """A JPEG that has to be encoded anew to be upright, what it shows, and no limit."""
    stored, exif = images.with_orientation(images.clean((96, 64)), 6)
    data = images.encoded(stored, "JPEG", exif=exif)
    return data, ImageOps.exif_transpose(images.opened(data)), 0


@pytest.mark.parametrize("make", [scaled, turned])
async def test_a_copy_that_lost_something_is_judged_itself(make) -> None:
    """A copy that is flagged where its original is not makes the whole flagged, and is redacted if that is wished."""
    image, shown, limit = make()
    request = pb.ModerateImageRequest(image=image, prepare_delivery=True, max_delivery_bytes=limit)
    async with serving(AllBut(shown)) as (stub, _):
        plain = await stub.ModerateImage(request)
        request.redaction = pb.REDACTION_BLUR_IMAGE
        redacted = await stub.ModerateImage(request)
        request.prepare_delivery = False
        original = await stub.ModerateImage(request)
    for response in (plain, redacted):
        assert response.flagged
        assert [(f.category, f.flagged) for f in response.findings] == [(category_pb2.CATEGORY_WEAPON, True)]
        assert response.detector_runs[0].flagged
    assert not plain.delivery_copy.redacted
    assert redacted.delivery_copy.redacted
    # No blur satisfies this detector, so that plain grey is left.
    low_high = images.opened(redacted.delivery_copy.image).convert("RGB").getextrema()
    assert all(abs(level - 128) <= 1 for channel in low_high for level in channel)
    assert not original.flagged
    assert not original.HasField("delivery_copy")


async def test_a_copy_that_lost_something_and_passes_adds_nothing() -> None:
    """The real detector looks at the copy too, and a clean picture has no finding after it."""
    image = images.encoded(images.noise((700, 500)))
    response = await moderate(pb.ModerateImageRequest(image=image, prepare_delivery=True, max_delivery_bytes=16_384))
    assert not response.flagged
    assert not response.findings
    assert response.delivery_copy.reencoded_to_fit
    assert not response.delivery_copy.redacted


async def test_a_png_with_other_bytes_is_delivered_as_its_pixels() -> None:
    """Bytes in the last chunk and after the compressed pixels are in no copy; the pixels are the same."""
    *head, (_, stream), _ = images.png_chunks(images.encoded(images.clean((64, 64))))
    image = images.png_of([*head, (b"IDAT", stream + b"MARKER-a"), (b"IEND", b"MARKER-b")])
    copy = (await moderate(pb.ModerateImageRequest(image=image, prepare_delivery=True))).delivery_copy
    assert b"MARKER" not in copy.image
    assert np.array_equal(np.asarray(images.opened(copy.image)), np.asarray(images.clean((64, 64))))
    assert not copy.reencoded_to_fit


async def test_an_original_within_the_limit_is_left_alone() -> None:
    """A limit that the original keeps gives no copy."""
    image = images.encoded(images.clean((128, 128)), "JPEG")
    response = await moderate(
        pb.ModerateImageRequest(image=image, prepare_delivery=True, max_delivery_bytes=max(16_384, len(image)))
    )
    assert not response.HasField("delivery_copy")


async def test_all_that_is_wrong_is_named_at_once() -> None:
    """Every bad field of a request, the unreadable image among them, is in one answer."""
    request = pb.ModerateImageRequest(
        image=b"no image",
        media_type="text/html",
        thresholds=[
            finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_NUDITY, threshold=1.5),
            finding_pb2.CategoryThreshold(threshold=0.5),
        ],
        detectors=["nudenet", "clairvoyance"],
        redaction=7,  # type: ignore[arg-type]
        max_delivery_bytes=16_383,
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await moderate(request)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    reason, violations, _ = details(refused.value)
    assert reason == "FIELD_INVALID"
    assert {v.field for v in violations} == {
        "image",
        "media_type",
        "thresholds[0].threshold",
        "thresholds[1].category",
        "detectors[1]",
        "redaction",
        "max_delivery_bytes",
    }
    assert "clairvoyance" not in refused.value.details()


@pytest.mark.parametrize(
    ("image", "media_type", "reason"),
    [
        (b"", "", "FIELD_INVALID"),
        (b"GIF89a", "", "IMAGE_UNREADABLE"),
        (images.encoded(images.clean((31, 31))), "", "IMAGE_UNREADABLE"),
        (images.encoded(images.clean()), "image/jpeg", "IMAGE_UNREADABLE"),
        (images.png_claiming(100_000, 100_000), "", "IMAGE_UNREADABLE"),
        (images.encoded(images.clean())[:-20], "", "IMAGE_UNREADABLE"),
        (images.png_claiming(64, 64, b""), "", "IMAGE_UNREADABLE"),
    ],
    ids=["empty", "gif", "small", "mislabelled", "bomb", "truncated", "damaged"],
)
async def test_an_image_that_cannot_be_read_is_an_error_of_its_field(
    image: bytes, media_type: str, reason: str
) -> None:
    """INVALID_ARGUMENT with the reason and the field, and no word of the decoder's."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await moderate(pb.ModerateImageRequest(image=image, media_type=media_type))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    found, violations, _ = details(refused.value)
    assert found == reason
    assert [v.field for v in violations] == ["image"]
    assert "Error" not in refused.value.details()


async def test_any_bytes_are_an_invalid_argument() -> None:
    """Whatever is sent as an image, the answer is INVALID_ARGUMENT and the service goes on."""
    head = images.encoded(images.clean((40, 40)), "PNG")
    loop = asyncio.get_running_loop()
    async with serving() as (stub, _):

        async def send(image: bytes) -> grpc.StatusCode:
            try:
                await stub.ModerateImage(pb.ModerateImageRequest(image=image))
            except grpc.aio.AioRpcError as error:
                return error.code()
            return grpc.StatusCode.OK

        @given(image=st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: head[:60] + tail))
        @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
        def attempt(image: bytes) -> None:
            code = asyncio.run_coroutine_threadsafe(send(image), loop).result(30)
            assert code == grpc.StatusCode.INVALID_ARGUMENT

        await asyncio.to_thread(attempt)
        assert await send(head) == grpc.StatusCode.OK


class Held:
    """A detector that waits to be let go, so that a test can fill the workers."""

    name = "held"
    version = "1"

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()

    def detect(self, subject: Image.Image) -> list[finding_pb2.Finding]:
        self.entered.release()
        assert self.release.wait(60)
        return []


async def test_full_workers_refuse_and_health_goes_on() -> None:
    """With workers busy and the queue full, the next call gets RESOURCE_EXHAUSTED with RetryInfo; health answers."""
    held = Held()
    request = pb.ModerateImageRequest(image=images.encoded(images.clean()))
    async with serving(held, workers=2, queue=1) as (stub, channel):
        health = health_pb2_grpc.HealthStub(channel)
        calls = [stub.ModerateImage(request) for _ in range(3)]
        try:
            for _ in range(2):
                await asyncio.to_thread(held.entered.acquire)
            await health.Check(health_pb2.HealthCheckRequest())
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                # The third call may arrive after this one; then that one is refused, and this one waits.
                await asyncio.gather(*calls, stub.ModerateImage(request))
            assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            reason, _, retry = details(refused.value)
            assert (reason, retry) == ("OVERLOADED", True)
            for name in ("", "safelight.image_moderation.v1.ImageModerationService"):
                answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
        finally:
            held.release.set()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_detectors_can_be_chosen_and_are_all_listed() -> None:
    """A detector that the request leaves out is listed as skipped, with the reason."""
    held = Held()
    held.release.set()
    async with serving(held, images.load_detector()) as (stub, _):
        response = await stub.ModerateImage(
            pb.ModerateImageRequest(image=images.encoded(images.positive()), detectors=["nudenet"])
        )
    assert [(r.detector, r.status) for r in response.detector_runs] == [
        ("held", detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED),
        ("nudenet", detector_run_pb2.DETECTOR_RUN_STATUS_RAN),
    ]
    assert response.detector_runs[0].skip_reason == detector_run_pb2.DETECTOR_SKIP_REASON_NOT_REQUESTED


async def test_sixteen_callers_at_once_get_what_one_gets() -> None:
    """Workers share one model and answer everybody alike."""
    requests = [
        pb.ModerateImageRequest(image=images.encoded(images.positive(seed), FORMATS[seed % 3])) for seed in range(16)
    ]
    async with serving(workers=4) as (stub, _):
        together = await asyncio.gather(*(stub.ModerateImage(r) for r in requests))
        for request, response in zip(requests[:4], together, strict=False):
            alone = await stub.ModerateImage(request)
            assert list(alone.findings) == list(response.findings)
    assert all(response.flagged for response in together)
