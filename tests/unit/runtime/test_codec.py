"""Properties of the codec: whatever nests, wherever its buffers lie, comes back equal, private and writable."""

import hashlib
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.errors import ArtifactError
from headwater.runtime import codec, compressed, manifest
from headwater.runtime.manifest import Writer

_SIZES = st.sampled_from([0, 1, 63, 4095, 4096, 5000, 70_000, 300_000])


@st.composite
def _array(draw: Any) -> Any:
    size, kind = draw(_SIZES), draw(st.sampled_from(["zeros", "noise", "steps", "strided"]))
    if kind == "zeros":
        return numpy.zeros(size, "float32")
    noise = numpy.random.default_rng(size).integers(0, 256, 2 * size).astype("uint8")
    return {"noise": noise[:size], "steps": numpy.repeat(noise[: size // 64], 64), "strided": noise[::2]}[kind]


_leaf = st.none() | st.integers() | st.text(max_size=20) | st.binary(max_size=20) | _array() | _array().map(bytearray)
_values = st.recursive(
    _leaf,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, numpy.ndarray):
        return isinstance(b, numpy.ndarray) and a.dtype == b.dtype and numpy.array_equal(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b


def stored(value: Any, folder: Path) -> tuple[manifest.Entry, dict[str, Path]]:
    """(entry, files by digest) of a value in a folder."""
    writer = Writer(folder)
    entry = writer.add(value)
    writer.finish()
    return entry, {blob.digest: Path(blob.path) for blob in writer.blobs}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_values)
def test_any_nested_value_comes_back_wherever_it_is_stored(tmp_path_factory: Any, value: Any) -> None:
    entry, files = stored(value, tmp_path_factory.mktemp("out"))
    for digest, path in files.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    back = codec.decode(entry["encoding"], manifest.read(entry, files.__getitem__))
    assert same(back, value)


@settings(max_examples=40, deadline=None)
@given(st.lists(_array(), max_size=4), st.binary(max_size=300))
def test_compressed_and_plain_buffers_lie_side_by_side(arrays: list[Any], data: bytes) -> None:
    body = b"".join(compressed.write(data, [memoryview(array).cast("B") for array in arrays if array.flags.contiguous]))
    view = memoryview(body)
    at, count, _ = compressed._TAIL.unpack_from(view, len(body) - compressed._TAIL.size)
    spans = [compressed._SPAN.unpack_from(view, at + index * compressed._SPAN.size) for index in range(count)]
    *back, last = [bytes(compressed._part(view, *span)) for span in spans]
    assert last == data and back == [array.tobytes() for array in arrays if array.flags.contiguous]
    assert all(begin % 64 == 0 for begin, *_ in spans)


def test_what_shrinks_is_compressed_and_what_does_not_is_mapped(tmp_path: Path) -> None:
    noise = numpy.random.default_rng(1).random(200_000)
    value = {"zeros": numpy.zeros(2_000_000), "noise": noise, "few": numpy.repeat(noise[:1000], 500)}
    entry, files = stored(value, tmp_path)
    assert entry["encoding"] == "pickle5+oob+zstd" and noise.nbytes < entry["size"] < 1.1 * noise.nbytes
    back = codec.decode(entry["encoding"], manifest.read(entry, files.__getitem__))
    assert all(same(back[name], value[name]) for name in value)
    back["zeros"] += 1
    back["noise"][:] = 0  # private: neither the file nor another reader sees it
    assert same(codec.decode(entry["encoding"], manifest.read(entry, files.__getitem__)), value)
    assert stored(noise, tmp_path / "other")[0]["encoding"] == "pickle5+oob"
    frame = pandas.DataFrame({"a": noise, "b": range(len(noise)), "c": "text"})
    entry, files = stored(frame, tmp_path / "frame")
    pandas.testing.assert_frame_equal(codec.decode(entry["encoding"], manifest.read(entry, files.__getitem__)), frame)


def test_storing_takes_hardly_more_memory_than_the_value(tmp_path: Path) -> None:
    value = [numpy.random.default_rng(1).random(4 << 20), numpy.repeat(numpy.arange(1 << 16), 64)]
    tracemalloc.start()
    try:
        entry, _ = stored(value, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert entry["size"] > 32 << 20 and peak < 0.15 * sum(each.nbytes for each in value)


def test_damaged_bytes_are_refused(tmp_path: Path) -> None:
    value = [numpy.random.default_rng(1).random(40_000), numpy.repeat(numpy.arange(1 << 10), 64)]
    entry, files = stored(value, tmp_path)
    assert entry["encoding"] == "pickle5+oob+zstd"
    body = files[entry["digest"]].read_bytes()
    for wrong in (body[:-1], body[:1000], b"", body[-40:], b"\0" * 500, body[:320_050] + bytes(99) + body[320_149:]):
        with pytest.raises((ValueError, pickle.UnpicklingError, EOFError)):
            codec.decode(entry["encoding"], wrong)


def test_without_zstandard_nothing_is_compressed_and_the_reader_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    few = numpy.repeat(numpy.arange(1 << 10), 640)
    entry, files = stored(few, tmp_path / "with")
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    assert stored(few, tmp_path / "without")[0]["encoding"] == "pickle5+oob"
    assert stored(numpy.zeros(1 << 20), tmp_path / "zeros")[0]["size"] < 1000
    with pytest.raises(ArtifactError, match="add zstandard"):
        codec.decode(entry["encoding"], manifest.read(entry, files.__getitem__))


def test_a_thousand_small_values_are_one_file(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    entries = {f"d{index}": writer.add({"a": index, "b": [index] * 3}) for index in range(1000)}
    writer.finish()
    assert len(writer.blobs) == 1
    files = {blob.digest: Path(blob.path) for blob in writer.blobs}
    opened: list[str] = []

    def get_blob(digest: str) -> Path:
        opened.append(digest)
        return files[digest]

    for index in range(1000):
        entry = entries[f"d{index}"]
        assert codec.decode(entry["encoding"], manifest.read(entry, get_blob)) == {"a": index, "b": [index] * 3}
    assert len(opened) == 1
