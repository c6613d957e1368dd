"""Triggers that wait for several events: what has happened so far is kept, and the last one that was missing starts the
run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from headwater_server.kit.clock import now
from headwater_server.kit.envelope import Envelope
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.scheduler import triggers
from headwater_server.scheduler.store import q

Started = tuple[dict[str, Any], list[dict[str, Any]]]


async def gather(
    tx: OutboxTransaction,
    deployment: asyncpg.Record,
    number: int,
    event: Envelope,
    source: dict[str, Any],
    tags: Sequence[str],
) -> Started | None:
    """Parameters and sources of the run that this event completes; None: something is missing, or it is none of those
    that are waited for. number: which trigger of the deployment."""
    wanted = deployment["triggers"][number]["all"]
    found = {part: triggers.match(each, event, tags) for part, each in enumerate(wanted["of"])}
    if all(given is None for given in found.values()):
        return None
    which = (deployment["project"], deployment["name"], number)
    await tx.conn.execute(q.lock_deployment, *which[:2])
    for part, given in found.items():
        if given is not None:
            await tx.conn.execute(q.arrive, *which, part, source, given)
    arrived = [row for row in await tx.conn.fetch(q.list_trigger_arrivals, *which) if _counts(row["at"], wanted)]
    if len(arrived) < len(wanted["of"]):
        return None
    await tx.conn.execute(q.forget_arrivals, *which)
    parameters: dict[str, Any] = {}
    for row in arrived:
        parameters |= row["parameters"]
    return parameters, [row["source"] for row in arrived]


def _counts(at: datetime, wanted: dict[str, Any]) -> bool:
    following = triggers.next_time([{"cron": wanted["resetAt"]}], at) if "resetAt" in wanted else None
    return following is None or following > now()
