"""Log chunks and their archive: what is written is read again, and a reader needs only the blocks of its task."""

import json

import pytest
import zstandard

from headwater.api.executor.v1 import executor_pb2 as pb
from headwater_server.executor.blocks import ENOUGH, FULL, BlockWriter, unpack_block, unpack_index
from headwater_server.executor.chunks import Wanted, one_line, read_chunk
from headwater_server.executor.logs import check_position
from headwater_server.kit.errors import InvalidArgument


def chunk(step="train", task="0", *lines, **more):
    told = [{"stream": s, "text": t, "time": "2026-01-01T00:00:00.5Z"} for s, t in lines]
    return json.dumps(
        {"key": {"runId": "r", "step": step}, "taskId": task, "attempt": 1, "lines": told} | more
    ).encode()


def archive(chunks):
    writer, data = BlockWriter(), b""
    for step, task, raw in chunks:
        for block in writer.add(step, task, raw):
            data += block
    for block in writer.finish():
        data += block
    return data, unpack_index(writer.index.pack())


def read(data, index, wanted):
    found, blocks = [], [b for b in index.blocks if index.places(b, wanted)]
    for block in blocks:
        lines = unpack_block(data[block.offset : block.offset + block.size])
        found += [read_chunk(lines[at]) for at in index.places(block, wanted)]
    return found, blocks


def test_an_archive_gives_back_every_chunk_in_order():
    chunks = [
        (step, str(n), chunk(step, str(n), ("LOG_STREAM_STDOUT", f"{step} {n} {i} " + "x" * 500)))
        for step in ("start", "body", "end")
        for n in range(200 if step == "body" else 1)
        for i in range(8)
    ]
    data, index = archive(chunks)
    every, blocks = read(data, index, Wanted())
    assert [(c.key.step, c.task_id) for c in every] == [(s, t) for s, t, _ in chunks]
    assert len(blocks) > 5 and sum(b.size for b in index.blocks) == len(data)
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as whole:
        assert whole.read().splitlines() == [raw for _, _, raw in chunks]

    one, touched = read(data, index, Wanted("body", "77"))
    assert [c.lines[0].text[:12] for c in one] == [f"body 77 {i} xx"[:12] for i in range(8)]
    assert len(touched) <= 2
    assert len(read(data, index, Wanted("end"))[0]) == 8
    assert read(data, index, Wanted("nope")) == ([], [])


def test_blocks_are_bounded_and_a_large_task_has_its_own():
    big = chunk("a", "0", ("LOG_STREAM_STDOUT", "y" * (ENOUGH - 200)))
    data, index = archive([("a", "0", big)] * 10 + [("a", "1", big)])
    assert all(sum(map(len, unpack_block(data[b.offset : b.offset + b.size]))) <= FULL for b in index.blocks)
    assert len(read(data, index, Wanted("a", "1"))[1]) == 1


def test_an_empty_archive_has_no_blocks():
    assert archive([])[1].blocks == []


def test_lines_are_selected_by_stream():
    raw = chunk("a", "0", ("LOG_STREAM_STDOUT", "o"), ("LOG_STREAM_STDERR", "e"), ("LOG_STREAM_SYSTEM", "s"), (9, "?"))

    def texts(stream):
        found = Wanted.of("", "", stream).select(read_chunk(raw))
        return [line.text for line in found.lines] if found else None

    assert (texts(""), texts("stdout"), texts("stderr")) == (["o", "e", "s", "?"], ["o", "?"], ["e"])
    assert Wanted("b").select(read_chunk(raw)) is None
    with pytest.raises(InvalidArgument) as caught:
        Wanted.of("", "", "out")
    assert caught.value.field == "stream"


def test_what_other_languages_write_is_read():
    line = {"stream": 2, "text": "t", "time": "2026-01-01T00:00:00.123456789+02:00", "new_field": 1}
    read_ = read_chunk(json.dumps({"key": {"step": "a", "index": "3"}, "task_id": "3", "lines": [line]}).encode())
    assert (read_.key.index, read_.task_id) == (3, "3")
    selected = Wanted.of("a", "3", "stderr").select(read_)
    assert (
        selected and selected.lines[0].stream == pb.LOG_STREAM_STDERR and selected.lines[0].time.seconds == 1767218400
    )
    assert read_chunk(b'{"key":{"step":"a"}}').task_id == "0"
    for junk in (b"", b"plain text", b"[]", b'{"lines":[]}', b'{"key":{"step":1}}', b"\xff\xfe"):
        with pytest.raises(InvalidArgument, match="LogChunk"):
            read_chunk(junk)


def test_pretty_json_becomes_one_line():
    pretty = json.dumps(json.loads(chunk("a", "0", ("LOG_STREAM_STDOUT", "x\ny"))), indent=2).encode()
    assert b"\n" not in one_line(pretty) and read_chunk(one_line(pretty)).lines[0].text == "x\ny"


def test_positions_of_page_tokens_are_checked():
    for good in (None, [0, 1, 2], [-1, 7]):
        assert check_position(good) == good
    for bad in ([], [1], ["a", 0, 0], [0, 0, -5], [-1, 2**63], [0, 1]):
        with pytest.raises(InvalidArgument, match="page_token"):
            check_position(bad)
