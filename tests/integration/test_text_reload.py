"""Files of terms and models that change while the service runs: real files, a real server, health watched."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.executor import BoundedExecutor
from services.common.server import StartError, running
from services.text_moderation.app import FULL_NAME, build
from services.text_moderation.classifier import model
from services.text_moderation.reload import Loaded, Reloading, Source, fingerprint
from services.text_moderation.settings import Settings
from tests.support.text import NOT_SERVING, SERVING, Logged, entries, logging_to, remove, serving, write


@pytest.fixture
def lexicon(tmp_path: Path) -> Path:
    return write(tmp_path / "lexicon.yaml", entries("flower"))


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    with logging_to(capsys) as lines:
        yield lines


async def test_a_changed_lexicon_is_taken_up_without_a_restart(lexicon: Path, logged: Logged) -> None:
    """The response's version changes, and a log line says from which to which and with how many entries."""
    async with serving(lexicon=lexicon) as service:
        assert (await service.moderate("a flower")).flagged
        old = await service.version()
        write(lexicon, entries("lantern", "harbour"))
        new = await service.until_replaced(old)
        assert not (await service.moderate("a flower")).flagged
        assert (await service.moderate("a h4rbour")).flagged
        assert await service.state("lexicon") == SERVING
    [line] = logged("reload.replaced")
    assert line | {"part": "lexicon", "old": old, "new": new, "entries": 2, "allowed": 0, "level": "info"} == line


async def test_term_files_and_allow_files_are_taken_up(lexicon: Path, tmp_path: Path) -> None:
    terms, allow = write(tmp_path / "terms.yaml", entries("lantern")), write(tmp_path / "allow.yaml", "allow: [a b]\n")
    async with serving(lexicon=lexicon, term_files=(terms,), allow_files=(allow,)) as service:
        assert (await service.moderate("flower lantern")).flagged
        old = await service.version()
        write(allow, "allow: [flower lantern]\n")
        old = await service.until_replaced(old)
        assert not (await service.moderate("flower lantern")).flagged
        write(terms, entries("harbour"))
        await service.until_replaced(old)
        assert (await service.moderate("harbour")).flagged


async def test_a_file_that_does_not_parse_keeps_the_old_one_in_force(lexicon: Path, logged: Logged) -> None:
    """Health says so under the lexicon's own name, and the log with file, line and reason, once per bad content."""
    async with serving(lexicon=lexicon) as service:
        old = await service.version()
        write(lexicon, "entries:\n  - {id: a, category: rudeness, term: x}\n")
        await service.until("lexicon", NOT_SERVING)
        assert (await service.moderate("a flower")).flagged
        assert await service.version() == old
        assert await service.state() == SERVING

        write(lexicon, entries("lantern"))
        await service.until("lexicon", SERVING)
        assert (await service.moderate("a lantern")).flagged

        write(lexicon, "entries: [")
        await service.until("lexicon", NOT_SERVING)
        write(lexicon, entries("lantern"))
        await service.until("lexicon", SERVING)
    first, second = logged("reload.refused")
    assert first["level"] == "error"
    assert first["in_force"] == old
    [problem] = first["problems"]
    assert problem.startswith(f"{lexicon}:2: category must be a category of safelight.common.v1")
    assert "is not YAML" in second["problems"][0]
    # The second repair brings back what was in force all the while.
    assert len(logged("reload.replaced")) == len(logged("reload.repaired")) == 1


async def test_everything_wrong_in_all_files_is_said_at_once(lexicon: Path, tmp_path: Path, logged: Logged) -> None:
    terms = write(tmp_path / "terms.yaml", entries("lantern"))
    async with serving(lexicon=lexicon, term_files=(terms,)) as service:
        write(terms, "entries:\n  - {id: a, term: x}\n  - {id: b, category: hate}\n")
        await service.until("lexicon", NOT_SERVING)
    [line] = logged("reload.refused")
    assert [problem.split(": ")[0] for problem in line["problems"]] == [f"{terms}:2", f"{terms}:3"]


