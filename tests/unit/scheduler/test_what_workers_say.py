"""What comes in from workers, in any language: checked before it reaches a transaction that others share."""

import base64

import pytest

from headwater_server.kit.errors import InvalidArgument
from headwater_server.scheduler import wire


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not a Complete"),
        (b"[]", "Expected `object`"),
        (b'{"key": {"runId": "r", "step": "s", "index": -1}, "attempt": 1}', r"\$\.key\.index"),
        (b'{"key": {"runId": "r", "step": "s"}, "attempt": 4294967296}', r"\$\.attempt"),
        (b'{"key": {"runId": "r", "step": "s"}, "attempt": 1, "failure": {"message": 5}}', r"\$\.failure\.message"),
        (b'{"key": {"runId": "r", "step": "s"}, "attempt": 1, "startedAt": "noon"}', r"\$\.startedAt"),
    ],
)
def test_nonsense_is_refused_with_its_place(body, message):
    with pytest.raises(InvalidArgument, match=message):
        wire.decode(body, wire.Complete)


def test_a_failure_is_cut_to_what_an_event_can_carry():
    said = wire.Failure(message="m" * 100_000, traceback="x" * 100_000 + "the end\0", retryable=True)
    body = said.body()
    assert body["code"] == "USER_ERROR"
    assert len(body["message"]) == wire.MAX_TEXT
    assert len(body["traceback"]) == wire.MAX_TRACEBACK
    assert body["traceback"].endswith("the end\N{REPLACEMENT CHARACTER}")
    assert body["retryable"] is True
    assert set(body) == {"code", "message", "traceback", "retryable"}


def test_a_result_is_base64_of_a_bounded_size():
    assert wire.Success(base64.b64encode(b"{}").decode()).manifest() == b"{}"
    with pytest.raises(InvalidArgument, match="not base64"):
        wire.Success("%%").manifest()
    with pytest.raises(InvalidArgument, match="65537 bytes are more than 65536"):
        wire.Success(base64.b64encode(b"x" * (wire.MAX_RESULT + 1)).decode()).manifest()
