"""A scripted scheduler and artifact service on a real bus and S3 server, and a node agent as its own process."""

import asyncio
import base64
import hashlib
import io
import json
import os
import signal
import sys
import tarfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg

from headwater_server.artifact.multipart import Multipart
from headwater_server.kit.bus import Bus
from headwater_server.kit.objects import ObjectStore
from tests.harness.servers import NatsServer, S3Server
from tests.harness.waiting import eventually

ROOT = Path(__file__).parents[4]
PART = 5 << 20
RUN = "0198a000-0000-7000-8000-000000000001"
Message = dict[str, Any]


class Store:
    """Blobs in the real bucket; answers the artifact service's commands."""

    def __init__(self, s3: S3Server) -> None:
        access, secret = s3.keys["artifact"]
        self.objects = ObjectStore(s3.endpoint, "headwater-artifacts", access, secret)
        self.begun: list[str] = []
        self.read: list[str] = []
        self.parts_from = 1 << 40  # bytes
        self._uploads: dict[str, str] = {}

    async def serve(self, bus: Bus) -> None:
        async def handle(msg: Msg) -> None:
            body = json.loads(msg.data)
            name, about = msg.subject.rpartition(".")[2], int(body.get("size", 0))
            reply = await getattr(self, name)(body["digest"], body if name == "sign_parts" else about)
            error = {"hw-error": "NOT_FOUND"} if "error" in reply else None
            await bus.publish(msg.reply, json.dumps(reply).encode(), error)

        await bus.subscribe("hw.cmd.v1.artifact.*", handle, queue="artifact")

    async def begin_upload(self, digest: str, size: int) -> Message:
        self.begun.append(digest)
        if await self.objects.head(digest):
            return {"exists": True}
        if size >= self.parts_from:
            return {"parted": await self._parted(digest, size)}
        url, headers = self.objects.presign_put(digest, sha256=digest)
        return {"url": url, "headers": headers}

    async def _parted(self, digest: str, size: int) -> Message:
        multipart = Multipart(self.objects)
        known = await multipart.parts(digest, self._uploads[digest]) if digest in self._uploads else None
        if known is None:
            self._uploads[digest] = await multipart.begin(digest)
        present = [part.number for part in known or ()]
        return {"uploadId": "u", "partSize": str(PART), "parts": -(-size // PART), "present": present}

    async def sign_parts(self, digest: str, body: Message) -> Message:
        (part,) = body["parts"]
        headers = {"content-md5": base64.b64encode(bytes.fromhex(part["md5"])).decode()}
        query = {"partNumber": str(part["number"]), "uploadId": self._uploads[digest]}
        return {
            "parts": [{"url": self.objects.presign("PUT", digest, query=query, headers=headers), "headers": headers}]
        }

    async def commit_upload(self, digest: str, size: int) -> Message:
        if digest in self._uploads:
            multipart = Multipart(self.objects)
            parts = await multipart.parts(digest, self._uploads[digest]) or []
            assert sum(part.size for part in parts) == size
            await multipart.complete(digest, self._uploads.pop(digest), [(part.number, part.etag) for part in parts])
            return {"verified": "7"}  # not yet: ask again
        info = await self.objects.head(digest)
        assert info is not None and info.size == size
        return {"blob": {"digest": digest, "size": str(size)}}

    async def get_blob(self, digest: str, size: int) -> Message:
        self.read.append(digest)
        info = await self.objects.head(digest)
        if info is None:
            return {"error": {"code": "NOT_FOUND", "message": f"no blob {digest}"}}
        return {"blob": {"digest": digest, "size": str(info.size)}, "url": self.objects.presign_get(digest)}

    async def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        await self.objects.put(digest, data)
        return digest


class Scheduler:
    """Answers a worker's commands as it is told to, and remembers what it heard."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.sessions: list[Message] = []
        self.closed: list[str] = []
        self.beats: list[Message] = []
        self.claims: list[Message] = []
        self.completions: list[Message] = []
        self.completed_at: list[float] = []
        self.results: list[Message] = []
        self.messages: list[Message] = []  # of several completions
        self.unbegun: list[Message] = []
        self.grant = True
        self.away = False
        self.answer: Callable[[Message], Message] = lambda body: {"disposition": "DISPOSITION_ACCEPTED"}

    async def serve(self) -> None:
        await self.bus.subscribe("hw.cmd.v1.scheduler.*", self._handle, queue="scheduler", concurrency=256)
        await self.bus.subscribe("hw.hb.v1.>", self._beat)

    async def _beat(self, msg: Msg) -> None:
        self.beats.append(json.loads(msg.data))

    async def _handle(self, msg: Msg) -> None:
        if self.away:
            return
        reply = getattr(self, f"_{msg.subject.rpartition('.')[2]}")(json.loads(msg.data))
        error = {"hw-error": reply["error"]["code"]} if "error" in reply else None
        await self.bus.publish(msg.reply, json.dumps(reply).encode(), error)

    def _open_session(self, body: Message) -> Message:
        self.sessions.append(body)
        return {"sessionId": f"s{len(self.sessions)}", "heartbeatInterval": 0.5}

    def _close_session(self, body: Message) -> Message:
        self.closed.append(body["sessionId"])
        return {}

    def _claim_task(self, body: Message) -> Message:
        self.claims.append(body)
        return {"granted": True} if self.grant else {}

    def _complete_task(self, body: Message) -> Message:
        self.completions.append(body)
        self.completed_at.append(time.perf_counter())
        return self.answer(body)

    def _complete_tasks(self, body: Message) -> Message:
        self.unbegun += body.get("unbegun", [])
        self.messages.append(body)
        return {"answers": [self._complete_task(each) for each in body.get("completions", [])]}

    def _list_task_results(self, body: Message) -> Message:
        page = self.results[body["offset"] : body["offset"] + min(body["limit"], 2)]  # as when they are large
        return {"results": page} if page else {}

    async def dispatch(self, assignment: Message) -> None:
        subject = "hw.task.v1.default"
        await self.bus.publish_stream(subject, json.dumps(assignment).encode(), msg_id=os.urandom(8).hex())

    async def control(self, message: Message, session: str = "s1") -> None:
        await self.bus.publish(f"hw.ctl.v1.default.{session}", json.dumps(message).encode())
        await self.bus.nc.flush()

    async def completion(self, number: int = 1) -> Message:
        await eventually(lambda: len(self.completions) >= number, 20, what=f"completion {number}")
        return self.completions[number - 1]

    async def run(self, assignment: Message) -> Message:
        """Dispatches a task and returns its completion."""
        number = len(self.completions) + 1
        await self.dispatch(assignment)
        return await self.completion(number)


class Worker:
    """`python -m headwater_server worker` with an environment as `headwater up` makes it."""

    def __init__(self, bus: NatsServer, home: Path, *arguments: str) -> None:
        self.home = home
        self.environ = {
            **os.environ,
            "HEADWATER_HOME": str(home),
            "HEADWATER_URL": "http://127.0.0.1:9",
            "HEADWATER_NATS_URL": bus.url,
            "HEADWATER_NATS_SEED": str(bus.seed("worker-default")),
            "HEADWATER_NATS_INBOX": "_INBOX_worker-default",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "services"), str(ROOT / "clients" / "python" / "src")]),
        }
        self.arguments = ["--pool", "default", "--slots", "2", *arguments]
        self.log = home / "worker.log"

    async def start(self) -> "Worker":
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "headwater_server", "worker", *self.arguments, env=self.environ, stderr=log
            )
        return self

    async def stop(self) -> float:
        """SIGTERM; returns how long it took to end."""
        began = time.perf_counter()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(self.process.wait(), 10) == 0, self.log.read_text()
        return time.perf_counter() - began

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()


class Cluster:
    def __init__(self, bus: NatsServer, scheduler: Scheduler, store: Store, home: Path) -> None:
        self.bus, self.scheduler, self.store, self.home = bus, scheduler, store, home
        self.workers: list[Worker] = []
        self.package = ""
        self.infra: Bus | None = None

    async def worker(self, *arguments: str) -> Worker:
        """A worker that has opened its session."""
        before = len(self.scheduler.sessions)
        self.workers.append(await Worker(self.bus, self.home, *arguments).start())
        await eventually(lambda: len(self.scheduler.sessions) > before, 15, what="a session")
        await eventually(lambda: self.scheduler.beats, what="the first heartbeat")
        return self.workers[-1]

    async def use(self, *files: Path) -> None:
        """Puts a code package of these files into the store."""
        self.package = await self.store.put(tar({file.name: file.read_bytes() for file in files}))

    def task(self, step: str, manifest: str = "", **more: Any) -> Message:
        """An assignment; manifest is what the task before left behind."""
        spec = {"name": step, "transition": "TRANSITION_LINEAR", "next": ["end"], **more.pop("spec", {})}
        given = [result({"runId": RUN, "step": "before"}, manifest)] if manifest else []
        code = {"package": self.package, "entrypoint": "lab.py", "flowClass": "Lab", **more.pop("code", {})}
        key = {"runId": RUN, "step": step, **more.pop("key", {})}
        age = timedelta(seconds=more.pop("age", 0))
        return {
            "key": key,
            "attempt": 1,
            "project": "default",
            "flow": "Lab",
            "step": spec,
            "code": code,
            "inputs": given,
            "dispatchedAt": (datetime.now(UTC) - age).isoformat().replace("+00:00", "Z"),
            **more,
        }

    async def stream(self, name: str, subject: str) -> list[Message]:
        """Everything that a stream holds under a subject, oldest first."""
        self.infra = infra = self.infra or await self.bus.connect("infra")
        found: list[Message] = []
        seq = 1
        while True:
            body = json.dumps({"seq": seq, "next_by_subj": subject}).encode()
            reply = json.loads((await infra.request(f"$JS.API.STREAM.MSG.GET.{name}", body)).data)
            if "message" not in reply:
                return found
            found.append(json.loads(base64.b64decode(reply["message"]["data"])))
            seq = reply["message"]["seq"] + 1

    async def lines(self, step: str, task_id: str = "0") -> list[tuple[str, str]]:
        """(stream, text) of a task's log."""
        chunks = await self.stream("HW_LOGS", f"hw.logs.v1.default.{RUN}.{step}-{task_id}")
        return [(line["stream"].removeprefix("LOG_STREAM_"), line["text"]) for c in chunks for line in c["lines"]]


def tar(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def result(key: Message, manifest: str) -> Message:
    return {"key": key, "attempt": 1, "result": base64.b64encode(manifest.encode()).decode()}


def manifest(completion: Message) -> str:
    assert "success" in completion, completion
    return base64.b64decode(completion["success"]["result"]).decode()


def artifacts(completion: Message) -> Message:
    return json.loads(manifest(completion))["artifacts"]
