"""The shadow: other terms, models and thresholds beside those in force, seen in logs alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.text_moderation.v1 import text_moderation_pb2 as pb
from services.common import deadline
from services.common.moderation import Moderation, Thresholds, Verdict
from services.common.server import StartError
from services.text_moderation.shadow import LONGEST_S, SILENCE_S, Shadow, differences
from tests.support.text import NOT_SERVING, SERVING, Logged, Running, entries, logging_to, remove, serving, write

MARK = "a heliotrope at the end"
"""What only the shadow of these tests flags. The shadow takes texts in turn: once it is logged, so are those before."""


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    with logging_to(capsys) as lines:
        yield lines


@pytest.fixture
def lexicon(tmp_path: Path) -> Path:
    return write(tmp_path / "lexicon.yaml", entries("flower", "lantern"))


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write(tmp_path / "new.yaml", entries("flower", "harbour", "heliotrope"))


async def differing(service: Running, logged: Logged) -> list[dict[str, Any]]:
    """The lines of the texts that the shadow has been given so far."""

    def marks() -> int:
        return sum(line["characters"] == len(MARK) for line in logged("shadow.differs"))

    before = marks()
    await service.moderate(MARK)
    while marks() == before:
        await service.moderate("nothing")
    return logged("shadow.differs")[:-1]


async def test_only_differences_are_logged(lexicon: Path, new: Path, logged: Logged) -> None:
    """With the call's id, both versions, what was found by which, and neither the text nor its words."""
    async with serving(lexicon=lexicon, shadow_lexicon=new) as service:
        for text in ("a garden", "a flower", "a fl0wer and a lantern", "my h.a.r.b.o.u.r"):
            await service.moderate(text)
        lost, found = await differing(service, logged)
        version = await service.version()
    assert (
        lost
        | {
            "level": "info",
            "characters": 22,
            "detector": "terms",
            "version_old": version,
            "flagged_old": True,
            "flagged_new": True,
            "findings": [
                {
                    "category": "denied_topic",
                    "label": "acme.lantern",
                    "span": [15, 22],
                    "confidence_old": 1.0,
                    "confidence_new": None,
                    "flagged_old": True,
                    "flagged_new": False,
                }
            ],
        }
        == lost
    )
    assert lost["version_new"] == found["version_new"] != version
    assert (found["flagged_old"], found["flagged_new"]) == (False, True)
    assert [(each["label"], each["span"]) for each in found["findings"]] == [("acme.harbour", [3, 16])]
    finished = [line["request_id"] for line in logged("rpc.finished")]
    assert finished.index(lost["request_id"]) < finished.index(found["request_id"])
    assert not {"text", "term"} & {*lost, *found, *found["findings"][0]}


async def test_the_text_is_logged_where_the_operator_asks_for_prompts(lexicon: Path, new: Path, logged: Logged) -> None:
    async with serving(lexicon=lexicon, shadow_lexicon=new, log_prompts=True) as service:
        await service.moderate("a lantern")
        [line] = await differing(service, logged)
    assert line["text"] == "a lantern"


async def test_no_answer_is_another_with_a_shadow(lexicon: Path, new: Path) -> None:
    """Not its verdict, findings, runs or versions, and nothing else of it than the time it took."""

    async def answers(**settings: Any) -> list[pb.ModerateTextResponse]:
        async with serving(lexicon=lexicon, detectors=("terms", "classifier"), **settings) as service:
            given = [
                await service.moderate(text, run_all_detectors=run_all)
                for text in ("a garden", "a flower", "lantern harbour", "my harbour", "you are all filthy animals")
                for run_all in (False, True)
            ]
        for response in given:
            for run in response.detector_runs:
                run.ClearField("duration")
        return given

    plain = await answers()
    assert plain == await answers(shadow_lexicon=new, shadow_thresholds={"denied_topic": 0.1})
    assert plain == await answers(shadow_lexicon=new.with_name("missing.yaml"), shadow_detectors=("terms",))


