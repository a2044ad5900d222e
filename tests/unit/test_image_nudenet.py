"""The NudeNet detector: its classes, its agreement with the package, its use from threads."""

import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nudenet
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from safelight.common.v1 import category_pb2
from services.image_moderation.detectors import nudenet as detector_module
from services.image_moderation.detectors.nudenet import CATEGORIES, CLASSES, NEVER_A_FINDING, NudeNet
from tests.support import images


@pytest.fixture(scope="module")
def detector() -> NudeNet:
    return images.load_detector()


@pytest.fixture(scope="module")
def library() -> nudenet.NudeDetector:
    package = nudenet.NudeDetector()
    # The same weights on one thread: the package's own session would keep every core spinning between pictures.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    package.onnx_session = onnxruntime.InferenceSession(Path(nudenet.__file__).with_name("320n.onnx"), options)
    return package


SIZES = [(512, 512), (320, 320), (640, 360), (300, 600), (640, 640), (33, 47)]


def test_every_class_is_a_finding_or_never_one() -> None:
    """Each of the 18 classes is in exactly one of the two lists, and the lists hold nothing else."""
    assert len(CLASSES) == len(set(CLASSES)) == 18
    assert not set(CATEGORIES) & NEVER_A_FINDING
    assert set(CATEGORIES) | NEVER_A_FINDING == set(CLASSES)


def test_classes_are_in_the_order_of_the_package() -> None:
    """The model's outputs mean here what they mean there."""
    assert list(CLASSES) == nudenet.nudenet.__dict__["__labels"]


def test_exposed_intimate_parts_are_nudity() -> None:
    """All exposed classes but the male chest and the harmless ones are nudity."""
    exposed = {c for c in CLASSES if c.endswith("_EXPOSED")} - NEVER_A_FINDING - {"MALE_BREAST_EXPOSED"}
    assert {c for c, category in CATEGORIES.items() if category == category_pb2.CATEGORY_NUDITY} == exposed


@pytest.mark.parametrize("size", SIZES)
def test_detections_are_those_of_the_package(
    size: tuple[int, int], detector: NudeNet, library: nudenet.NudeDetector
) -> None:
    """Labels, scores and boxes agree with the package's own API, given the same file, on positives and others."""
    pictures = [images.positive(seed, size) for seed in range(2)] + [images.clean(size), images.noise(size)]
    total = 0
    for picture in pictures:
        expected = library.detect(images.encoded(picture))
        found = detector.boxes(picture)
        total += len(found)
        assert [label for label, _, _ in found] == [d["class"] for d in expected]
        for (_, score, box), theirs in zip(found, expected, strict=True):
            assert score == pytest.approx(theirs["score"], abs=1e-4)
            pixels = np.array(box) * np.array([*size, *size])
            # The package cuts fractions of pixels off.
            assert np.abs(pixels - np.array(theirs["box"])).max() < 1.01
    assert total or size == (33, 47)


def test_the_package_reads_files_and_arrays_alike(library: nudenet.NudeDetector) -> None:
    """Its API takes BGR arrays: that is the channel order the model was given in the comparison above."""
    picture = images.positive()
    as_bgr = np.asarray(picture)[:, :, ::-1].copy()
    assert library.detect(as_bgr) == library.detect(images.encoded(picture))


def test_findings_carry_all_that_the_contract_asks(detector: NudeNet) -> None:
    """Category, label, confidence, detector and a box within the picture."""
    findings = detector.detect(images.positive())
    assert findings
    for finding in findings:
        assert finding.category == CATEGORIES[finding.label]
        assert 0.25 <= finding.confidence <= 1
        assert finding.detector == "nudenet"
        box = finding.bounding_box
        assert 0 <= box.left < box.left + box.width <= 1 + 1e-6
        assert 0 <= box.top < box.top + box.height <= 1 + 1e-6
    assert [f.confidence for f in findings] == sorted((f.confidence for f in findings), reverse=True)


