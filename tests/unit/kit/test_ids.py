"""Identifiers sort by time and are safe on the bus."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from headwater_server.kit.ids import subject_token, uuid7


def test_uuid7_is_one_and_sorts_by_time():
    made = [uuid7() for _ in range(100)]
    assert len(set(made)) == 100
    assert all(uuid.UUID(text).version == 7 for text in made)
    assert [m[:8] for m in made] == sorted(m[:8] for m in made)


@given(st.text())
def test_any_text_is_one_token(text):
    token = subject_token(text)
    assert token
    assert all(c.isascii() and (c.isalnum() or c in "_-") for c in token)
