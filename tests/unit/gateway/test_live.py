"""Frames, positions, and which log lines were told already."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.client.sse import parse
from headwater_server.gateway.live.feed import Feed, Lines
from headwater_server.gateway.live.lines import Told, comparable
from headwater_server.gateway.live.sse import HEARTBEAT, frame, position, read_position
from headwater_server.kit.errors import InvalidArgument

T0 = datetime(2026, 11, 23, 20, tzinfo=UTC)


@given(
    data=st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4), event=st.text(min_size=1, max_size=20)
)
def test_the_client_reads_what_the_server_frames(data, event):
    raw = (
        frame(event, json.dumps(data, ensure_ascii=False).replace("\n", " ").encode("utf-8", "replace"), "1-2")
        + HEARTBEAT
    )
    found = list(parse(line + b"\n" for line in raw.split(b"\n")))
    assert len(found) == 1 and found[0][1] == "1-2"


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_positions_are_read_back(first, second):
    assert read_position(position(first, second)) == (first, second)


@pytest.mark.parametrize("text", ["x", "1", "-1-2", "1-2-3", "1-" + "9" * 20, " 1-2"])
def test_foreign_ids_are_refused(text):
    with pytest.raises(InvalidArgument):
        read_position(text)


def chunk(lines, task="0"):
    told = []
    for millis, text in lines:
        at = (T0 + timedelta(milliseconds=millis)).isoformat().replace("+00:00", "Z")
        told.append({"stream": "LOG_STREAM_STDOUT", "time": at, "text": text})
    return {"key": {"runId": "r", "step": "s"}, "taskId": task, "attempt": 1, "lines": told}


@given(
    times=st.lists(st.integers(0, 5), max_size=20).map(sorted),
    stored=st.integers(0, 20),
    begins=st.integers(0, 20),
    cuts=st.sets(st.integers(1, 19), max_size=5),
)
def test_the_past_and_the_live_lines_make_the_whole(times, stored, begins, cuts):
    """However many lines were stored when asked, wherever the live ones began before that, however they are cut."""
    lines = [(millis, f"line {n}") for n, millis in enumerate(times)]
    stored = min(stored, len(lines))
    # Live ones begin in the overlap: the first of equal times, as a worker flushes them together.
    begins = min(begins, stored)
    while 0 < begins < len(lines) and lines[begins][0] == lines[begins - 1][0]:
        begins -= 1
    told, got = Told(), []
    for part in _cut(lines[:stored], cuts):
        got.append(told.past(chunk(part)))
    for part in _cut(lines[begins:], cuts):
        got.append(told.live(chunk(part)))
    assert [line["text"] for each in got if each for line in each["lines"]] == [text for _, text in lines]
    assert told.newest_ms == (int(T0.timestamp() * 1000) + times[-1] if times else 0)


def _cut(lines, cuts):
    edges = [0, *sorted(c for c in cuts if c < len(lines)), len(lines)]
    return [lines[a:b] for a, b in pairwise(edges) if a < b]


def test_a_resume_tells_what_is_newer_and_a_little_more():
    told = Told(int(T0.timestamp() * 1000) + 10_000)
    got = told.past(chunk([(1000, "old"), (7000, "before"), (8500, "slack"), (12_000, "new")]))
    assert got and [line["text"] for line in got["lines"]] == ["slack", "new"]
    assert told.live(chunk([(12_000, "new")])) is None and told.live(chunk([(1, "other task")], "1"))


def test_times_sort_as_text():
    times = [
        "2026-11-23T20:00:00Z",
        "2026-11-23T20:00:00.000000001Z",
        "2026-11-23T20:00:00.100Z",
        "2026-11-23T20:00:01Z",
    ]
    assert sorted(times, key=comparable) == times


async def test_a_feed_is_bounded():
    feed = Feed()
    item = Lines("p", {}, 1)
    assert await feed.take(0.001) == []
    feed.put(item, 1)
    assert await feed.take(1) == [item] and not feed.cut.is_set()
    feed.put(item, Feed.MOST_BYTES + 1)
    assert feed.cut.is_set() and await feed.take(1) == []
    many = Feed()
    for _ in range(Feed.MOST + 1):
        many.put(item, 1)
    assert many.cut.is_set()
    waiting = asyncio.create_task(Feed.take(other := Feed(), 5))
    await asyncio.sleep(0)
    other.close()
    assert await waiting == []
