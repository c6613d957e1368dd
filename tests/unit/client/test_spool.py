"""The spool on disk and the encoding of what it holds: whatever is torn, what was whole comes out in order."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.tracking.v1 import batches_pb2
from headwater.tracking import columns, spool
from headwater.tracking.spool import BATCH, REQUEST, Position, Spool

HEAD = {"server": "local", "project": "default"}
START = Position(0, 0)
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
POINTS = st.lists(st.tuples(TEXT, st.floats(allow_nan=False), INT64, INT64), max_size=30)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    return Spool.new("w1", HEAD)


@given(POINTS, st.dictionaries(TEXT, TEXT, max_size=5), st.integers(1, 2**62))
def test_what_protobuf_reads_is_what_was_packed(
    points: list[columns.Point], texts: dict[str, str], sequence: int
) -> None:
    one = columns.batch("run", sequence, points, texts, dict(reversed(texts.items())))
    read = batches_pb2.LogBatchesRequest.FromString(columns.request("me", [one, b""]))
    assert read.writer == "me" and len(read.batches) == 2
    found = read.batches[0]
    assert (found.run_id, found.sequence, dict(found.params), dict(found.tags)) == ("run", sequence, texts, texts)
    keys = [found.keys[number] for number in found.key]
    assert list(zip(keys, found.value, found.step, found.timestamp_ms, strict=True)) == points


def test_records_come_in_order_across_segments(made: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 100)
    for number in range(1, 20):
        made.append(BATCH if number % 2 else REQUEST, number, bytes([number]) * number)
    found = list(made.records(START))
    assert [(r.sequence, len(r.payload)) for r, _ in found] == [(n, n) for n in range(1, 20)]
    # What has arrived is not read again, also by the next process; its segments are gone.
    made.acknowledge(found[11][1])
    assert [r.sequence for r, _ in made.records(made.read_at)] == list(range(13, 20))
    assert min(made.segments()) == found[11][1].segment > 1
    made.close()
    (orphan,) = spool.orphans(HEAD)
    assert [r.sequence for r, _ in orphan.records(orphan.read_at)] == list(range(13, 20))
    orphan.remove()
    assert not made.folder.exists()


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_torn_record_ends_its_segment(made: Spool, damage: str) -> None:
    for number in (1, 2, 3):
        made.append(BATCH, number, b"x" * 50)
    path = made.folder / "00000001.log"
    data = bytearray(path.read_bytes())
    if damage == "cut":
        os.truncate(path, len(data) - 1)
    else:
        data[-1] ^= 1
        path.write_bytes(data)
    assert [r.sequence for r, _ in made.records(START)] == [1, 2]


def test_only_what_the_dead_left_is_adopted(made: Spool) -> None:
    made.append(BATCH, 1, b"x")
    assert list(spool.orphans(HEAD)) == [], "its process lives"
    made.begin("r1")
    made.close()
    assert list(spool.orphans(HEAD | {"project": "other"})) == []
    assert list(spool.orphans(HEAD | {"server": "https://elsewhere"})) == []
    (orphan,) = spool.orphans(HEAD)
    assert (orphan.writer, orphan.open_runs(), orphan.last_write() > 0) == ("w1", ["r1"], True)
    assert list(spool.orphans(HEAD)) == [], "somebody has it already"
    orphan.close()
