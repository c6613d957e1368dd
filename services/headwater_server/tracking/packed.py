"""Packed batches as they are sent: columns and texts, checked. Pure; writers.py stores them."""

from dataclasses import dataclass, field

from headwater.api.tracking.v1 import batches_pb2 as pb
from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking import limits

MAX_POINTS = 200_000
MAX_WRITER = 100


@dataclass(frozen=True, slots=True)
class Packed:
    """One batch. names: the keys; the columns are as long as there are points, `key` counts in names."""

    run_id: str
    sequence: int
    names: list[str]
    key: list[int]
    value: list[float]
    step: list[int]
    time: list[int]
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def check_writer(writer: str) -> str:
    if not writer or len(writer) > MAX_WRITER or not writer.isprintable():
        raise InvalidArgument(
            f"writer: {limits.shown(writer)} is not 1 to {MAX_WRITER} printable characters",
            field="writer",
            hint="send a UUID of your own, the same with every request",
        )
    return writer


def read(request: pb.LogBatchesRequest | pb.StreamBatchesRequest, now: int) -> list[Packed]:
    """The batches of a request. A time of 0 is now. Raises InvalidArgument, and then nothing of it is to be stored."""
    total = sum(len(batch.value) for batch in request.batches)
    if total > MAX_POINTS:
        raise InvalidArgument(
            f"batches: {total} points, at most {MAX_POINTS} at once", field="batches", hint="send several requests"
        )
    found: list[Packed] = []
    last = 0
    for number, batch in enumerate(request.batches):
        where = f"batches[{number}]"
        if batch.sequence <= last:
            raise InvalidArgument(
                f"{where}.sequence: {batch.sequence} does not follow {last}",
                field=f"{where}.sequence",
                hint="count the batches of a writer from 1",
            )
        last = batch.sequence
        found.append(_batch(batch, now, where))
    return found


def _batch(batch: pb.PackedBatch, now: int, where: str) -> Packed:
    limits.check_run_id(batch.run_id, f"{where}.run_id")
    names = [limits.check_key(key, f"{where}.keys[{n}]") for n, key in enumerate(batch.keys)]
    key, value, step, time = list(batch.key), list(batch.value), list(batch.step), list(batch.timestamp_ms)
    for name, column in (("key", key), ("step", step), ("timestamp_ms", time)):
        if len(column) != len(value):
            raise InvalidArgument(
                f"{where}.{name}: {len(column)} entries, but {len(value)} values",
                field=f"{where}.{name}",
                hint="each point has an entry in every column",
            )
    if key and max(key) >= len(names):
        raise InvalidArgument(f"{where}.key: {max(key)} is beyond the {len(names)} keys", field=f"{where}.key")
    if time and min(time) == 0:
        time = [at or now for at in time]
    return Packed(
        batch.run_id,
        batch.sequence,
        names,
        key,
        value,
        step,
        time,
        limits.check_texts(batch.params, "param", field=f"{where}.params"),
        limits.check_texts(batch.tags, "tag", field=f"{where}.tags"),
    )