async def test_what_no_shadow_setting_names_is_as_in_force(tmp_path: Path, lexicon: Path, logged: Logged) -> None:
    """Term files in the shadow stand in the place of those in force, over the same lexicon."""
    terms, allow = write(tmp_path / "t.yaml", entries("castle")), write(tmp_path / "a.yaml", "allow: [my castle]\n")
    more = write(tmp_path / "m.yaml", entries("heliotrope"))
    async with serving(
        lexicon=lexicon, term_files=(terms,), allow_files=(allow,), shadow_term_files=(more,)
    ) as service:
        for text in ("a flower", "my castle", "a castle"):
            await service.moderate(text)
        [line] = await differing(service, logged)
    assert [each["label"] for each in line["findings"]] == ["acme.castle"]


async def test_a_detector_may_be_tried_in_the_shadow_alone(lexicon: Path, new: Path, logged: Logged) -> None:
    """It is held against one that finds nothing, and has no version in force."""
    async with serving(lexicon=lexicon, shadow_lexicon=new, shadow_detectors=("terms", "classifier")) as service:
        await service.moderate("they are vermin and should all be wiped off the face of the earth")
        [line] = await differing(service, logged)
    assert (line["detector"], line["version_old"]) == ("classifier", None)
    assert line["version_new"]
    assert (line["flagged_old"], line["flagged_new"]) == (False, True)
    assert all(each["confidence_old"] is None and each["confidence_new"] >= 0.5 for each in line["findings"])


async def test_thresholds_may_be_tried_and_stand_above_those_of_a_request(tmp_path: Path, logged: Logged) -> None:
    lexicon = write(
        tmp_path / "lexicon.yaml", entries("flower", strength=0.6) + entries("heliotrope").split("\n", 1)[1]
    )
    request = finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_DENIED_TOPIC, threshold=0.9)
    async with serving(
        lexicon=lexicon, thresholds={"denied_topic": None}, shadow_thresholds={"denied_topic": 0.5}
    ) as service:
        assert await service.state("shadow") == SERVING
        assert not (await service.moderate("a flower", thresholds=[request])).flagged
        [line] = await differing(service, logged)
    assert [(each["confidence_old"], each["confidence_new"]) for each in line["findings"]] == [(0.6, 0.6)]
    assert line["version_old"] == line["version_new"]


async def test_a_wrong_file_turns_the_shadow_off_and_nothing_else(lexicon: Path, new: Path, logged: Logged) -> None:
    """At the start and later, until it is repaired; the service and its own lexicon are SERVING all the while."""
    content = entries("heliotrope")
    remove(new)
    async with serving(lexicon=lexicon, shadow_lexicon=new) as service:
        assert (await service.moderate("a flower")).flagged
        assert [await service.state(part) for part in ("", "lexicon", "shadow")] == [SERVING, SERVING, NOT_SERVING]
        write(new, content)
        await service.until("shadow", SERVING)
        assert await differing(service, logged) == []
        write(new, "entries: 7")
        await service.until("shadow", NOT_SERVING)
        assert (await service.moderate(MARK)).flagged is False
        write(new, content)
        await service.until("shadow", SERVING)
        await service.moderate("a flower")
        assert len(await differing(service, logged)) == 2
    first, second = logged("reload.refused")
    assert first | {"level": "error", "part": "shadow lexicon", "in_force": None} == first
    assert first["problems"] == [f"{new}: cannot be read: No such file or directory"]
    assert second["problems"] == [f"{new}:1: `entries` must be a list"]


async def test_a_wrong_file_in_force_stops_the_start_with_a_shadow_too(lexicon: Path, new: Path) -> None:
    remove(lexicon)
    with pytest.raises(StartError, match=r"lexicon\.yaml: cannot be read"):
        async with serving(lexicon=lexicon, shadow_lexicon=new):
            pytest.fail("started all the same")


