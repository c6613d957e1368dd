"""What a child asks of its agent: blobs in and out, and the results that its join joins."""

import asyncio
from pathlib import Path
from typing import Any

from headwater_server.executor.node.commands import why
from headwater_server.executor.node.context import Node
from headwater_server.executor.node.wire import Assignment
from headwater_server.kit.errors import ServiceError

_MOST_RESULTS = 1000
_AT_ONCE = 16


async def answer(node: Node, task: Assignment, message: dict[str, Any], traceparent: str) -> dict[str, Any]:
    """The reply frame; {"error": text} where it cannot be had."""
    try:
        match message.get("op"):
            case "get":
                return {"path": str(await node.transfers.get(task.project, message.get("digest", ""), traceparent))}
            case "get_many":
                return {"paths": await _many(node, task, message, traceparent)}
            case "put":
                path = Path(str(message.get("path", "")))
                return {"digest": await node.transfers.put_file(task.project, task.key.run_id, path, traceparent)}
            case "results":
                return await _results(node, task, message, traceparent)
            case other:
                return {"error": f"the worker knows no request {str(other)[:80]!r}"}
    except ServiceError as error:
        return {"error": why(error)}
    except OSError as error:
        return {"error": f"this worker's disk: {error}"}


async def _many(node: Node, task: Assignment, message: dict[str, Any], traceparent: str) -> list[str]:
    digests = [str(each) for each in message.get("digests", ())][:_MOST_RESULTS]
    found: dict[str, str] = {}
    for begin in range(0, len(digests), _AT_ONCE):
        part = list(dict.fromkeys(digests[begin : begin + _AT_ONCE]))
        paths = await asyncio.gather(*(node.transfers.get(task.project, each, traceparent) for each in part))
        found |= {digest: str(path) for digest, path in zip(part, paths, strict=True)}
    return [found[each] for each in digests]


async def _results(node: Node, task: Assignment, message: dict[str, Any], traceparent: str) -> dict[str, Any]:
    body = {
        "key": message.get("key") or task.key,
        "offset": int(message.get("offset", 0)),
        "limit": min(int(message.get("limit", _MOST_RESULTS)), _MOST_RESULTS),
    }
    reply = await node.commands.call("scheduler", "list_task_results", body, dict, traceparent)
    return {"results": reply.get("results", [])}
