"""Points, params and tags that one attempt logs, sent in batches as MetricBatch messages."""

import asyncio
from typing import Any

import msgspec

from headwater_server.executor.node.sink import Sink
from headwater_server.executor.node.wire import Assignment
from headwater_server.kit.ids import uuid7

BATCH = 1000
LINGER = 0.1
# More batches than this on their way: the task has to wait.
CROWDED = 64


class AttemptMetrics:
    def __init__(self, task: Assignment, sink: Sink) -> None:
        self._sink = sink
        self._base: dict[str, Any] = {"runId": task.key.run_id}
        if task.frames:
            self._base["task"] = f"{task.key.step}/{task.task_id}"
        self._points: list[Any] = []
        self._params: dict[str, Any] = {}
        self._tags: dict[str, Any] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, message: dict[str, Any]) -> None:
        """A metrics frame of the child."""
        self._points += [_finite(point) for point in message.get("metrics") or ()]
        self._params.update(message.get("params") or {})
        self._tags.update(message.get("tags") or {})
        if len(self._points) >= BATCH:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self.flush)

    @property
    def crowded(self) -> bool:
        return self._sink.waiting > CROWDED

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._points or self._params or self._tags:
            points, self._points = self._points[:BATCH], self._points[BATCH:]
            ident = uuid7()
            body = {**self._base, "batchId": ident, "metrics": points, "params": self._params, "tags": self._tags}
            self._params, self._tags = {}, {}
            self._sink.put(msgspec.json.encode(body), ident)


def _finite(point: dict[str, Any]) -> dict[str, Any]:
    """NaN and the infinities as the text that protobuf's JSON has for them."""
    value = point.get("value")
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        text = "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
        return {**point, "value": text}
    return point
