"""The parts of the node agent that need no bus: outcomes, lines, settings, packages, the cache, messages."""

import io
import os
import signal
import tarfile
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_server.executor.node import blobs, logs, outcomes, wire
from headwater_server.executor.node.packages import BadPackage, unpack
from headwater_server.executor.node.settings import parse


@pytest.mark.parametrize(
    ("status", "more", "code", "text"),
    [
        (signal.SIGSEGV, {}, "KILLED", "SIGSEGV"),
        (signal.SIGKILL, {}, "KILLED", "SIGKILL"),
        (signal.SIGKILL, {"out_of_memory": True}, "OUT_OF_MEMORY", "ran out of memory"),
        (signal.SIGSEGV, {"out_of_memory": True}, "KILLED", "SIGSEGV"),
        (signal.SIGKILL, {"timed_out": 1.5}, "TIMEOUT", "1.5 s"),
        (3 << 8, {}, "EXITED", "exit status 3"),
        (0, {}, "EXITED", "exit status 0"),
        (None, {}, "KILLED", "vanished"),
    ],
)
def test_a_death_has_a_cause(status: int | None, more: dict[str, Any], code: str, text: str) -> None:
    failure = outcomes.of_death("fit", status, **more)
    assert failure["code"] == code and text in failure["message"] and "fit" in failure["message"]
    assert failure["hint"] and failure["retryable"]
    if status == signal.SIGKILL and code == "KILLED":
        assert "memory" in failure["hint"]


def test_a_result_that_is_not_ours_is_a_failure() -> None:
    assert outcomes.of_result({"manifest": 3})[1]["code"] == "KILLED"
    assert outcomes.of_result({"failure": {"code": "USER_ERROR", "evil": 1}})[1] == {"code": "USER_ERROR"}


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=30_000), max_size=5),
    st.integers(1, 20_000),
)
def test_lines_survive_any_cut(lines: list[str], piece: int) -> None:
    data = "\n".join(lines).encode()
    cutter = logs.Cutter()
    found: list[bytes] = []
    for at in range(0, len(data), piece):
        found += cutter.feed(data[at : at + piece])
    found += cutter.rest()
    assert all(len(line) <= logs.MAX_LINE for line in found)
    assert b"".join(found) == data.replace(b"\n", b"")
    for line in found:
        line.decode()  # no character was split
    if all(len(line.encode()) <= logs.MAX_LINE for line in lines):
        assert [line.decode() for line in found] == (lines if lines and lines[-1] else lines[:-1])