def test_harmless_parts_are_left_out(detector: NudeNet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class on the list of those that are never a finding is not reported."""
    assert detector.boxes(images.positive())
    monkeypatch.setattr(detector_module, "NEVER_A_FINDING", frozenset(CLASSES))
    assert detector.detect(images.positive()) == []


def test_the_version_names_package_and_model(detector: NudeNet) -> None:
    """A decision can be traced to the weights."""
    assert detector.version.startswith("nudenet 3.")
    assert detector.version.endswith("/ 320n")


def test_threads_share_one_detector(detector: NudeNet) -> None:
    """Eight threads at a time get what one gets."""
    pictures = [images.positive(seed) for seed in range(8)]
    alone = [detector.boxes(p) for p in pictures]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(detector.boxes, pictures)) == alone


def test_large_pictures_are_seen_whole(detector: NudeNet) -> None:
    """Above 640 pixels a side too the detector finds what it finds in the small picture, at the same place."""
    small = images.positive(1, (512, 512))
    (label, _, box), *_ = detector.boxes(small)
    (large_label, _, large_box), *_ = detector.boxes(small.resize((3000, 3000), Image.Resampling.BICUBIC))
    assert large_label == label
    assert np.abs(np.array(large_box) - np.array(box)).max() < 0.1


def test_every_pixel_of_a_large_picture_counts(detector: NudeNet) -> None:
    """A picture hidden between sampled pixels, as in a scaling attack, cannot show the model something else."""
    side, step = 2560, 8
    grey = Image.new("RGB", (side, side), (127, 127, 127))
    hidden = images.positive(1, (side // step, side // step))
    pixels = np.asarray(grey).copy()
    pixels[step // 2 :: step, step // 2 :: step] = np.asarray(hidden)
    assert detector.boxes(Image.fromarray(pixels)) == []


@pytest.mark.parametrize("side", [640, 1280, 2560])
@pytest.mark.parametrize("seed", range(3))
def test_overwriting_the_sampled_pixels_hides_nothing(seed: int, side: int, detector: NudeNet) -> None:
    """A picture stays flagged when those pixels that a plain bilinear reduction to 320 looks at are made grey."""
    pixels = np.asarray(images.positive(seed, (side, side))).copy()
    # The pixels next to the middle of each of the model's: of 1,280, 4 in 16.
    step = side // 320
    sampled = [n for n in range(side) if step // 2 - max(1, step // 4) <= n % step < step // 2 + max(1, step // 4)]
    if step > 2:
        pixels[np.ix_(sampled, sampled)] = 127
    assert max((f.confidence for f in detector.detect(Image.fromarray(pixels))), default=0) >= 0.5


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("place", [0, 1200, 1792, 2000, 3584])
def test_a_picture_within_a_strip_is_found(place: int, upright: bool, detector: NudeNet) -> None:
    """A flagged picture anywhere in one eight times as long is flagged, and its boxes lie within it."""
    strip = Image.new("RGB", (4096, 512), (70, 110, 150))
    strip.paste(images.positive(1), (place, 0))
    if upright:
        strip = strip.transpose(Image.Transpose.TRANSPOSE)
    findings = detector.detect(strip)
    assert findings[0].confidence >= 0.5
    assert [f.confidence for f in findings] == sorted((f.confidence for f in findings), reverse=True)
    for finding in findings:
        box = finding.bounding_box
        start, length = (box.top, box.height) if upright else (box.left, box.width)
        assert place - 16 <= start * 4096 < (start + length) * 4096 <= place + 512 + 16
        assert 0 <= box.left < box.left + box.width <= 1 + 1e-6
        assert 0 <= box.top < box.top + box.height <= 1 + 1e-6


def test_the_same_thing_seen_in_two_parts_is_one_finding(detector: NudeNet) -> None:
    """No two findings of one label overlap by more than the package allows."""
    strip = Image.new("RGB", (2048, 512), (70, 110, 150))
    strip.paste(images.positive(1), (640, 0))
    boxes = [(f.label, f.bounding_box) for f in detector.detect(strip)]
    findings = [(label, (box.left, box.top, box.width, box.height)) for label, box in boxes]
    assert findings
    for i, (label, box) in enumerate(findings):
        for other, box_of_other in findings[:i]:
            assert label != other or detector_module._overlap(box, box_of_other) <= 0.45


@pytest.mark.parametrize(
    ("size", "count"),
    [((512, 512), 0), ((1024, 512), 0), ((1025, 512), 4), ((4096, 512), 15), ((32, 10_000), 31), ((10_000, 40), 31)],
)
def test_long_pictures_are_divided_without_a_gap(size: tuple[int, int], count: int) -> None:
    """Parts overlap by half or more, reach from end to end, and are at most 31."""
    parts = detector_module._parts(*size)
    assert len(parts) == count
    along = 0 if size[0] >= size[1] else 1
    if parts:
        assert parts[0][:2] == (0, 0)
        assert parts[-1][2:] == size
    for before, after in itertools.pairwise(parts):
        length = before[along + 2] - before[along]
        assert 0 < after[along] - before[along] <= length / 2 + 1


def test_the_detector_leaves_nothing_behind_and_reports_to_nobody(tmp_path: Path) -> None:
    """ONNX Runtime keeps its telemetry in the home folder; with it off, nothing is written there."""
    program = "from services.image_moderation.detectors.nudenet import NudeNet; NudeNet()"
    environment = {key: value for key, value in os.environ.items() if key not in ("ORT_DISABLE_TELEMETRY", "CI")}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd=Path(__file__).parents[2])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