async def test_a_folder_may_gain_and_lose_files(tmp_path: Path) -> None:
    folder = tmp_path / "lexicon"
    folder.mkdir()
    write(folder / "a.yaml", entries("flower"))
    async with serving(lexicon=folder) as service:
        old = await service.version()
        write(folder / "b.yaml", entries("lantern"))
        old = await service.until_replaced(old)
        assert (await service.moderate("a lantern")).flagged
        (folder / "a.yaml").unlink()
        await service.until_replaced(old)
        assert not (await service.moderate("a flower")).flagged
        (folder / "b.yaml").unlink()
        await service.until("lexicon", NOT_SERVING)
        assert (await service.moderate("a lantern")).flagged


async def test_a_symbolic_link_that_is_set_anew_is_seen(tmp_path: Path) -> None:
    """As Kubernetes replaces a ConfigMap: the files are links through `..data`, which is swapped in one step."""
    for number, term in enumerate(("flower", "lantern")):
        folder = tmp_path / f"..{number}"
        folder.mkdir()
        write(folder / "terms.yaml", entries(term))
    mounted = tmp_path / "terms.yaml"
    (tmp_path / "..data").symlink_to("..0")
    mounted.symlink_to(Path("..data") / "terms.yaml")
    async with serving(lexicon=mounted) as service:
        old = await service.version()
        (tmp_path / "..data_tmp").symlink_to("..1")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        shutil.rmtree(tmp_path / "..0")
        await service.until_replaced(old)
        assert (await service.moderate("a lantern")).flagged


