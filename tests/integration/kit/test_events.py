"""Events leave with their state change and are handled once, whatever happens to bus, handler and process."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy

from headwater.api.events.v1 import events_pb2
from headwater_server.kit import consumer, outbox
from headwater_server.kit.bus import Bus, StreamMessage, StreamRefused
from headwater_server.kit.envelope import Envelope, encode
from headwater_server.kit.errors import InvalidArgument, PermissionDenied, Unavailable
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.kit.service import ServiceKit

LEFT = "SELECT count(*) FROM outbox"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pauses that are right in production and long in a test."""
    monkeypatch.setattr(outbox, "_SWEEP", 0.1)
    monkeypatch.setattr(consumer, "_PAUSE", 0.005)


def started(number: int) -> events_pb2.RunStarted:
    return events_pb2.RunStarted(project="default", run_id=f"r{number}", flow="F", run_seq=number)


async def stored(bus: Any, subject: str) -> list[str]:
    """Subjects of the messages in HW_EVENTS or HW_DLQ, in order."""
    infra: Bus = await bus.connect("infra")
    stream = "HW_DLQ" if subject.startswith("hw.dlq") else "HW_EVENTS"
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, filter_subject=subject)
    reader = await infra.js.pull_subscribe(subject, stream=stream, config=config)
    count = (await reader.consumer_info()).num_pending
    return [m.subject for m in await reader.fetch(count, timeout=5)] if count else []


async def emit(kit: ServiceKit[Any], *events: Any) -> None:
    async with kit.outbox.transaction() as tx:
        for event in events:
            tx.emit(event)


async def test_events_of_a_rolled_back_transaction_never_happened(service_kit, bus, eventually):
    kit = await service_kit("scheduler", compose=False)
    with pytest.raises(RuntimeError):
        async with kit.outbox.transaction() as tx:
            tx.emit(started(1))
            raise RuntimeError("the state change failed")
    await emit(kit, started(2))
    assert await eventually(lambda: stored(bus, "hw.evt.>")) == ["hw.evt.v1.default.run.started.r2"]
    await eventually(lambda: _empty(kit))


async def _empty(kit: ServiceKit[Any]) -> bool:
    return await kit.database.fetchval(LEFT) == 0


async def test_an_outage_of_the_bus_loses_and_repeats_nothing(service_kit, bus, eventually):
    kit = await service_kit("scheduler", compose=False)
    await emit(kit, started(0))
    await eventually(lambda: _empty(kit))
    bus.kill()
    for number in range(1, 6):
        await emit(kit, started(number))
    assert await kit.database.fetchval(LEFT) == 5
    bus.start_again()
    await eventually(lambda: _empty(kit), timeout=20)
    assert sorted(await stored(bus, "hw.evt.>")) == [f"hw.evt.v1.default.run.started.r{n}" for n in range(6)]


async def test_what_a_dead_process_left_is_sent_by_another_of_its_service(service_kit, bus, new_database, eventually):
    """Some of it had reached the bus before the process died: their ids make the batch be refused."""
    url = await new_database("scheduler")
    kit = await service_kit("scheduler", compose=False, database_url=url)
    left = [encode(started(number)) for number in range(40)]
    infra = await bus.connect("infra")
    for event in left[10:13]:
        await infra.publish_stream(event.subject, event.body, msg_id=event.id, headers=event.headers)
    await kit.database.execute(
        "INSERT INTO outbox (id, subject, headers, body, created_at) SELECT *, now() - interval '1 minute' "
        "FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bytea[])",
        [e.id for e in left],
        [e.subject for e in left],
        [e.headers for e in left],
        [e.body for e in left],
    )
    await service_kit("scheduler", compose=False, database_url=url)
    await eventually(lambda: _empty(kit))
    found = await stored(bus, "hw.evt.>")
    assert len(found) == len(set(found)) == 40


