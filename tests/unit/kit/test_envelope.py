"""What comes off the bus becomes one Envelope, or an error that says why not."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.events.v1 import events_pb2
from headwater_server.kit.envelope import Envelope, MalformedEvent, encode


def test_an_encoded_event_decodes_to_itself():
    event = events_pb2.ModelPromoted(project="acme", name="churn model", alias="champion", version=7)
    message = encode(event, "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert message.subject == "hw.evt.v1.acme.model.promoted.churn_model"
    got = Envelope.decode(message.subject, message.headers, message.body, seq=5)
    assert (got.id, got.type, got.source, got.project, got.seq) == (message.id, "model.promoted", "registry", "acme", 5)
    assert got.data == {"project": "acme", "name": "churn model", "alias": "champion", "version": 7}
    assert got.traceparent.endswith("-01")
    assert message.headers["Nats-Msg-Id"] == message.id


def test_header_names_are_matched_without_case():
    headers = {"CE-ID": "1", "Ce-Type": "model.promoted.v1", "cE-SoUrCe": "test"}
    got = Envelope.decode("hw.evt.v1.acme.model.promoted.x", headers, b"{}")
    assert (got.id, got.type, got.source) == ("1", "model.promoted", "test")


def test_bare_json_is_named_by_its_subject_and_its_place_in_the_stream():
    got = Envelope.decode("hw.ext.acme.data.arrived", None, b'{"uri":"s3://x"}', stream="HW_EXT", seq=9)
    assert (got.id, got.type, got.project, got.data) == ("HW_EXT:9", "data.arrived", "acme", {"uri": "s3://x"})


def test_structured_mode():
    body = b'{"id":"7","source":"s","type":"data.arrived","time":"2026-01-02T03:04:05Z","data":{"a":1}}'
    got = Envelope.decode("hw.ext.acme.x", {"Content-Type": "application/cloudevents+json"}, body)
    assert (got.id, got.type, got.data, got.time.year) == ("7", "data.arrived", {"a": 1}, 2026)


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        (None, b"not json", "not JSON"),
        (None, b"[1,2]", "must be a JSON object, not list"),
        (None, b"\xff\xfe", "not JSON"),
        ({"ce-id": "1"}, b"{}", "without type, source"),
        ({"ce-id": "1", "ce-type": "t", "ce-source": "s", "ce-time": "yesterday"}, b"{}", "not RFC 3339"),
        (None, b'{"a":"' + b"x" * 300_000 + b'"}', "more than"),
    ],
)
def test_what_is_no_event_says_why(headers, body, reason):
    with pytest.raises(MalformedEvent, match=reason):
        Envelope.decode("hw.ext.acme.x", headers, body)


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=4))
def test_no_message_raises_anything_else(body, headers):
    with contextlib.suppress(MalformedEvent):
        Envelope.decode("hw.ext.acme.x", headers, body)


def test_a_forged_traceparent_is_dropped():
    got = Envelope.decode("hw.ext.acme.x", {"traceparent": "x; rm -rf"}, b"{}")
    assert got.traceparent == ""