async def test_a_deleted_file_leaves_its_terms_in_force_until_it_is_back(lexicon: Path, logged: Logged) -> None:
    async with serving(lexicon=lexicon) as service:
        old = await service.version()
        remove(lexicon)
        await service.until("lexicon", NOT_SERVING)
        assert (await service.moderate("a flower")).flagged
        write(lexicon, entries("flower"))
        await service.until("lexicon", SERVING)
        assert await service.version() == old
    [line] = logged("reload.refused")
    assert line["problems"] == [f"{lexicon}: cannot be read: No such file or directory"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_leaves_its_terms_in_force(lexicon: Path) -> None:
    async with serving(lexicon=lexicon) as service:
        os.chmod(lexicon, 0)
        await service.until("lexicon", NOT_SERVING)
        assert (await service.moderate("a flower")).flagged
        os.chmod(lexicon, 0o600)
        await service.until("lexicon", SERVING)


async def test_a_folder_in_the_place_of_a_file_is_an_error_like_any_other(tmp_path: Path, lexicon: Path) -> None:
    terms = write(tmp_path / "terms.yaml", entries("lantern"))
    async with serving(lexicon=lexicon, term_files=(terms,)) as service:
        remove(terms)
        terms.mkdir()
        await service.until("lexicon", NOT_SERVING)
        assert (await service.moderate("a lantern")).flagged


def test_content_counts_and_not_times(lexicon: Path) -> None:
    """What is written anew as it was is no change, and neither is another name for it."""
    before = fingerprint([lexicon])
    os.utime(write(lexicon, entries("flower")))
    link = lexicon.with_name("link.yaml")
    link.symlink_to(lexicon)
    assert fingerprint([lexicon]) == fingerprint([link]) == before
    assert fingerprint([write(lexicon, entries("flowes"))]) != before
    assert fingerprint([lexicon, lexicon]) != fingerprint([lexicon])


@dataclass(frozen=True)
class Content:
    """What a file says, as its own version."""

    version: str


async def test_what_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    """A file that is being written is taken up when it stands still, and what was read of it before never."""
    path = write(tmp_path / "file", "0")
    rest = ["3", "2"]

    def load() -> Loaded[Content]:
        read = path.read_text()
        if read != "0" and rest:
            write(path, rest.pop())
        return Loaded(Content(read))

    told: list[bool] = []
    reloading, executor = (
        Reloading(Source("file", (path,), load), told.append),
        BoundedExecutor("f", workers=1, queue=0),
    )
    await reloading.load(executor)
    seen = []
    write(path, "1")
    for _ in range(4):
        await reloading.look(executor, 0)
        assert reloading.value is not None
        seen.append(reloading.value.version)
    assert seen == ["0", "0", "3", "3"]
    assert told == [True, True]
    executor.close()


async def test_a_fault_in_reading_is_an_error_of_the_file_and_ends_no_watch(tmp_path: Path, logged: Logged) -> None:
    path = write(tmp_path / "file", "0")

    def load() -> Loaded[Content]:
        return Loaded(Content(str(1 / (2 - int(path.read_text())))))

    told: list[bool] = []
    reloading, executor = (
        Reloading(Source("file", (path,), load), told.append),
        BoundedExecutor("f", workers=1, queue=0),
    )
    await reloading.load(executor)
    for content in "21":
        write(path, content)
        await reloading.look(executor, 0)
    assert told == [True, False, True]
    assert logged("reload.refused")[0]["problems"] == ["cannot be loaded: ZeroDivisionError"]
    executor.close()


async def test_calls_see_the_old_or_the_new_and_never_an_error(tmp_path: Path) -> None:
    """Two files change together; every answer in between is by both as they were or both as they are."""
    folder = tmp_path / "lexicon"
    folder.mkdir()
    write(folder / "terms.yaml", entries("flower", "lantern"))
    async with serving(lexicon=folder, workers=4) as service:
        text = "flower lantern harbour castle"
        allowed = {frozenset({"acme.flower", "acme.lantern"}), frozenset({"acme.harbour", "acme.castle"})}
        versions: dict[str, frozenset[str]] = {}
        done = asyncio.Event()

        async def ask() -> None:
            while not done.is_set():
                response = await service.moderate(text)
                labels = frozenset(finding.label for finding in response.findings)
                assert labels in allowed
                assert versions.setdefault(response.detector_runs[0].version, labels) == labels

        async with asyncio.TaskGroup() as callers:
            for _ in range(8):
                callers.create_task(ask())
            for terms in [("harbour", "castle"), ("flower", "lantern")] * 3:
                old = await service.version()
                write(folder / "terms.yaml", entries(*terms))
                await service.until_replaced(old)
            done.set()
    assert set(versions.values()) == allowed


async def test_the_classifiers_model_file_is_taken_up_too(tmp_path: Path, logged: Logged) -> None:
    path = tmp_path / "model.npz"
    shutil.copy(model.SHIPPED, path)
    async with serving(detectors=("classifier",), model=path) as service:
        old = await service.version()
        write(path, b"PK\x03\x04 and nothing more")
        await service.until("model", NOT_SERVING)
        assert await service.version() == old
        shutil.copy(model.SHIPPED, path)
        await service.until("model", SERVING)
    [line] = logged("reload.refused")
    assert line["problems"][0].startswith(f"{path}: is not a model file of the text classifier")


async def test_files_are_read_once_where_that_is_asked_for(lexicon: Path) -> None:
    async with serving(lexicon=lexicon, reload_interval_s=0) as service:
        remove(lexicon)
        assert (await service.moderate("a flower")).flagged
        assert await service.state("lexicon") == SERVING


async def test_parts_are_told_apart_from_what_there_is_not(lexicon: Path) -> None:
    """Health knows the lexicon of a service without a classifier, and no model."""
    async with serving(lexicon=lexicon) as service:
        assert await service.state("lexicon") == SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await service.state("model")
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_watch_of_a_part_ends_with_the_service(lexicon: Path) -> None:
    """NOT_SERVING is the last that a watcher hears, as for the service itself."""
    async with (
        running(build(Settings(port=0, detectors=("terms",), lexicon=lexicon))) as [service],
        grpc.aio.insecure_channel(service.address) as channel,
    ):
        request = health_pb2.HealthCheckRequest(service=f"{FULL_NAME}/lexicon")
        heard = health_pb2_grpc.HealthStub(channel).Watch(request)
        assert (await heard.read()).status == SERVING
        stop = asyncio.create_task(service.stop())
        assert (await heard.read()).status == NOT_SERVING
        assert await heard.read() is grpc.aio.EOF
        await stop


@pytest.mark.parametrize("setting", ["lexicon", "model"])
async def test_a_file_that_is_not_there_at_the_start_stops_it(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "missing"
    with pytest.raises(StartError, match=f"{path}: cannot be read"):
        async with serving(detectors=("terms", "classifier"), **{setting: path}):
            pytest.fail("started all the same")
