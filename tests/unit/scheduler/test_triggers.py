"""Which events and times start a flow, and with what."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_server.kit.envelope import Envelope
from headwater_server.kit.errors import InvalidArgument
from headwater_server.scheduler import triggers

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


def event(name: str, **data: object) -> Envelope:
    return Envelope("1", name, "test", NOON, f"hw.evt.v1.default.{name}.x", "default", data)


def wants(name: str = "model.promoted", **more: object) -> dict:
    return {"event": {"name": name, **more}}


def test_fields_become_parameters_by_their_path():
    found = event("model.promoted", previousVersion=3, metrics={"accuracy": 0.9}, alias="production", none=None)
    paths = {"v": "previous_version", "acc": "metrics.accuracy", "gone": "metrics.loss", "deep": "alias.x", "n": "none"}
    assert triggers.match(wants(parameters=paths), found) == {"v": 3, "acc": 0.9, "n": None}


@pytest.mark.parametrize(
    ("given_filter", "expected"),
    [
        ({}, True),
        ({"alias": "production"}, True),
        ({"alias": "staging"}, False),
        ({"alias": "production", "version": "7"}, True),
        ({"version": "7.0"}, False),
        ({"ratio": "2"}, True),
        ({"live": "true"}, True),
        ({"absent": ""}, False),
        ({"none": "None"}, False),
    ],
)
def test_a_filter_compares_text(given_filter, expected):
    found = event("model.promoted", alias="production", version=7, ratio=2.0, live=True, none=None)
    assert (triggers.match(wants(filter=given_filter), found) is not None) is expected


def test_other_events_are_not_wanted():
    assert triggers.match(wants("data.arrived"), event("model.promoted")) is None
    assert triggers.match({"cron": {"cron": "* * * * *"}}, event("model.promoted")) is None


def test_the_success_of_a_flow_is_an_event_of_its_own_kind():
    trigger = {"finish": {"flow": "Ingest"}}
    assert triggers.match(trigger, event("run.succeeded", flow="Ingest")) == {}
    assert triggers.match(trigger, event("run.succeeded", flow="Report")) is None
    assert triggers.match(trigger, event("run.failed", flow="Ingest")) is None


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.dictionaries(st.text(), inner)), st.text())
def test_a_path_into_anything_is_a_value_or_nothing(data, path):
    triggers.as_text(triggers.field_of(data, path))


def cron(text: str, zone: str = "") -> dict:
    return {"cron": {"cron": text, "timezone": zone}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], None),
        ([wants()], None),
        ([cron("30 * * * *")], datetime(2026, 3, 28, 12, 30, tzinfo=UTC)),
        ([cron("0 12 * * *")], datetime(2026, 3, 29, 12, tzinfo=UTC)),
        ([cron("0 6 * * *"), cron("0 20 * * *")], datetime(2026, 3, 28, 20, tzinfo=UTC)),
        # the night in which 02:30 does not exist in Berlin
        ([cron("30 2 * * *", "Europe/Berlin")], datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ([cron("0 9 * * *", "Asia/Tokyo")], datetime(2026, 3, 29, 0, tzinfo=UTC)),
    ],
)
def test_when_the_clock_strikes_next(found, expected):
    assert triggers.next_time(found, NOON) == expected


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ({}, r"triggers\[0\] names no event"),
        ({"event": {"name": ""}}, r"triggers\[0\].event.name is empty"),
        ({"finish": {"flow": ""}}, r"triggers\[0\].finish.flow is empty"),
        (cron("61 * * * *"), "'61 \\* \\* \\* \\*' is no cron expression"),
        (cron(""), "'' is no cron expression"),
        (cron("0 0 30 2 *"), "is no cron expression"),
        (cron("* * * * *", "Mars/Base"), "no time zone 'Mars/Base'"),
        (cron("* * * * *", "../etc/passwd"), "no time zone"),
    ],
)
def test_what_could_never_start_anything_is_refused(trigger, message):
    with pytest.raises(InvalidArgument, match=message):
        triggers.check([trigger], NOON)
