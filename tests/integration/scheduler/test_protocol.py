"""The protocol under violence: two schedulers on one database and bus, workers that die, come back too late, say things
twice or leave, and connections to Postgres that break in the middle of transactions. Every task counts exactly once."""

import asyncio
import contextlib
import json
import os
import random
from collections import Counter
from typing import Any

import asyncpg
from google.protobuf.json_format import ParseDict

from headwater.api.artifact.v1 import artifact_pb2
from headwater.api.scheduler.v1 import graph_pb2
from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import ServiceError
from headwater_server.kit.pull import Puller
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.keys import Key, indexes_of
from tests.integration.scheduler.conftest import CODE, Blobs, failure, results_of, success
from tests.unit.scheduler.flows import Branches, Flow, Foreach, Plain, width_of

STEP = Plain(retries=2)
FLOWS = [
    Flow((STEP, STEP, STEP)),
    Flow((Foreach(40, (STEP,)),)),
    Flow((Branches(((STEP,), (STEP, STEP)), merged=True), Foreach(5, (Foreach(3, (STEP,)),)))),
    Flow((Foreach(6, (Branches(((STEP,), (STEP,))), STEP), merged=True), Foreach(4, (STEP, STEP)))),
]
PLANS = [Plan(flow.graph) for flow in FLOWS]
VIOLENCE = 5.0
SETTINGS = {"heartbeat_seconds": 0.3, "lease_seconds": 1.5}