class Held:
    """A detector that stands still until it is let go; flags everything."""

    name, version = "held", "1"

    def __init__(self) -> None:
        self.begun, self.let_go, self.done = threading.Event(), threading.Event(), threading.Semaphore(0)

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        self.begun.set()
        self.let_go.wait()
        self.done.release()
        if subject == "fault":
            raise RuntimeError(subject)
        return [finding_pb2.Finding(category=1, label="x", confidence=1, detector=self.name)]


class Call:
    """A call that is answered when it is told so."""

    def __init__(self) -> None:
        self.answered: list[Callable[[Any], None]] = []

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.answered.append(callback)

    def answer(self) -> None:
        for callback in self.answered:
            callback(self)


def test_what_finds_no_room_is_counted_and_told_once_a_minute(logged: Logged) -> None:
    """Nobody waits for the shadow: not the call, which it looks at once answered, and not who closes it."""
    held, now = Held(), [0.0]
    shadow = Shadow(lambda: Moderation([held], Thresholds(0.5, {})), (), queue_size=1, clock=lambda: now[0])

    def follow(text: str = "text") -> None:
        call = Call()
        shadow.follow(call, pb.ModerateTextRequest(text=text), Verdict())
        call.answer()

    unanswered = Call()
    shadow.follow(unanswered, pb.ModerateTextRequest(text="never answered"), Verdict())
    follow("fault")
    assert held.begun.wait(30)
    follow()
    for _ in range(3):
        follow()
    now[0] += SILENCE_S
    follow()
    assert [(line["texts"], line["queue"], line["level"]) for line in logged("shadow.dropped")] == [
        (1, 1, "warning"),
        (3, 1, "warning"),
    ]
    follow()
    held.let_go.set()
    for _ in range(2):
        assert held.done.acquire(timeout=30)
    shadow.close()
    unanswered.answer()
    assert [line["texts"] for line in logged("shadow.dropped")] == [1, 3, 1]
    assert [line["kind"] for line in logged("shadow.failed")] == ["RuntimeError"]
    assert "fault" not in str(logged("shadow.failed")[0].values())


def test_the_shadow_has_time_of_its_own() -> None:
    """A detector in the cloud may take it, though the call was answered in its last moment."""

    class Asking:
        name, version = "asking", "1"

        def detect(self, subject: str) -> list[finding_pb2.Finding]:
            told.put(deadline.remaining())
            return []

    told: queue.Queue[float | None] = queue.Queue()
    shadow, call = Shadow(lambda: Moderation([Asking()], Thresholds(0.5, {})), (), queue_size=1), Call()
    with deadline.bound(0):
        shadow.follow(call, pb.ModerateTextRequest(text="text"), Verdict())
    call.answer()
    left = told.get(timeout=30)
    shadow.close()
    assert left is not None
    assert LONGEST_S / 2 < left <= LONGEST_S


def verdict(flagged: dict[str, bool | None]) -> Verdict:
    """By detector: whether its one finding counts; None where the detector was spared."""
    runs, findings = [], []
    for name, counts in flagged.items():
        status = "SKIPPED" if counts is None else "RAN"
        runs.append(
            detector_run_pb2.DetectorRun(
                detector=name, status=detector_run_pb2.DetectorRunStatus.Value(f"DETECTOR_RUN_STATUS_{status}")
            )
        )
        if counts is not None:
            findings.append(finding_pb2.Finding(category=1, label="x", detector=name, flagged=counts))
    return Verdict(any(flagged.values()), findings, runs)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": True}, {"a": True}, []),
        ({"a": False}, {"a": False}, []),
        ({"a": False}, {"a": True}, ["a"]),
        ({"a": True, "b": None}, {"a": False, "b": True}, ["a"]),
        ({"a": False, "b": True}, {"a": False, "b": False}, ["b"]),
        ({"a": True}, {}, ["a"]),
        ({}, {"a": True, "b": False}, ["a"]),
    ],
)
def test_detectors_that_ran_in_both_are_compared(
    old: dict[str, bool | None], new: dict[str, bool | None], expected: list[str]
) -> None:
    """By what counts; one that there is in one of them only is held against one that finds nothing."""
    assert [each["detector"] for each in differences(verdict(old), verdict(new))] == expected
