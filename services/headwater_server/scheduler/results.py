"""The results that a join asks for, a page at a time."""

from headwater_server.kit.errors import InvalidArgument
from headwater_server.scheduler.assignments import Input
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.store import Store, columns, q

MOST = 1000
# Results are small, but a page of a thousand of the largest would not fit into one message of the bus.
MOST_BYTES = 2 << 20


class Results:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_join(self, join: Key, offset: int, limit: int) -> list[Input]:
        """At least one where there is one left; fewer than `limit` where they are large."""
        info = await self._store.info(join.run_id)
        if not info.plan[join.step].joins:
            raise InvalidArgument(f"key.step: {join.step} is no join", field="key.step")
        if offset < 0 or limit < 0:
            raise InvalidArgument(f"offset {offset} and limit {limit} must not be negative", field="offset")
        async with self._store.database.pool.acquire() as conn:
            width = await self._store.join_width(conn, info.plan, join)  # type: ignore[arg-type]
            most = min(limit or MOST, MOST)
            wanted = await self._store.joined(conn, info.plan, join, width, offset, most)  # type: ignore[arg-type]
            rows = await conn.fetch(q.load_results, *columns(wanted))
        found, size = [], 0
        for row in rows:
            size += len(row["result"] or b"")
            if found and size > MOST_BYTES:
                break
            found.append(Input(wanted[row["n"] - 1], row["attempt"], row["result"] or b""))
        return found
