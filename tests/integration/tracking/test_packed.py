"""Packed batches: points by the column, each stored once however often and however late it is sent."""

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headwater.api.tracking.v1 import batches_pb2 as pb
from headwater.api.tracking.v1 import tracking_pb2_grpc
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking import packed
from tests.integration.tracking.conftest import ANN, Tracking

EVE = Identity(Actor("user", "eve"), "admin", "other")


def batch(run_id: str, sequence: int, *points: tuple[str, float, int], **texts: Any) -> pb.PackedBatch:
    keys = sorted({key for key, _, _ in points})
    return pb.PackedBatch(
        run_id=run_id,
        sequence=sequence,
        keys=keys,
        key=[keys.index(key) for key, _, _ in points],
        value=[value for _, value, _ in points],
        step=[step for _, _, step in points],
        timestamp_ms=[1000 + step for _, _, step in points],
        **texts,
    )


async def send(tracking: Tracking, *batches: pb.PackedBatch, writer: str = "w", who: Identity = ANN) -> Any:
    request = pb.LogBatchesRequest(writer=writer, batches=batches)
    return await tracking.client.LogBatches(request, on_behalf=who)


async def test_each_is_stored_once(tracking: Tracking) -> None:
    one, other = await tracking.new_run(), await tracking.new_run()
    first = batch(one, 1, ("loss", 0.5, 0), ("acc", 0.1, 0), ("loss", 0.4, 1), params={"lr": "1"}, tags={"a": "b"})
    second = batch(other, 2, ("loss", math.nan, 7))
    assert (await send(tracking, first)).sequence == 1
    # The answer was lost: the same again, with what came since.
    assert (await send(tracking, first, second)).sequence == 2
    assert (await send(tracking, first)).sequence == 2
    assert await tracking.points(one, "loss") == [(0, 0.5), (1, 0.4)]
    assert len(await tracking.points(other, "loss")) == 1
    run = await tracking.run(one)
    assert ({m.key: m.value for m in run.metrics}, run.params["lr"], run.tags["a"]) == (
        {"loss": 0.4, "acc": 0.1},
        "1",
        "b",
    )
    # Another writer counts for itself.
    await send(tracking, batch(one, 1, ("loss", 0.3, 2)), writer="w2")
    assert await tracking.stored() == 5


async def test_what_cannot_be_stored_is_told_and_holds_up_nothing(tracking: Tracking) -> None:
    run_id, gone = await tracking.new_run(), "0" * 32
    await send(tracking, batch(run_id, 1, params={"lr": "1"}))
    answer = await send(
        tracking, batch(gone, 2, ("m", 1, 0)), batch(run_id, 3, ("m", 2, 0), params={"lr": "2"}), batch(run_id, 4)
    )
    assert answer.sequence == 4
    assert [(r.sequence, r.code) for r in answer.refused] == [(2, "NOT_FOUND"), (3, "INVALID_ARGUMENT")]
    assert "'1' already" in answer.refused[1].message
    assert await tracking.points(run_id, "m") == [(0, 2)]
    # A run of another project is none.
    answer = await send(tracking, batch(run_id, 1, ("m", 3, 1)), writer="eve", who=EVE)
    assert [r.code for r in answer.refused] == ["NOT_FOUND"] and await tracking.stored() == 1


@pytest.mark.parametrize(
    ("writer", "batches", "field"),
    [
        ("", [], "writer"),
        ("w", [pb.PackedBatch(run_id="r1", sequence=1)], "batches[0].run_id"),
        ("w", [pb.PackedBatch(run_id="0" * 32)], "batches[0].sequence"),
        ("w", [pb.PackedBatch(run_id="0" * 32, sequence=2), batch("0" * 32, 2)], "batches[1].sequence"),
        ("w", [pb.PackedBatch(run_id="0" * 32, sequence=1, keys=["a"], key=[0], value=[1.0])], "batches[0].step"),
        (
            "w",
            [pb.PackedBatch(run_id="0" * 32, sequence=1, key=[0], value=[1.0], step=[0], timestamp_ms=[1])],
            "batches[0].key",
        ),
        ("w", [pb.PackedBatch(run_id="0" * 32, sequence=1, keys=[" "])], "batches[0].keys[0]"),
        ("w", [batch("0" * 32, 1, params={"": "x"})], "batches[0].params"),
    ],
)
async def test_wrong_requests_name_the_field(
    tracking: Tracking, writer: str, batches: list[pb.PackedBatch], field: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await send(tracking, *batches, writer=writer)
    assert caught.value.field == field


def test_too_many_points_at_once() -> None:
    many = pb.PackedBatch(run_id="0" * 32, sequence=1, value=[0.0] * (packed.MAX_POINTS + 1))
    with pytest.raises(InvalidArgument, match="at most 200000 at once"):
        packed.read(pb.LogBatchesRequest(writer="w", batches=[many]), 1)


async def test_a_stream_is_answered_request_by_request(tracking: Tracking) -> None:
    """With nothing but the generated stubs, as a program in any language would."""
    run_id = await tracking.new_run()
    stub = tracking_pb2_grpc.TrackingServiceStub(tracking.client._channel)

    async def requests() -> AsyncIterator[pb.StreamBatchesRequest]:
        for number in range(1, 4):
            points = [("loss", 1 / number, 10 * number + n) for n in range(3)]
            yield pb.StreamBatchesRequest(writer="stream", batches=[batch(run_id, number, *points)])

    answers = [answer.sequence async for answer in stub.StreamBatches(requests(), metadata=tracking.client._metadata)]
    assert answers == [1, 2, 3] and len(await tracking.points(run_id, "loss")) == 9
