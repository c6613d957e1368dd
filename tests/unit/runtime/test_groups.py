"""Groups of a long list: each item comes back by itself, and lists that would not gain have none."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.runtime import codec, groups

_item = st.none() | st.integers() | st.text(max_size=8) | st.tuples(st.integers(), st.text(max_size=4))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(some=st.lists(_item, min_size=1, max_size=9), width=st.integers(groups.SHORTEST, 3 * groups.SHORTEST))
def test_each_item_is_found(tmp_path: Path, some: list[Any], width: int):
    items = [some[at % len(some)] for at in range(width)]
    data = groups.write(items, codec.encode(list(map(str, items))).size)
    assert data is not None
    path = tmp_path / "groups"
    path.write_bytes(data)
    for index in {0, 1, groups.SIZE - 1, groups.SIZE, width // 2, width - 1}:
        assert groups.read(path, index) == items[index]
    with pytest.raises(IndexError, match=f"item {width} of a list of {width}"):
        groups.read(path, width)


def test_lists_that_gain_nothing_have_none():
    shared = {at: str(at) for at in range(5000)}
    items = [(shared, at) for at in range(groups.SHORTEST)]
    assert groups.write([1] * (groups.SHORTEST - 1), 4096) is None
    assert groups.write(items, codec.encode(items).size) is None  # each group would hold what all share
    assert groups.write([bytearray(8192)] * groups.SHORTEST, 1 << 30) is None


@pytest.mark.parametrize("data", [b"", b"HWGRP", b"x" * 200])
def test_a_file_that_is_something_else(tmp_path: Path, data: bytes):
    (tmp_path / "groups").write_bytes(data)
    with pytest.raises(ValueError, match="does not hold the groups of a list"):
        groups.read(tmp_path / "groups", 0)


def test_a_file_that_is_cut_short(tmp_path: Path):
    data = groups.write(list(range(2000)), 6000)
    assert data is not None
    (tmp_path / "groups").write_bytes(data[:-10])
    with pytest.raises(ValueError, match="cut short"):
        groups.read(tmp_path / "groups", 1999)
