"""What clients have registered: found by pathspec, added, and read back as the JSON that they expect."""

import uuid
from dataclasses import dataclass
from typing import Any

import asyncpg

from headwater.api.scheduler.v1 import metaflow_pb2 as pb
from headwater_server.kit.database import Database
from headwater_server.kit.errors import AlreadyExists, InvalidArgument, NotFound
from headwater_server.kit.hints import shown
from headwater_server.scheduler.store import q

MAX_NAME = 500
MAX_PATTERN = 1000
MAX_ID = 2**31 - 1
KINDS = ("flow", "run", "step", "task", "artifact")


@dataclass(frozen=True)
class Run:
    number: int
    run_id: uuid.UUID
    project: str
    flow: str
    name: str
    state: int
    failure: dict[str, Any] | None
    end_step: str

    @property
    def exposed(self) -> str:
        return self.name or str(self.number)


@dataclass(frozen=True)
class Task:
    task_id: int
    step: str
    name: str

    @property
    def exposed(self) -> str:
        return self.name or str(self.task_id)


def run_of(row: Any) -> Run:
    """row: of mf_runs, with state and failure of its row in runs."""
    return Run(
        number=row["run_number"],
        run_id=row["run_id"],
        project=row["project"],
        flow=row["flow"],
        name=row["name"] or "",
        state=row["state"],
        failure=row["failure"],
        end_step=row["end_step"],
    )


class Objects:
    def __init__(self, database: Database) -> None:
        self._database = database

    # Found

    async def run(self, project: str, path: pb.MetaflowPath) -> Run:
        """Raises NotFound."""
        return (await self._find(project, path, ""))[0]

    async def task(self, project: str, path: pb.MetaflowPath) -> tuple[Run, Task]:
        """Raises NotFound."""
        run, task = await self._find(project, path, path.task)
        if task is None:
            raise absent("task", f"{path.flow}/{path.run}/{path.step}/{path.task}")
        return run, task

    async def _find(self, project: str, path: pb.MetaflowPath, task: str) -> tuple[Run, Task | None]:
        check_path(path)
        keys = (*_number_or_name(path.run), path.step, *_number_or_name(task))
        row = await self._database.fetchrow(q.mf_find, project, path.flow, *keys)
        if row is None:
            raise absent("run", f"{path.flow}/{path.run}")
        found = row["task_id"]
        return run_of(row), Task(found, row["step"], row["task_name"] or "") if found is not None else None

    # Read

    async def read(self, project: str, path: pb.MetaflowPath, kind: int, attempt: int | None) -> str:
        """JSON. Raises NotFound."""
        check_path(path)
        if kind == pb.METAFLOW_KIND_FLOW:
            return await self._flows(project, path)
        if kind == pb.METAFLOW_KIND_RUN and not path.run:
            return await self._value(q.mf_list_runs, project, path.flow)
        if path.task:
            return await self._of_task((await self.task(project, path))[1], path, kind, attempt)
        run = await self.run(project, path)
        if kind == pb.METAFLOW_KIND_RUN:
            return await self._value(q.mf_get_run, run.number)
        if kind == pb.METAFLOW_KIND_STEP:
            return await self._steps(run, path)
        if kind == pb.METAFLOW_KIND_TASK:
            return await self._value(q.mf_rows_of_tasks, run.number, path.step)
        if kind == pb.METAFLOW_KIND_METADATA:
            return await self._value(q.mf_metadata_of_run, run.number)
        if kind == pb.METAFLOW_KIND_ARTIFACT:
            return await self._value(q.mf_artifacts_of_run, run.number, path.step or None)
        raise _no_kind()

    async def _of_task(self, task: Task, path: pb.MetaflowPath, kind: int, attempt: int | None) -> str:
        if kind == pb.METAFLOW_KIND_TASK:
            return await self._value(q.mf_get_task, task.task_id)
        if kind == pb.METAFLOW_KIND_METADATA:
            return await self._value(q.mf_list_metadata, task.task_id)
        if kind != pb.METAFLOW_KIND_ARTIFACT:
            raise _no_kind()
        found = await self._value(q.mf_artifacts_of_task, task.task_id, attempt, path.artifact or None)
        if not path.artifact:
            return found
        if found == "[]":
            raise absent("artifact", f"{path.flow}/{path.run}/{path.step}/{path.task}/{path.artifact}")
        return found[1:-1]

    async def _value(self, sql: str, *values: Any) -> Any:
        return await self._database.fetchval(sql, *values)

    async def _flows(self, project: str, path: pb.MetaflowPath) -> str:
        if not path.flow:
            return await self._value(q.mf_list_flows, project)
        return await self._value(q.mf_get_flow, project, path.flow) or _raise(absent("flow", path.flow))

    async def _steps(self, run: Run, path: pb.MetaflowPath) -> str:
        if not path.step:
            return await self._value(q.mf_list_steps, run.number)
        found = await self._value(q.mf_get_step, run.number, path.step)
        return found or _raise(absent("step", f"{path.flow}/{path.run}/{path.step}"))

    async def filter_tasks(self, run: Run, path: pb.MetaflowPath, field: str, pattern: str) -> list[str]:
        """Pathspecs. Raises InvalidArgument for a pattern that is no regular expression, or takes too long."""
        if len(pattern) > MAX_PATTERN or "\0" in pattern + field:
            raise _bad_pattern(pattern, f"at most {MAX_PATTERN} characters")
        try:
            async with self._database.transaction() as conn:
                await conn.execute("SET LOCAL statement_timeout = '5s'")
                rows = await conn.fetch(q.mf_filter_tasks, run.number, path.step, field, pattern)
        except asyncpg.InvalidRegularExpressionError as error:
            raise _bad_pattern(pattern, str(error)) from None
        except asyncpg.QueryCanceledError:
            raise _bad_pattern(pattern, "it took longer than 5 s to match") from None
        return [f"{path.flow}/{path.run}/{path.step}/{row['task']}" for row in rows]

    # Added

    async def add_flow(self, request: pb.RegisterMetaflowRequest) -> str:
        flow = request.path.flow
        values = (request.user_name or None, request.ts_epoch, list(request.tags), list(request.system_tags))
        if await self._value(q.mf_add_flow, request.project, flow, *values) is None:
            raise exists("flow", flow)
        return await self._value(q.mf_get_flow, request.project, flow)

    async def add_step(self, run: Run, request: pb.RegisterMetaflowRequest) -> str:
        step = request.path.step
        if await self._value(q.mf_add_step, run.number, step, request.user_name or None, request.ts_epoch) is None:
            raise exists("step", f"{run.flow}/{run.exposed}/{step}")
        return await self._value(q.mf_get_step, run.number, step)

    async def add_task(self, run: Run, request: pb.RegisterMetaflowRequest) -> str:
        path = request.path
        check_brought("task_id", path.task)
        values = (path.step, path.task or None, request.user_name or None, request.ts_epoch)
        task_id = await self._value(q.mf_add_task, run.number, *values)
        if task_id is None:
            raise exists("task", f"{run.flow}/{run.exposed}/{path.step}/{path.task}")
        return await self._value(q.mf_get_task, task_id)