class Told:
    """A sink that keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def put(self, data: bytes, ident: str) -> None:
        self.lines += [(line["stream"], line["text"]) for line in msgspec.json.decode(data)["lines"]]


def _logs(most: int | None) -> tuple[logs.AttemptLogs, Told]:
    told = Told()
    key = wire.TaskKey(run_id="r", step="s")
    task = wire.Assignment(key, wire.Code("p"), step=wire.Step(max_log_mb=most))
    return logs.AttemptLogs(task, told), told  # type: ignore[arg-type]


async def test_each_stream_is_cut_at_the_limit_of_its_step() -> None:
    written, told = _logs(1)
    line = b"x" * 1023 + b"\n"
    written.feed(logs.STDOUT, line * 1000)
    written.feed(logs.STDOUT, line * 1000)
    written.feed(logs.STDERR, b"still heard\nlast")
    written.say("and the worker")
    written.finish()
    assert [text for stream, text in told.lines if stream == logs.STDOUT][1022:] == ["x" * 1023, logs.TRUNCATED]
    assert told.lines[-3:] == [(logs.STDERR, "still heard"), (logs.SYSTEM, "and the worker"), (logs.STDERR, "last")]


@pytest.mark.parametrize(("most", "kept"), [(0, ["[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"]), (None, ["a", "b"])])
async def test_a_limit_of_nothing_and_none(most: int | None, kept: list[str]) -> None:
    written, told = _logs(most)
    written.feed(logs.STDOUT, b"a\nb\n")
    written.finish()
    assert [text for _, text in told.lines] == kept


@pytest.mark.parametrize(
    ("argv", "env", "text"),
    [
        (["--slots", "0"], {}, "0 is not within 1"),
        (["--slots", "many"], {}, "'many' is not a whole number"),
        (["--pool", "a.b"], {}, "--pool 'a.b'"),
        (["--label", "x"], {}, "'x' is not KEY=VALUE"),
        ([], {"HEADWATER_NATS_SEED": "/nowhere/x.nk"}, "HEADWATER_NATS_SEED=/nowhere/x.nk: there is no such file"),
        ([], {"HEADWATER_LOG_LEVEL": "loud"}, "HEADWATER_LOG_LEVEL=loud"),
        ([], {"HEADWATER_LOG_FORMAT": "xml"}, "HEADWATER_LOG_FORMAT=xml"),
        ([], {"HEADWATER_CACHE_MB": "lots"}, "'lots' is not a whole number"),
    ],
)
def test_bad_settings_are_named(
    argv: list[str], env: dict[str, str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(argv, env)
    assert ended.value.code == 2 and text in capsys.readouterr().err


def test_settings_of_flags_and_environment() -> None:
    found = parse(["--pool", "gpu", "--cache-mb", "100"], {"HEADWATER_HOME": "/h", "HEADWATER_URL": "http://x"})
    assert (found.identity, found.cache, found.cache_bytes) == ("worker-gpu", Path("/h/cache"), 100 << 20)


def archive(path: Path, *members: tuple[str, bytes, str]) -> Path:
    """(name, tar type, link target or content)."""
    with tarfile.open(path, "w") as tar:
        for name, kind, text in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o6755
            if kind == tarfile.REGTYPE:
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
            else:
                info.linkname = text
                tar.addfile(info)
    return path


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([("/etc/evil", tarfile.REGTYPE, "x")], "leads out"),
        ([("a/../../evil", tarfile.REGTYPE, "x")], "leads out"),
        ([("dev", tarfile.CHRTYPE, "")], "neither a file"),
        ([("pipe", tarfile.FIFOTYPE, "")], "neither a file"),
        ([("hard", tarfile.LNKTYPE, "/etc/passwd")], "neither a file"),
        ([("link", tarfile.SYMTYPE, "/etc")], "absolute path"),
        ([("a/link", tarfile.SYMTYPE, "../../etc")], "leads out"),
        ([("link", tarfile.SYMTYPE, "."), ("link/x", tarfile.REGTYPE, "x")], "through a link"),
    ],
)
def test_an_archive_cannot_write_elsewhere(tmp_path: Path, members: list[tuple[str, bytes, str]], text: str) -> None:
    bad = archive(tmp_path / "bad.tar", ("fine.py", tarfile.REGTYPE, "1"), *members)
    with pytest.raises(BadPackage, match=text):
        unpack(bad, tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []


def test_a_package_is_unpacked_plainly(tmp_path: Path) -> None:
    good = archive(
        tmp_path / "good.tar",
        ("pkg", tarfile.DIRTYPE, ""),
        ("pkg/run.sh", tarfile.REGTYPE, "echo"),
        ("pkg/again", tarfile.SYMTYPE, "run.sh"),
    )
    unpack(good, tmp_path / "target")
    script = tmp_path / "target" / "pkg" / "run.sh"
    assert script.read_text() == "echo" and script.stat().st_mode & 0o7777 == 0o555
    assert (tmp_path / "target" / "pkg" / "again").read_text() == "echo"
    (tmp_path / "none.tar").write_bytes(b"not a tar at all" * 100)
    with pytest.raises(BadPackage, match="not a tar"):
        unpack(tmp_path / "none.tar", tmp_path / "other")


async def test_the_cache_drops_what_was_not_used_for_longest(tmp_path: Path) -> None:
    cache = blobs.BlobCache(tmp_path / "blobs", 1 << 30)
    cache.open()
    for number in range(6):
        source = cache.temporary()
        source.write_bytes(bytes(1000))
        cache.adopt(source, f"{number:064x}")
        os.utime(cache.path(f"{number:064x}"), (1, time.time() - 3600 + number))
    cache = blobs.BlobCache(tmp_path / "blobs", 4000)
    assert cache.find(f"{0:064x}")  # in use again
    cache._evict()
    left = [number for number in range(6) if cache.path(f"{number:064x}").exists()]
    assert left == [0, 4, 5]
    again = blobs.BlobCache(tmp_path / "blobs", 4000)
    again.open()
    assert again._size == 3000


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "truncated"),
        (b'{"key": {"runId": "r", "step": "s"}}', "code"),
        (b'{"key": {"runId": "r"}, "code": {"package": "p"}}', "step"),
        (b'{"key": {"runId": "r", "step": "s"}, "code": {"package": "p"}, "step": {"timeout": "soon"}}', "timeout"),
    ],
)
def test_a_message_that_is_no_assignment_says_why(body: bytes, text: str) -> None:
    with pytest.raises(msgspec.MsgspecError, match=text):
        wire.read_assignment(body)


def test_an_assignment_knows_its_names() -> None:
    body = b'{"key": {"runId": "r.1", "step": "fit", "path": "2", "index": 7}, "code": {"package": "p"}, "attempt": 3, '
    body += b'"frames": [{"step": "a", "index": 2}, {"step": "b", "index": 7}], "step": {"timeout": "1.5s", "line": 9}}'
    task = wire.read_assignment(body)
    assert (task.task_id, task.timeout, task.raw) == ("2.7", 1.5, body)
    assert task.logs_subject == "hw.logs.v1.default.r_1.fit-2_7" and task.metrics_subject == "hw.metrics.v1.default.r_1"
    assert (
        wire.age(wire.read_assignment(body[:-1] + b', "dispatchedAt": "2020-01-01T00:00:00.123456789Z"}').dispatched_at)
        > 1
    )  # type: ignore[arg-type]
