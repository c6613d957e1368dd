"""Values to bytes and back, and the manifest that says where they lie."""

import gc
import json
import sys
import threading
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.runtime import codec, frames, manifest
from headwater.runtime.manifest import Manifest, Writer

_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(_plain)
def test_any_plain_value_comes_back(value: Any) -> None:
    encoded = codec.encode(value)
    assert codec.decode(encoded.encoding, encoded.join()) == value
    assert len(encoded.join()) == encoded.size


@given(st.lists(st.integers(0, 40_000), max_size=4))
def test_large_buffers_lie_aligned_outside_of_the_pickle(sizes: list[int]) -> None:
    arrays = [numpy.arange(size, dtype="uint8") for size in sizes]
    encoded = codec.encode(arrays)
    assert (encoded.encoding == "pickle5+oob") == any(size >= codec.MIN_BUFFER for size in sizes)
    back = codec.decode(encoded.encoding, bytearray(encoded.join()))
    assert all((a == b).all() and a.shape == b.shape for a, b in zip(arrays, back, strict=True))


def test_a_mapped_value_may_be_changed_and_the_file_stays(tmp_path: Path) -> None:
    encoded = codec.encode(numpy.zeros(10_000))
    path = tmp_path / "blob"
    path.write_bytes(encoded.join())
    value = codec.decode(encoded.encoding, codec.map_file(path))
    value += 1
    assert value.sum() == 10_000 and path.read_bytes() == encoded.join()
    with pytest.raises(ValueError, match="cut short"):
        codec.map_file(path, 0, encoded.size + 1)


def test_what_cannot_be_stored_is_named() -> None:
    with pytest.raises(codec.Unpicklable) as caught:
        codec.encode({"model": [1, threading.Lock()]})
    assert caught.value.path == "['model'][1]"


def test_nobody_holds_a_value_that_pickle_alone_refuses() -> None:
    class Local:
        pass

    value = [Local()]
    held = weakref.ref(value[0])
    gc.disable()
    try:
        codec.encode(value)
        del value
        assert held() is None
    finally:
        gc.enable()


def test_a_module_that_happens_to_be_called_torch_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    assert codec.encode({"a": 1}).encoding == codec.encode([1]).encoding == "pickle5"


def test_small_values_are_inline_middling_ones_packed_large_ones_apart(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "out")
    names = {"small": 1, "middle": "m" * 5000, "twin": "m" * 5000, "other": "o" * 9000, "large": "l" * 300_000}
    entries = {name: writer.add(value) for name, value in names.items()}
    data = manifest.seal(Manifest(entries, list(entries)), writer)
    files = {blob.digest: Path(blob.path) for blob in writer.blobs}
    assert len(files) == 2  # the pack and the large one
    assert "inline" in entries["small"] and entries["middle"]["pack"] == entries["twin"]["pack"]
    assert entries["middle"]["offset"] == entries["twin"]["offset"] != entries["other"]["offset"]
    back = manifest.parse(data, files.__getitem__)
    for name, value in names.items():
        entry = back.artifacts[name]
        assert codec.decode(entry["encoding"], manifest.read(entry, files.__getitem__)) == value


def test_a_foreach_over_a_packed_list_finds_it(tmp_path: Path) -> None:
    writer, items = Writer(tmp_path), list(range(10_000))
    body = Manifest({"items": writer.add(items)})
    body.foreach["start"] = {**body.artifacts["items"], "var": "items"}
    data = manifest.seal(body, writer)
    files = {blob.digest: Path(blob.path) for blob in writer.blobs}
    entry = manifest.parse(data, files.__getitem__).foreach["start"]
    assert codec.decode(entry["encoding"], manifest.read(entry, files.__getitem__)) == items


def test_a_large_manifest_travels_as_a_reference(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "out")
    entries = {f"name{i}": writer.add(i) for i in range(1000)}
    data = manifest.seal(Manifest(entries, []), writer)
    assert len(data) < 200 and json.loads(data)["count"] == 1000
    files = {blob.digest: Path(blob.path) for blob in writer.blobs}
    assert len(manifest.parse(data, files.__getitem__).artifacts) == 1000


@given(st.lists(st.dictionaries(st.text(), st.text(), max_size=3), max_size=5), st.integers(1, 50))
def test_frames_are_cut_wherever_the_bytes_are(messages: list[dict[str, str]], piece: int) -> None:
    data = b"".join(frames.encode(message) for message in messages)
    splitter = frames.Splitter()
    found = [m for at in range(0, len(data), piece) for m in splitter.feed(data[at : at + piece])]
    assert found == messages