def check_path(path: pb.MetaflowPath) -> None:
    for name in KINDS:
        value = getattr(path, name)
        if len(value) > MAX_NAME or "\0" in value:
            hint = f"at most {MAX_NAME} characters, none of them NUL"
            raise InvalidArgument(f"{name}: {shown(value)} is not a name", field=name, hint=hint)


def check_brought(field: str, value: str) -> None:
    """Numbers are the server's: a client that brought its own could take another's."""
    if value.isnumeric():
        hint = "Leave it out to get one, or bring a name such as argo-abc."
        raise InvalidArgument(f"{field}: provided {field} may not be a numeric: {shown(value)}", field=field, hint=hint)


def _number_or_name(text: str) -> tuple[int | None, str | None]:
    """Digits are a number that the server gave, or no object at all."""
    if text.isdecimal():
        return (int(text) if len(text) < 10 else MAX_ID), None
    return None, text or None


def _no_kind() -> InvalidArgument:
    return InvalidArgument("kind: there is nothing of that kind below the path", field="kind")


def absent(kind: str, pathspec: str) -> NotFound:
    return NotFound(f"there is no {kind} {shown(pathspec)}", field=kind, reason="METAFLOW_NOT_FOUND")


def exists(kind: str, pathspec: str) -> AlreadyExists:
    return AlreadyExists(f"{kind} {shown(pathspec)} exists already", field=kind)


def _bad_pattern(pattern: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"pattern: {shown(pattern)} cannot be used: {why}", field="pattern")


def _raise(error: Exception) -> Any:
    raise error
