"""Events of a project, foreign events, dead letters."""

import json

import pytest

from headwater_server.kit.ids import uuid7

EVENTS = "/api/v1/projects/default/events"


async def fact(bus, kind: str, last: str, project: str = "default", **data):
    ident = uuid7()
    headers = {"ce-id": ident, "ce-type": f"{kind}.v1", "ce-source": "registry"}
    body = json.dumps({"project": project, **data}).encode()
    await bus.publish_stream(f"hw.evt.v1.{project}.{kind}.{last}", body, msg_id=ident, headers=headers)
    return ident


async def test_events_are_followed_and_filtered(edge, bus):
    registry = await bus.connect("registry")
    old = [await fact(registry, "model.promoted", "churn", version=n) for n in range(4)]
    await fact(registry, "model.created", "churn")
    async with edge.stream(f"{EVENTS}?type=model.promoted&last=2") as stream:
        assert [(await stream.next())[2]["id"] for _ in range(2)] == old[2:]
        await fact(registry, "model.created", "churn")
        await fact(registry, "model.promoted", "churn", project="acme")
        new = await fact(registry, "model.promoted", "churn", version=9)
        name, ident, data = await stream.next()
        assert (name, data["id"], data["data"]["version"], data["type"]) == ("model.promoted", new, 9, "model.promoted")
    missed = await fact(registry, "model.promoted", "other")
    async with edge.stream(f"{EVENTS}?type=model", last_id=ident) as stream:
        assert (await stream.next())[2]["id"] == missed
    async with edge.stream(f"{EVENTS}?since=2020-01-01T00:00:00Z&type=model.promoted") as stream:
        assert [(await stream.next())[2]["id"] for _ in range(6)] == [*old, new, missed]


async def test_the_last_of_a_rare_kind_are_found_far_back(edge, bus):
    registry = await bus.connect("registry")
    rare = [await fact(registry, "model.created", f"m{n}") for n in range(3)]
    for _ in range(300):
        await fact(registry, "model.updated", "churn")
    for last in (2, 3, 50):
        async with edge.stream(f"{EVENTS}?type=model.created&last={last}") as stream:
            assert [(await stream.next())[2]["id"] for _ in rare[-last:]] == rare[-last:]


async def test_foreign_events_go_in_and_come_out(edge, bus):
    publisher = await bus.connect("publisher-default")
    async with edge.stream(f"{EVENTS}?foreign=true") as stream, edge.stream(EVENTS) as facts:
        made = (await edge.call("POST", EVENTS, {"name": "data.arrived", "data": {"uri": "x"}, "requestId": "r1"})).json
        assert made["subject"] == "hw.ext.default.data.arrived" and made["id"] == "r1"
        again = (
            await edge.call("POST", EVENTS, {"name": "data.arrived", "data": {"uri": "x"}, "requestId": "r1"})
        ).json
        assert again["seq"] == made["seq"], "one event"
        name, _, data = await stream.next()
        assert name == "data.arrived" and data["data"] == {"uri": "x"} and data["source"] == "user/admin"
        await publisher.publish("hw.ext.default.from.nats", b'{"bare": true}')
        name, _, data = await stream.next()
        assert (name, data["data"], data["source"]) == ("from.nats", {"bare": True}, "nats")
        await publisher.publish("hw.ext.default.not.json", b"oops")
        registry = await bus.connect("registry")
        known = await fact(registry, "model.created", "m")
        assert (await stream.next())[2]["id"] == known == (await facts.next())[2]["id"]
    async with edge.stream(f"{EVENTS}?foreign=true&last=2") as stream:
        assert [(await stream.next())[0] for _ in range(2)] == ["from.nats", "model.created"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "a.>"}, "name"),
        ({"name": "a..b"}, "name"),
        ({"name": "x", "data": [1]}, "data"),
        ({"name": "x", "data": {"a": "y" * 300_000}}, "data"),
        ({"name": "x", "requestId": 5}, "requestId"),
        ({"name": "x", "nmae": 5}, "nmae"),
    ],
)
async def test_bad_foreign_events_are_refused(edge, body, field):
    answer = await edge.call("POST", EVENTS, body)
    assert answer.status == 400 and answer.error["field"] == field


async def test_wrong_questions_are_refused(edge):
    for query, field in (("last=-1", "last"), ("since=monday", "since"), ("typ=x", "typ"), ("run_id=*", "run_id")):
        answer = await edge.call("GET", f"{EVENTS}?{query}")
        assert answer.status == 400 and answer.error["field"] == field
    assert (await edge.call("GET", "/api/v1/projects/a%2Eb/events")).status == 400


async def test_dead_letters(edge, bus, eventually):
    publisher = await bus.connect("publisher-default")
    await publisher.publish("hw.ext.default.metric", b'{"run_id": 5, "key": "loss"}')

    async def letters() -> list[dict[str, object]]:
        return (await edge.call("GET", "/api/v1/dlq")).json["letters"]

    (letter,) = await eventually(letters)
    assert (
        letter["subject"] == "hw.ext.default.metric" and letter["service"] == "tracking" and "run_id" in letter["error"]
    )
    shown = (await edge.call("GET", f"/api/v1/dlq/{letter['seq']}")).json["letter"]
    assert shown["data"] == {"run_id": 5, "key": "loss"}
    theirs = await edge.token("admin", "acme")
    assert (await edge.call("GET", "/api/v1/dlq", token=theirs)).json["letters"] == []
    assert (await edge.call("POST", f"/api/v1/dlq/{letter['seq']}/retry", {}, token=theirs)).status == 404
    async with edge.stream(f"{EVENTS}?foreign=true") as stream:
        again = (await edge.call("POST", f"/api/v1/dlq/{letter['seq']}/retry", {})).json
        assert again["subject"] == "hw.ext.default.metric"
        assert (await stream.next())[2]["id"] == letter["eventId"], "the same event to those who have handled it"
    assert (await edge.call("GET", f"/api/v1/dlq/{letter['seq']}")).status == 404
    assert (await edge.call("POST", "/api/v1/dlq/99/retry", {})).status == 404
    assert (await edge.call("GET", "/api/v1/dlq/x")).status == 400


async def test_a_fact_is_not_published_by_the_gateway(edge, bus):
    tracking = await bus.connect("tracking")
    subject = "hw.evt.v1.default.run.started.r1"
    headers = {"hw-original-subject": subject, "hw-error": "boom"}
    seq = await tracking.publish_stream(f"hw.dlq.tracking.{subject}", b"{}", msg_id="1", headers=headers)
    answer = await edge.call("POST", f"/api/v1/dlq/{seq}/retry", {})
    assert answer.status == 412 and answer.error["reason"] == "BUS_PERMISSION"
    assert (await edge.call("GET", f"/api/v1/dlq/{seq}")).status == 200