class Rogue:
    """A worker that misbehaves while `wild` holds."""

    def __init__(self, bus: Any, rng: random.Random, wild: asyncio.Event, runs: dict[str, int]) -> None:
        self.bus, self.rng, self._calm, self._runs = bus, rng, wild, runs
        self.session, self.slots = "", 4
        self.held: dict[tuple[str, int], dict[str, Any]] = {}
        self.dead = False
        self.problems: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> "Rogue":
        await self._open()
        self._spawn(self._beat())
        self.puller = await Puller(
            self.bus, "HW_TASKS", "pool-default", self._receive, lambda: self.slots - len(self.held)
        ).start()
        return self

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ask(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        """Until there is a definitive answer."""
        while True:
            try:
                reply = await self.bus.request(f"hw.cmd.v1.scheduler.{verb}", json.dumps(body).encode(), timeout=3)
            except ServiceError:
                await asyncio.sleep(0.02)
                continue
            answer = json.loads(reply.data)
            if answer.get("error", {}).get("code") not in ("UNAVAILABLE", "INTERNAL"):
                return answer
            if answer["error"]["code"] == "INTERNAL":
                self.problems.append(answer["error"]["message"])
            await asyncio.sleep(0.02)

    async def _open(self) -> None:
        answer = await self.ask("open_session", {"pool": "default", "name": "rogue", "slots": self.slots})
        self.session = answer["sessionId"]
        await self.bus.subscribe(f"hw.ctl.v1.default.{self.session}", self._control)

    async def _beat(self) -> None:
        while not self.dead:
            held = [{"key": a["key"], "attempt": a["attempt"]} for a in self.held.values()]
            body = {"sessionId": self.session, "free": self.slots - len(held), "held": held}
            await self.bus.publish(f"hw.hb.v1.default.{self.session}", json.dumps(body).encode())
            await asyncio.sleep(0.3)

    async def _control(self, msg: Any) -> None:
        said = json.loads(msg.data)
        if said.get("reopen") and msg.subject.endswith(self.session) and not self.dead:
            await self._open()
        for attempt in said.get("cancel", []):
            self.held.pop(_name(attempt), None)

    async def _receive(self, msg: Any) -> None:
        await msg.ack()
        assignment = json.loads(msg.data)
        self.held[_name(assignment)] = assignment
        self._spawn(self._run(assignment))

    async def _run(self, assignment: dict[str, Any] | None) -> None:
        while assignment is not None and not self.dead:
            name = _name(assignment)
            self.held[name] = assignment
            self._check(assignment)
            wild = not self._calm.is_set()
            if wild and assignment["attempt"] < 3 and self.rng.random() < 0.02:
                await self._die(assignment)
                return
            await asyncio.sleep(self.rng.random() * 0.02)
            outcome = self._outcome(assignment, wild)
            assignment = await self._complete(assignment, outcome, wild)
            self.held.pop(name, None)
        if not self.dead:
            self.puller.wake()

    def _check(self, assignment: dict[str, Any]) -> None:
        """What it gets is what the winning attempts left, all of it, in order."""
        key, plan = assignment["key"], PLANS[self._runs[assignment["key"]["runId"]]]
        step = plan[key["step"]]
        if not step.joins or not assignment.get("inputs"):
            return
        join = Key(key["runId"], step.name, indexes_of(key.get("path", ""), key.get("index", 0), step.depth))
        wanted = [f"{k.step}[{k.task_id}]" for k in plan.joined_by(join, len(assignment["inputs"]))]
        given = [f"{text}@{item['attempt']}" for text, item in zip(wanted, assignment["inputs"], strict=False)]
        if results_of(assignment) != given:
            self.problems.append(f"{join} got {results_of(assignment)}")

    def _outcome(self, assignment: dict[str, Any], wild: bool) -> dict[str, Any]:
        key, run = assignment["key"], self._runs[assignment["key"]["runId"]]
        step = PLANS[run][key["step"]]
        indexes = indexes_of(key.get("path", ""), key.get("index", 0), step.depth)
        if wild and step.retries and assignment.get("retryCount", 0) < step.retries and self.rng.random() < 0.05:
            return failure()
        width = width_of(FLOWS[run].widths[step.name], indexes) if step.transition == "FOREACH" else 0
        text = f"{step.name}[{Key('', '', indexes).task_id}]@{assignment['attempt']}"
        return success(text, foreachWidth=width)

    async def _complete(self, assignment: dict[str, Any], outcome: Any, wild: bool) -> dict[str, Any] | None:
        body = {"key": assignment["key"], "attempt": assignment["attempt"], "sessionId": self.session, **outcome}
        body["wantNext"] = self.rng.random() < 0.7
        if wild and self.rng.random() < 0.1:  # twice at once: one of them is the first
            answers = await asyncio.gather(*(self.ask("complete_task", body) for _ in range(2)))
            self._expect_one(answers, assignment)
            return next((a["next"] for a in answers if "next" in a), None)
        answer = await self.ask("complete_task", body)
        if wild and self.rng.random() < 0.05:  # the reply got lost, and with it what came next
            answer = await self.ask("complete_task", body)
            if answer.get("disposition") == "DISPOSITION_ACCEPTED":
                self.problems.append(f"{assignment['key']} was accepted twice")
        return answer.get("next")

    def _expect_one(self, answers: list[dict[str, Any]], assignment: dict[str, Any]) -> None:
        if sum(a.get("disposition") == "DISPOSITION_ACCEPTED" for a in answers) > 1:
            self.problems.append(f"{assignment['key']} was accepted twice")

    async def _die(self, assignment: dict[str, Any]) -> None:
        """Vanishes with all that it holds, or leaves politely; one completion may come long after."""
        self.dead = True
        await self.puller.stop()
        if self.rng.random() < 0.3:
            await self.ask("close_session", {"sessionId": self.session})
        await asyncio.sleep(self.rng.random() * 4)
        outcome = self._outcome(assignment, wild=False)
        await self._complete(assignment, outcome, wild=False)

    async def stop(self) -> None:
        self.dead = True
        await self.puller.stop()
        for task in self._tasks:
            task.cancel()
        await self.bus.close()


def _name(attempt: dict[str, Any]) -> tuple[str, int]:
    return json.dumps(attempt["key"], sort_keys=True), attempt["attempt"]


class Cluster:
    def __init__(self, client: Any, bus: Any, admin: asyncpg.Connection, database: str, seed: int) -> None:
        self.client, self.bus, self.admin, self.database = client, bus, admin, database
        self.rng, self.calm = random.Random(seed), asyncio.Event()
        self.runs: dict[str, int] = {}
        self.workers: list[Rogue] = []
        self.facts: dict[str, tuple[str, dict[str, Any]]] = {}

    async def start_run(self, number: int) -> None:
        graph = ParseDict(FLOWS[number].graph, graph_pb2.Graph())
        request = pb.StartRunRequest(project="default", graph=graph, code=CODE, request_id=str(self.rng.random()))
        while True:
            with contextlib.suppress(ServiceError):
                self.runs[(await self.client.StartRun(request)).run.run_id] = number
                return

    async def worker(self) -> None:
        self.workers.append(Rogue(await self.bus.connect("worker-default"), self.rng, self.calm, self.runs))
        await self.workers[-1].start()

    async def violence(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(self.rng.random() * 0.5)
            if self.rng.random() < 0.5:
                await self.admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND random() < 0.5",
                    self.database,
                )
            while sum(not w.dead for w in self.workers) < 3:
                await self.worker()
        self.calm.set()

    async def listen(self) -> None:
        async def keep(msg: Any) -> None:
            self.facts[msg.headers["Nats-Msg-Id"]] = (msg.headers["ce-type"], json.loads(msg.data))

        await (await self.bus.connect("infra")).subscribe("hw.evt.v1.default.>", keep)

    def facts_of(self, kind: str) -> list[dict[str, Any]]:
        return [body for found, body in self.facts.values() if found == kind]


async def test_every_task_counts_exactly_once(service_kit, serve, new_database, bus, postgres, eventually):
    seed = int(os.environ.get("HEADWATER_TEST_SEED") or random.randrange(10_000))
    print(f"HEADWATER_TEST_SEED={seed}")
    url = await new_database("scheduler")
    blobs = await service_kit("artifact", compose=False)
    blobs.serve(artifact_pb2.DESCRIPTOR.services_by_name["ArtifactService"], Blobs())
    second = await service_kit("scheduler", database_url=url, **SETTINGS)
    client = await serve("scheduler", extra=[blobs, second], database_url=url, **SETTINGS)
    admin = await asyncpg.connect(postgres.admin_url())
    c = Cluster(client("scheduler"), bus, admin, url.rpartition("/")[2], seed)
    await c.listen()
    for number in range(3 * len(FLOWS)):
        await c.start_run(number % len(FLOWS))
    for _ in range(3):
        await c.worker()

    await c.violence(VIOLENCE)

    db = await asyncpg.connect(postgres.admin_url(c.database), server_settings={"search_path": "scheduler"})
    await eventually(lambda: _all_over(db), timeout=40, what=f"all runs are over (seed {seed})")
    assert [p for w in c.workers for p in w.problems] == []
    await _check_tables(c, db)
    expected = sum(FLOWS[number].tasks for number in c.runs.values())
    await eventually(lambda: len(c.facts_of("task.succeeded.v1")) >= expected)
    _check_facts(c)
    for worker in c.workers:
        await worker.stop()
    await db.close()
    await admin.close()


async def _all_over(db: asyncpg.Connection) -> bool:
    return await db.fetchval("SELECT count(*) FROM runs WHERE state = 1") == 0


async def _check_tables(c: Cluster, db: asyncpg.Connection) -> None:
    assert await db.fetch("SELECT run_id, failure FROM runs WHERE state <> 2") == []
    rows = await db.fetch("SELECT run_id, count(*) AS tasks FROM tasks WHERE state = 4 GROUP BY run_id")
    assert {str(r["run_id"]): r["tasks"] for r in rows} == {run: FLOWS[n].tasks for run, n in c.runs.items()}
    assert await db.fetchval("SELECT count(*) FROM tasks WHERE state <> 4") == 0
    assert await db.fetch("SELECT * FROM splits WHERE remaining <> 0 OR next_index <> width") == []


def _check_facts(c: Cluster) -> None:
    done = Counter((f["runId"], f["step"], f["taskId"]) for f in c.facts_of("task.succeeded.v1"))
    assert set(done.values()) == {1}
    assert sorted(f["runId"] for f in c.facts_of("run.succeeded.v1")) == sorted(c.runs)
    numbers: dict[str, list[int]] = {}
    for _, body in c.facts.values():
        numbers.setdefault(body["runId"], []).append(int(body["runSeq"]))
    for run, found in numbers.items():
        assert sorted(found) == list(range(1, len(found) + 1)), f"{run}: a number twice, or none"
