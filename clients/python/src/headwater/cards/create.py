"""Makes a card of a task that is over, from its stored artifacts, and keeps it with the others of the task."""

from __future__ import annotations

import traceback
from typing import Any

from headwater.cards import registry
from headwater.cards.live import FINAL, _limit
from headwater.cards.types import ErrorCard
from headwater.errors import FlowError


def create(
    flow: type, task: Any, kind: str, options: dict[str, Any], ident: str, timeout: float, error_card: bool
) -> dict[str, Any]:
    """artifact.v1.Card in JSON. Raises FlowError when it cannot be rendered and no error_card is wanted."""
    from headwater.artifacts import blobs
    from headwater.client.http import API, connect

    cls = registry.card_class(kind)
    graph = {step["name"]: step for step in task.parent.parent.graph}
    try:
        with _limit(timeout):
            page = registry.make(cls, options, [], graph, flow).render(task)
            if not isinstance(page, str):
                raise TypeError(f"{cls.__name__}.render gave {type(page).__name__}, not HTML as text")
    except Exception as error:
        if not error_card:
            raise FlowError(f"Card of type {kind} is unable to be rendered: {type(error).__name__}: {error}") from error
        page = ErrorCard().render(task, traceback.format_exc())
    connection = connect()
    _, run, step, _ = task.pathspec.split("/")
    body = {
        "project": connection.project,
        "card": {
            "key": {**task._body["key"], "runId": run, "step": step},
            "taskId": task.id,
            "attempt": task.current_attempt,
            "slot": f"created-{kind}-{ident}"[:200],
            "id": ident,
            "type": kind,
            "digest": blobs.put(page.encode()),
            "sequence": FINAL,
            "final": True,
        },
    }
    return connection.call("POST", f"{API}/runs/{run}/cards", body, repeatable=True)["card"]
