"""Questions about runs, tasks, flows and workers: filtered and paged in Postgres, never item by item."""

import uuid
from collections.abc import Sequence

import asyncpg

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.scheduler import messages
from headwater_server.scheduler.candidates import spot
from headwater_server.scheduler.graph import Step
from headwater_server.scheduler.keys import LOOPS, joined, loops_of, numbers
from headwater_server.scheduler.metaflow import listing as theirs
from headwater_server.scheduler.needs import Spot, why_waiting
from headwater_server.scheduler.shape import LIMIT
from headwater_server.scheduler.states import FINAL, RunState, TaskState
from headwater_server.scheduler.store import Store, no_run, q

SHORTEST_END = 4


class Listing:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database

    # Runs

    async def find(self, text: str, project: str) -> uuid.UUID:
        """A run by its id, a unique end of it, or "latest", among those of a project ("*": all). Raises NotFound."""
        if text == "latest":
            found = await self._database.fetchval(q.latest_run, project)
            if found is None:
                raise NotFound(f"project {project!r} has no runs yet", field="run_id", reason="RUN_NOT_FOUND")
            return found
        try:
            return uuid.UUID(text)
        except ValueError:
            return await self._by_end(text, project)

    async def _by_end(self, text: str, project: str) -> uuid.UUID:
        if len(text) < SHORTEST_END or not set(text.lower()) <= set("0123456789abcdef-"):
            raise no_run(text)
        found = await self._database.fetch(q.runs_ending_in, text.lower()[::-1] + "%", project)
        if len(found) > 1:
            ids = ", ".join(str(row["run_id"]) for row in found)
            raise InvalidArgument(f"several runs end in {text!r}: {ids}", field="run_id", hint="give more of the id")
        if not found:
            raise no_run(text)
        return found[0]["run_id"]

    async def run(self, run_id: uuid.UUID) -> pb.Run:
        row = await self._database.fetchrow(q.get_run, run_id)
        if row is None:
            raise no_run(str(run_id))
        plan = await self._store.plan(row["graph_digest"])
        counted = await self._counted([row])
        waiting = await self._waiting([row], counted)
        run = messages.run(row, plan, counted[run_id], waiting.get(run_id, ""))
        await theirs.complete(self._database, [run])
        return run

    async def runs(self, request: pb.ListRunsRequest) -> pb.ListRunsResponse:
        size = page_size(request.page_size)
        question = (request.project, request.flow, request.state, request.tag, request.deployment, request.event_id)
        tags = list(request.tags)
        position = read_page_token(request.page_token, *question, tags)
        rows = await self._database.fetch(q.list_runs, *question, position[0] if position else None, tags, size + 1)
        shown = rows[:size]
        counted = await self._counted(shown)
        waiting = await self._waiting(shown, counted)
        answer = pb.ListRunsResponse(
            runs=[messages.run(r, None, counted[r["run_id"]], waiting.get(r["run_id"], "")) for r in shown]
        )
        await theirs.complete(self._database, answer.runs)
        if len(rows) > size:
            answer.next_page_token = page_token([str(shown[-1]["run_id"])], *question, tags)
        return answer

    async def _counted(self, rows: Sequence[asyncpg.Record]) -> dict[uuid.UUID, pb.TaskCounts]:
        by_state: dict[uuid.UUID, dict[int, int]] = {
            row["run_id"]: {int(state): tasks for state, tasks in (row["task_counts"] or {}).items()} for row in rows
        }
        unknown = [row["run_id"] for row in rows if row["task_counts"] is None]
        for row in await self._database.fetch(q.count_tasks, unknown) if unknown else ():
            by_state[row["run_id"]][row["state"]] = row["tasks"]
        await self._keep([row for row in rows if row["task_counts"] is None], by_state)
        live = [row["run_id"] for row in rows if row["state"] == RunState.RUNNING]
        pending = {r["run_id"]: r["pending"] for r in await self._database.fetch(q.count_pending, live)} if live else {}
        return {run_id: messages.counts(by_state[run_id], pending.get(run_id, 0)) for run_id in by_state}

    async def _keep(self, rows: Sequence[asyncpg.Record], by_state: dict[uuid.UUID, dict[int, int]]) -> None:
        """Remembers the counts of runs that are over: they were counted for the last time. A run that somebody else
        executes may come back."""
        over = [
            row["run_id"]
            for row in rows
            if row["state"] != RunState.RUNNING and not row["engine"] and by_state[row["run_id"]].keys() <= FINAL
        ]
        if over:
            counts = [{str(state): tasks for state, tasks in by_state[run_id].items()} for run_id in over]
            await self._database.execute(q.keep_counts, over, counts)

    async def _waiting(
        self, rows: Sequence[asyncpg.Record], counted: dict[uuid.UUID, pb.TaskCounts]
    ) -> dict[uuid.UUID, str]:
        """Why nothing runs, for those runs that could go on."""
        idle = [r["run_id"] for r in rows if r["state"] == RunState.RUNNING and not counted[r["run_id"]].running]
        if not idle:
            return {}
        paused = {r["run_id"]: "paused: `headwater run resume` lets it go on" for r in rows if r["paused_at"]}
        waiting = await self._database.fetch(q.waiting_steps, idle)
        spots = await self._spots({row["pool"] for row in waiting})
        why: dict[uuid.UUID, dict[str, None]] = {}
        for row in waiting:
            step = (await self._store.info(str(row["run_id"]))).plan.steps.get(row["step"])
            if step is not None and (text := _why(step, row["width"], spots)):
                why.setdefault(row["run_id"], {})[text] = None
        found = {run_id: "; ".join(texts) for run_id, texts in why.items()}
        return found | {run_id: text for run_id, text in paused.items() if run_id in idle}

    async def _spots(self, pools: set[str]) -> dict[str, list[Spot]]:
        """The workers of each pool."""
        found: dict[str, list[Spot]] = {pool: [] for pool in pools}
        for row in await self._database.fetch(q.spots, list(pools)) if pools else []:
            found[row["pool"]].append(spot(row))
        return found

    # Tasks

    async def tasks(self, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
        size = page_size(request.page_size, default=1000, most=1000 if request.results else 5000)
        info = await self._store.info(request.run_id)
        if info.engine:
            return await theirs.tasks(self._database, request)
        if request.step and request.step not in info.plan.steps:
            hint = f"it has {', '.join(info.plan.steps)}"
            raise NotFound(f"flow {info.flow} has no step {request.step!r}", field="step", hint=hint)
        path, index = self._address(request)
        question = (request.run_id, request.step, request.state, request.task_id, request.results)
        after = read_page_token(request.page_token, *question) or [None, None, None]
        rows = await self._database.fetch(
            q.list_tasks, info.run_id, request.step, request.state, path, index, request.results, *after, size + 1
        )
        ready = [info.plan[name] for name in {row["step"] for row in rows if row["state"] == TaskState.READY}]
        spots = await self._spots({step.pool for step in ready})
        waiting = {step.name: _why(step, 1, spots) for step in ready}
        answer = pb.ListTasksResponse(tasks=[messages.task(row, info.plan, waiting) for row in rows[:size]])
        if len(rows) > size:
            last = rows[size - 1]
            answer.next_page_token = page_token([last["step_no"], last["path"], last["index"]], *question)
        return answer

    def _address(self, request: pb.ListTasksRequest) -> tuple[str | None, int | None]:
        if not request.task_id:
            return None, None
        if not request.step:
            raise InvalidArgument("task_id without step", field="step", hint="name the step of the task")
        ids, mark, loops = request.task_id.partition(LOOPS)
        try:
            indexes = numbers(ids)
            loops_of(mark + loops)
            return joined(indexes[:-1]) + mark + loops, indexes[-1]
        except (ValueError, IndexError):
            hint = 'the indexes of its foreach steps, e.g. "3" or "3.0", and the round of its loop, e.g. "0~2"'
            raise NotFound(f"there is no task {request.task_id!r}", field="task_id", hint=hint) from None

    # Limits

    async def limits(self, project: str) -> list[pb.Limit]:
        rows = await self._database.fetch(q.list_limits, project)
        return [pb.Limit(key=row["key"], most=row["most"], running=row["running"]) for row in rows]

    async def set_limit(self, project: str, key: str, most: int) -> pb.Limit:
        """most: -1 removes it."""
        if not LIMIT.fullmatch(key):
            raise InvalidArgument(f"key: {key!r} is no name of a limit", field="key", hint="letters, digits, _ - . : /")
        if most < -1:
            raise InvalidArgument(f"most: {most} is negative", field="most", hint="-1 removes the limit")
        if most == -1:
            await self._database.execute(q.remove_limit, project, key)
        else:
            await self._database.execute(q.set_limit, project, key, most)
        return next((limit for limit in await self.limits(project) if limit.key == key), pb.Limit(key=key, most=-1))

    # Flows and workers

    async def flows(self, request: pb.ListFlowsRequest) -> pb.ListFlowsResponse:
        answer = pb.ListFlowsResponse()
        for row in await self._database.fetch(q.list_flows, request.project, list(request.tags)):
            latest = await self.run(uuid.UUID(row["latest"]))
            latest.ClearField("graph")
            answer.flows.append(pb.FlowSummary(flow=row["flow"], runs=row["runs"], latest=latest))
        return answer

    async def workers(self) -> pb.ListWorkersResponse:
        rows = await self._database.fetch(q.list_sessions)
        return pb.ListWorkersResponse(workers=[messages.worker(row) for row in rows])


def _why(step: Step, width: int, spots: dict[str, list[Spot]]) -> str:
    """Why something of this step waits, if there is more to say than that its turn will come."""
    return why_waiting(step.name, step.pool, step.need, width if step.member else 1, spots[step.pool])