async def test_a_batch_with_one_known_id_is_refused_whole(bus):
    scheduler = await bus.connect("scheduler")
    messages = [StreamMessage(f"hw.evt.v1.default.run.started.r{n}", b"{}", f"id-{n}") for n in range(5)]
    await scheduler.publish_stream(messages[3].subject, b"{}", msg_id="id-3")
    with pytest.raises(StreamRefused):
        await scheduler.publish_atomic(messages)
    assert len(await stored(bus, "hw.evt.>")) == 1
    await scheduler.publish_atomic(messages[:3])
    assert len(await stored(bus, "hw.evt.>")) == 4


async def test_an_event_that_is_refused_holds_up_no_other(service_kit, bus, eventually):
    kit = await service_kit("scheduler", compose=False)
    forbidden = events_pb2.ModelPromoted(project="default", name="churn", alias="champion", version=1)
    await emit(kit, started(1), forbidden, started(2))
    await eventually(lambda: _left(kit, 1))
    assert [s[-2:] for s in await stored(bus, "hw.evt.>")] == ["r1", "r2"]
    assert await kit.database.fetchval("SELECT subject FROM outbox") == "hw.evt.v1.default.model.promoted.churn"
    await emit(kit, started(3))
    await eventually(lambda: _left(kit, 1))


async def _left(kit: ServiceKit[Any], count: int) -> bool:
    return await kit.database.fetchval(LEFT) == count


async def test_a_stop_leaves_nothing_behind_that_it_could_send(service_kit, bus, new_database):
    url = await new_database("scheduler")
    kit = await service_kit("scheduler", compose=False, database_url=url)
    other = await service_kit("scheduler", compose=False, database_url=url)
    await emit(kit, *(started(number) for number in range(30)))
    await kit.stop()
    assert await other.database.fetchval(LEFT) == 0
    assert len(await stored(bus, "hw.evt.>")) == 30


# --- Handling -----------------------------------------------------------------------------------------------------


async def consume(kit: ServiceKit[Any], handler: Any) -> Any:
    return await consumer.consume_events(
        kit, stream="HW_EVENTS", durable="tracking-runs", handlers={"run.started": handler}
    )


async def publish(bus: Any, number: int, msg_id: str = "") -> None:
    """As if the stream had not known the id: the same event once more, which a lost ack causes."""
    event = encode(started(number))
    scheduler = await bus.connect("scheduler")
    headers = event.headers | {"ce-id": f"event-{number}"}
    await scheduler.publish_stream(event.subject, event.body, msg_id=msg_id or event.id, headers=headers)


async def test_an_event_that_comes_twice_is_handled_once(service_kit, bus, eventually):
    kit = await service_kit("tracking", compose=False)
    seen: list[str] = []

    async def handler(tx: OutboxTransaction, event: Envelope) -> None:
        seen.append(event.data["runId"])

    await consume(kit, handler)
    await publish(bus, 1, "first")
    await publish(bus, 1, "second")
    await publish(bus, 2)
    await eventually(lambda: "r2" in seen and seen.count("r1"))
    await eventually(lambda: _acked(bus, 3))
    assert sorted(seen) == ["r1", "r2"]


async def _acked(bus: Any, count: int) -> bool:
    infra = await bus.connect("infra")
    info = await infra.js.consumer_info("HW_EVENTS", "tracking-runs")
    return info.ack_floor is not None and info.ack_floor.stream_seq == count and info.num_ack_pending == 0


async def test_a_handler_that_failed_is_tried_again_in_a_fresh_transaction(service_kit, bus, eventually):
    kit = await service_kit("tracking", compose=False)
    tries: list[int] = []

    async def handler(tx: OutboxTransaction, event: Envelope) -> None:
        await tx.conn.execute("INSERT INTO inbox (consumer, event_id) VALUES ('side effect', $1)", str(len(tries)))
        tries.append(event.deliveries)
        if len(tries) < 3:
            raise RuntimeError("not yet")

    await consume(kit, handler)
    await publish(bus, 1)
    await eventually(lambda: _acked(bus, 1))
    assert tries == [1, 2, 3]
    effects = await kit.database.fetch("SELECT event_id FROM inbox WHERE consumer = 'side effect'")
    assert [row["event_id"] for row in effects] == ["2"], "failed tries left nothing"


