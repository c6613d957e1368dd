"""The cheapest server that MlflowClient accepts: answers that were made before, nothing stored.

What is measured with it is the cost of the client and of HTTP. `python tests/bench/floor.py PORT`
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import uvicorn

RUN = "0" * 32
Send = Callable[[dict[str, Any]], Awaitable[None]]


def run(name: str, number: int = 0) -> dict[str, Any]:
    info = {
        "run_id": RUN, "run_uuid": RUN, "run_name": name, "experiment_id": "1", "user_id": "bench",
        "status": "FINISHED", "start_time": 1, "end_time": 2, "lifecycle_stage": "active",
        "artifact_uri": f"mlflow-artifacts:/1/{RUN}/artifacts",
    }  # fmt: skip
    metrics = [{"key": k, "value": number / 1000, "timestamp": 1, "step": 0} for k in ("acc", "loss", "f1")]
    texts = [{"key": f"p{i}", "value": str(number % (5 + i))} for i in range(4)]
    return {"info": info, "data": {"metrics": metrics, "params": texts, "tags": texts}, "inputs": {}, "outputs": {}}


POINTS = [{"key": "h", "value": i * 0.37, "timestamp": i, "step": i} for i in range(100_000)]
ANSWERS = {
    "experiments/create": msgspec.json.encode({"experiment_id": "1"}),
    "runs/create": msgspec.json.encode({"run": run("r")}),
    "runs/get": msgspec.json.encode({"run": run("r")}),
    "runs/update": msgspec.json.encode({"run_info": run("r")["info"]}),
    "metrics/get-history": msgspec.json.encode({"metrics": POINTS}),
    "artifacts/list": msgspec.json.encode({"root_uri": "", "files": []}),
}
PAGES = {size: msgspec.json.encode({"runs": [run(f"r{n}", n) for n in range(size)]}) for size in (100, 1000)}
CHUNK = bytes(1 << 20)
files: dict[str, int] = {}


async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    if scope["type"] != "http":
        return
    path = scope["path"].partition("/mlflow/")[2]
    body, size, more = b"", 0, True
    is_file = "/mlflow-artifacts/artifacts" in scope["path"]
    while more:
        message = await receive()
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        body += part if not is_file else b""
    if is_file and scope["path"].endswith(".bin"):
        await _file(scope, size, send)
    elif path == "runs/search":
        await _answer(send, PAGES[msgspec.json.decode(body)["max_results"]])
    else:
        await _answer(send, ANSWERS.get(path, b"{}"))


async def _file(scope: dict[str, Any], size: int, send: Send) -> None:
    if scope["method"] == "PUT":
        files[scope["path"]] = size
        await _answer(send, b"{}")
        return
    left = files.get(scope["path"], 0)
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(left).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while left > 0:
        part = CHUNK[: min(left, len(CHUNK))]
        left -= len(part)
        await send({"type": "http.response.body", "body": part, "more_body": left > 0})


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
