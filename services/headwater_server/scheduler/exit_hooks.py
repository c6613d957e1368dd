"""Which run carries out the exit hooks of a run that has ended.

Hooks are a run of their own, of one step, started by the fact of the end: durable like that fact, on a worker, seen in
every list, and without a way to change what has ended.
"""

from typing import Any

import structlog

from headwater_server.kit.envelope import Envelope
from headwater_server.kit.errors import NotFound
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.deployments import source_of
from headwater_server.scheduler.runs import NewRun, Runs
from headwater_server.scheduler.store import Store

log = structlog.get_logger("scheduler.exit_hooks")
STEP = "_exit_hook"
HOOKS = {"run.succeeded": "onSuccess", "run.failed": "onError", "run.cancelled": "onError"}


class ExitHooks:
    def __init__(self, store: Store, runs: Runs) -> None:
        self._store, self._runs = store, runs

    async def waited_for(self, event: Envelope) -> bool:
        """May hooks follow from it?"""
        if event.type not in HOOKS or event.source != "scheduler":
            return False
        try:
            info = await self._store.info(str(event.data.get("runId")))
        except NotFound:
            return False
        return bool(info.plan.json.get(HOOKS[event.type]))

    async def on_event(self, tx: OutboxTransaction, event: Envelope) -> None:
        """Starts the hooks of a run, in the transaction that remembers the event of its end."""
        if event.type not in HOOKS or event.source != "scheduler":
            return
        try:
            info = await self._store.info(str(event.data.get("runId")), tx.conn)
        except NotFound:  # deleted meanwhile
            return
        if info.project == event.project and (new := hook_run(info, event.type, source_of(event))) is not None:
            run_id = await self._runs.start_in(tx, new)
            log.info("exit hooks started", of=info.run_id, run=run_id)


def hook_run(info: RunInfo, ended: str, trigger: dict[str, Any]) -> NewRun | None:
    """The run of the hooks that this end of a run calls for; None where there are none. A run has one at most."""
    if not info.plan.json.get(HOOKS[ended]):
        return None
    first = info.plan[info.plan.start].json
    step = {"name": STEP, "transition": "TRANSITION_END", "doc": f"Exit hooks of run {info.run_id}"}
    # Where the first step could run, and with its packages, the file of the flow can be imported.
    step |= {name: first[name] for name in ("pool", "environment") if name in first}
    flow = f"{info.flow}.exit_hook"
    return NewRun(
        project=info.project,
        flow=flow,
        graph={"flow": flow, "steps": [step], "start": STEP, "end": STEP},
        code=info.code,
        parameters=info.parameters,
        created_by=info.created_by,
        role=info.role,
        request_id=f"exit-hook:{info.run_id}",
        tags=info.tags,
        priority=info.priority,
        traceparent=info.traceparent,
        trigger=trigger,
    )
