"""Which run or experiment a request is about, and whether the caller may know of it."""

import uuid
from typing import Any

from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.rpc import Call
from headwater_server.tracking.batches import Batch
from headwater_server.tracking.flow_runs import nested_id
from headwater_server.tracking.ingest import Ingest
from headwater_server.tracking.mlflow import checks
from headwater_server.tracking.mlflow.answers import DEFAULT_EXPERIMENT, DEFAULT_ID
from headwater_server.tracking.store import RunRef, Store, q

_MAX_ID = 2**31 - 1


class Scope:
    def __init__(self, store: Store, ingest: Ingest, outbox: Outbox) -> None:
        self.store, self._ingest, self._outbox = store, ingest, outbox
        self._defaults: dict[str, int] = {}

    # Runs

    async def run(self, text: str, call: Call) -> tuple[RunRef, uuid.UUID]:
        """A run by its 32 hex digits. Raises NotFound."""
        if not text:
            raise checks.missing("run_id")
        ident = _uuid(text)
        if ident is None:
            raise no_run(text)
        found = (await self.store.locate_all([ident])).get(ident) or await self._own_run(ident, call)
        if found is None or call.project not in ("*", found.project):
            raise no_run(text)
        return found, ident

    async def runs(self, texts: list[str], call: Call) -> dict[str, int]:
        """Inner ids of several. Raises NotFound for the first that is none."""
        idents = {text: _uuid(text) for text in texts}
        found = await self.store.locate_all(ident for ident in idents.values() if ident)
        answer: dict[str, int] = {}
        for text, ident in idents.items():
            ref = found.get(ident) if ident else None
            if ref is None or call.project not in ("*", ref.project):
                raise no_run(text)
            answer[text] = ref.id
        return answer

    async def _own_run(self, ident: uuid.UUID, call: Call) -> RunRef | None:
        """A task may ask for the run that it logs to before anything was logged there: it is made now."""
        actor = call.actor
        if actor.kind != "task":
            return None
        flow_run = uuid.UUID(actor.run_id)
        if ident != flow_run and (not actor.task or ident != nested_id(flow_run, actor.task)):
            return None
        task = "" if ident == flow_run else actor.task
        await self._ingest.place([Batch(flow_run, call.project, task=task)])
        return (await self.store.locate_all([ident])).get(ident)

    # Experiments

    async def default(self, project: str) -> int:
        """Id of the project's experiment "0", which always exists."""
        if project not in self._defaults:
            async with self._outbox.transaction() as tx:
                self._defaults[project] = await self.store.ensure_experiment(tx, project, DEFAULT_EXPERIMENT)
        return self._defaults[project]

    def forget(self, text: str, project: str) -> bool:
        """An experiment was not there. Is it worth looking again? The default one may have gone with all that the
        project had, and come anew."""
        return text in ("", DEFAULT_ID) and self._defaults.pop(project, None) is not None

    async def experiment_key(self, text: str, project: str) -> int:
        """Inner id of the experiment with this id in MLflow's words. Raises InvalidArgument."""
        if text in ("", DEFAULT_ID):
            return await self.default(project)
        if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > _MAX_ID:
            raise InvalidArgument(f"Invalid experiment ID '{text}'. Experiment ID must be a valid integer.")
        return int(text)

    async def experiment(self, text: str, project: str, call: Call) -> Any:
        """Its row. Raises NotFound."""
        if not text:
            raise checks.missing("experiment_id")
        row = await self.store.fetchrow(q.ml_experiment, await self.experiment_key(text, project), seen(call))
        if row is None and self.forget(text, project):
            row = await self.store.fetchrow(q.ml_experiment, await self.experiment_key(text, project), seen(call))
        if row is None:
            raise no_experiment(text)
        return row

    async def experiments(self, texts: list[str], project: str, call: Call) -> list[int]:
        """Inner ids of those that exist and may be seen."""
        found: list[int] = []
        for _ in range(2):
            keys = [await self.experiment_key(text, project) for text in texts]
            found = [row["id"] for row in await self.store.fetch(q.ml_experiment_ids, keys, seen(call))]
            if len(found) == len(keys) or DEFAULT_ID not in texts or self._defaults.get(project) in found:
                break
            self.forget(DEFAULT_ID, project)
        return found


def seen(call: Call) -> str | None:
    """The project whose things the caller may see; None: of all."""
    return None if call.project == "*" else call.project


def no_experiment(text: str) -> NotFound:
    return NotFound(f"No Experiment with id={text or DEFAULT_ID} exists")


def no_run(text: str) -> NotFound:
    return NotFound(f"Run with id={text} not found")


def _uuid(text: str) -> uuid.UUID | None:
    if len(text) not in (32, 36):
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
