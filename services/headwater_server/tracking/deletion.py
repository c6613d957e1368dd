"""Takes a flow's run out of tracking when the scheduler says that it is deleted, with its nested runs, all points and
what it traced.

In the transaction that remembers the event; what comes late for such a run is refused by its name.
"""

from headwater_server.kit.envelope import Envelope
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.tracking import limits
from headwater_server.tracking.store import Store, q

ROWS = (
    q.delete_points, q.delete_packed, q.delete_latest, q.delete_params, q.delete_tags, q.delete_batches,
    q.delete_inputs, q.delete_models, q.delete_traces, q.delete_runs,
)  # fmt: skip


class Deletion:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def deleted(self, tx: OutboxTransaction, event: Envelope) -> None:
        run = limits.check_run_id(event.data.get("runId"))
        await tx.conn.execute(q.note_deleted_run, run)
        rows = await tx.conn.fetch(q.run_and_nested, run)
        ids = [row["id"] for row in rows]
        for statement in ROWS if ids else ():
            await tx.conn.execute(statement, ids)
        tx.after_commit(lambda: self._store.forget(row["uuid"] for row in rows))