async def test_what_cannot_be_handled_ends_among_the_dead_letters_with_its_reason(service_kit, bus, eventually):
    kit = await service_kit("tracking", compose=False)
    tries: list[str] = []

    async def handler(tx: OutboxTransaction, event: Envelope) -> None:
        tries.append(event.data["runId"])
        if event.data["runId"] == "r1":
            raise RuntimeError("no such\r\nexperiment: 7")
        if event.data["runId"] == "r2":
            raise InvalidArgument("run_id is empty", field="run_id")

    await consume(kit, handler)
    for number in (1, 2, 3):
        await publish(bus, number)
    scheduler = await bus.connect("scheduler")
    await scheduler.publish_stream("hw.evt.v1.default.run.started.r4", b"not JSON", msg_id="4")
    await eventually(lambda: _acked(bus, 4))
    assert (tries.count("r1"), tries.count("r2"), tries.count("r3")) == (5, 1, 1)
    infra = await bus.connect("infra")
    letters = {}
    for number in (1, 2, 4):
        letter = await infra.js.get_last_msg("HW_DLQ", f"hw.dlq.tracking.hw.evt.v1.default.run.started.r{number}")
        letters[number] = letter.headers or {}
    assert letters[1]["hw-error"] == "RuntimeError: no such experiment: 7"
    assert "in handler" in json.loads(letters[1]["hw-stack"])
    assert letters[1]["ce-type"] == "run.started.v1"
    assert (letters[1]["hw-original-stream"], letters[1]["hw-consumer"]) == ("HW_EVENTS", "tracking-runs")
    assert letters[2]["hw-error"] == "run_id is empty"
    assert "not JSON" in letters[4]["hw-error"]
    assert len(await stored(bus, "hw.dlq.>")) == 3


async def test_what_nobody_wants_is_acknowledged_without_a_transaction(service_kit, bus, eventually):
    kit = await service_kit("tracking", compose=False)
    seen: list[str] = []

    async def handler(tx: OutboxTransaction, event: Envelope) -> None:
        seen.append(event.data["runId"])

    async def wanted(events: Sequence[Envelope]) -> set[str]:
        if any(event.data["runId"] == "r3" for event in events):
            raise RuntimeError("cannot be looked at")
        return {event.id for event in events if event.data["runId"] == "r2"}

    await consumer.consume_events(
        kit, stream="HW_EVENTS", durable="tracking-runs", handlers={"run.started": handler}, wanted=wanted
    )
    for number in (1, 2):
        await publish(bus, number)
    await eventually(lambda: _acked(bus, 2))
    assert seen == ["r2"]
    assert [row["event_id"] for row in await kit.database.fetch("SELECT event_id FROM inbox")] == ["event-2"]
    await publish(bus, 3)
    scheduler = await bus.connect("scheduler")
    await scheduler.publish_stream("hw.evt.v1.default.run.started.r4", b"not JSON", msg_id="4")
    await eventually(lambda: _acked(bus, 4))
    assert seen == ["r2", "r3"]
    assert len(await stored(bus, "hw.dlq.>")) == 1


async def test_waiting_for_the_database_does_not_count_as_failing(service_kit, bus, eventually):
    kit = await service_kit("tracking", compose=False)
    tries: list[int] = []

    async def handler(tx: OutboxTransaction, event: Envelope) -> None:
        tries.append(event.deliveries)
        if len(tries) <= 6:
            raise Unavailable("the database does not answer")
        if len(tries) == 7:
            raise RuntimeError("once")

    original, consumer_later = consumer._later, []

    async def at_once(msg: Any, delay: float) -> None:
        consumer_later.append(delay)
        await original(msg, 0.005)

    consumer._later = at_once
    try:
        await consume(kit, handler)
        await publish(bus, 1)
        await eventually(lambda: _acked(bus, 1))
    finally:
        consumer._later = original
    assert len(tries) == 8
    assert await stored(bus, "hw.dlq.>") == []


