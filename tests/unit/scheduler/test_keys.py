import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_server.scheduler.keys import Key, indexes_of, joined, numbers

indexes = st.lists(st.integers(0, 2**31 - 1), max_size=4).map(tuple)


@given(indexes)
def test_what_a_key_is_written_as_is_read_back(given_indexes):
    key = Key("r", "work", given_indexes)
    assert indexes_of(key.path, key.index, len(given_indexes)) == given_indexes
    assert numbers(joined(given_indexes)) == given_indexes
    assert key.task_id == (joined(given_indexes) or "0")


@pytest.mark.parametrize(
    ("path", "index", "depth"),
    [("", 1, 0), ("0", 0, 0), ("0", 0, 1), ("", 0, 2), ("0.1", 0, 2), ("x", 0, 2), ("", -1, 1), ("0.", 0, 3)],
)
def test_what_does_not_fit_the_depth_of_its_step_is_no_key(path, index, depth):
    with pytest.raises(ValueError):
        indexes_of(path, index, depth)