async def test_a_batch_is_split_around_what_is_wrong_with_it(service_kit, bus, eventually):
    kit = await service_kit("tracking", compose=False)
    batches: list[list[bytes]] = []

    async def handler(messages: list[Any]) -> None:
        batches.append([m.data for m in messages])
        if b"bad" in batches[-1]:
            raise InvalidArgument("the series is unknown")

    worker = await bus.connect("worker-default")
    for number, body in enumerate((b"1", b"bad", b"2")):
        await worker.publish_stream("hw.metrics.v1.default.r1", body, msg_id=str(number))
    await consumer.consume_batches(kit, stream="HW_METRICS", durable="tracking-metrics", handler=handler)
    await eventually(lambda: stored(bus, "hw.dlq.>"))
    infra = await bus.connect("infra")

    async def drained() -> bool:
        return (await infra.js.stream_info("HW_METRICS")).state.messages == 0

    await eventually(drained)
    assert batches[0] == [b"1", b"bad", b"2"]
    assert batches[1:] == [[b"1"], [b"bad"], [b"2"]]


# --- The connection -----------------------------------------------------------------------------------------------


async def test_a_pull_goes_on_after_the_server_was_killed(service_kit, bus, eventually):
    kit = await service_kit("tracking", compose=False)
    seen: list[str] = []

    async def handler(tx: OutboxTransaction, event: Envelope) -> None:
        seen.append(event.data["runId"])

    await consume(kit, handler)
    await publish(bus, 1)
    await eventually(lambda: seen == ["r1"])
    bus.kill()
    bus.start_again()
    await publish(bus, 2)
    await eventually(lambda: seen == ["r1", "r2"], timeout=5)


async def test_a_pull_never_holds_more_than_it_has_room_for(service_kit, bus, eventually):
    kit = await service_kit("tracking", compose=False)
    under_way: list[Any] = []
    most = 0

    async def deliver(msg: Any) -> None:
        nonlocal most
        under_way.append(msg)
        most = max(most, len(under_way))

    puller = consumer.Puller(kit.bus, "HW_EVENTS", "tracking-runs", deliver, lambda: 2 - len(under_way))
    await puller.start()
    for number in range(12):
        await publish(bus, number)
    done = 0
    while done < 12:
        msg = await eventually(lambda: under_way.pop(0) if under_way else None)
        await msg.ack()
        done += 1
        puller.wake()
    await puller.stop()
    assert most <= 2


async def test_a_refusal_is_told_at_once_and_a_silent_server_in_time(bus):
    worker = await bus.connect("worker-default")
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(PermissionDenied, match=r"(?i)permissions violation"):
        await worker.request("hw.cmd.v1.registry.promote", b"{}", timeout=30)
    with pytest.raises(Unavailable, match="nobody answers"):
        await worker.request("hw.cmd.v1.scheduler.claim_task", b"{}", timeout=30)
    assert loop.time() - began < 1
    with pytest.raises(InvalidArgument, match="more than the bus takes"):
        await worker.publish_stream("hw.logs.v1.default.r.t", b"x" * (9 << 20), msg_id="1")


async def test_a_bus_that_is_not_there_is_named_without_its_password(bus):
    bus.kill()
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable) as caught:
        await Bus.connect(bus.url.replace("//", "//ada:secret@"), identity="tracking", patience=0.3)
    assert asyncio.get_running_loop().time() - began < 2
    assert bus.url in caught.value.message
    assert "secret" not in caught.value.message
