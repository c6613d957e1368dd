"""The RPCs of how long points are kept. No SQL here."""

from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration

from headwater.api.common.v1 import common_pb2
from headwater.api.tracking.v1 import points_pb2 as pb
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.rpc import Call
from headwater_server.tracking.keeping import Deadline, Keeping
from headwater_server.tracking.removal import Removal, Why
from headwater_server.tracking.store import Store, q

LONGEST = timedelta(days=36_500)
MOST_KEPT = 1_000_000
MOST_COUNTED = 10_000
WORK_SECONDS = 4.0


class KeepingApi:
    def __init__(self, store: Store, keeping: Keeping, removal: Removal) -> None:
        self._store, self._keeping, self._removal = store, keeping, removal

    async def set_point_retention(
        self, request: pb.SetPointRetentionRequest, call: Call
    ) -> pb.SetPointRetentionResponse:
        after = _period(request.after, "after")
        if not 0 <= request.keep_points <= MOST_KEPT:
            text = f"keep_points: {request.keep_points} is not between 0 and {MOST_KEPT:,}"
            hint = "at most so many points of each series stay; 0: none"
            raise InvalidArgument(text, field="keep_points", hint=hint)
        experiment = await self._experiment(request.project, request.experiment)
        actor = {"kind": call.actor.kind, "name": call.actor.name}
        await self._store.execute(q.set_point_retention, request.project, experiment, after, request.keep_points, actor)
        rows = await self._store.fetch(q.point_retention, request.project)
        (row,) = [row for row in rows if row["experiment_id"] == experiment]
        return pb.SetPointRetentionResponse(retention=_message(row))

    async def get_point_retention(
        self, request: pb.GetPointRetentionRequest, call: Call
    ) -> pb.GetPointRetentionResponse:
        rows = await self._store.fetch(q.point_retention, request.project)
        due = await self._keeping.due(request.project, MOST_COUNTED) if rows else 0
        return pb.GetPointRetentionResponse(rules=map(_message, rows), due=due)

    async def delete_point_retention(
        self, request: pb.DeletePointRetentionRequest, call: Call
    ) -> pb.DeletePointRetentionResponse:
        experiment = await self._experiment(request.project, request.experiment)
        if await self._store.remove(q.delete_point_retention, request.project, experiment) == 0:
            what = f"experiment {request.experiment!r}" if experiment else f"project {request.project!r}"
            raise NotFound(f"{what} has no rule of its own", hint="`headwater experiments retention show` lists them")
        return pb.DeletePointRetentionResponse()

    async def _experiment(self, project: str, name: str) -> int:
        return (await self._store.experiment_ids(project, [name]))[0] if name else 0

    async def collect_points(self, request: pb.CollectPointsRequest, call: Call) -> pb.CollectPointsResponse:
        """Works for some seconds; `more` says that it is to be called again."""
        answer, deadline = pb.CollectPointsResponse(), Deadline(WORK_SECONDS)
        if request.HasField("purge_deleted_after"):
            why = Why(call.actor, "deleted before", call.traceparent)
            after = _period(request.purge_deleted_after, "purge_deleted_after", zero=True)
            more = True
            while more and not deadline.over:
                runs, experiments, more = await self._removal.deleted(
                    request.project, after, why, dry_run=request.dry_run
                )
                answer.purged_runs += runs
                answer.purged_experiments += experiments
                if request.dry_run:
                    break
            answer.more = more and not request.dry_run
        if request.dry_run:
            answer.thinned_runs = await self._keeping.due(request.project, MOST_COUNTED)
            return answer
        await self._tidy(request.project, answer, deadline)
        return answer

    async def _tidy(self, project: str, answer: pb.CollectPointsResponse, deadline: Deadline) -> None:
        runs = 1
        while runs and not deadline.over:
            runs, points = await self._keeping.thin(project)
            answer.thinned_runs += runs
            answer.removed_points += points
        packed = 1
        while packed and not deadline.over:
            packed = await self._keeping.pack(project, timedelta(0))
            answer.packed_runs += packed
        answer.more = answer.more or bool(runs or packed)


def _period(given: Duration, field: str, *, zero: bool = False) -> timedelta:
    try:
        period = given.ToTimedelta()
    except (OverflowError, ValueError):
        period = timedelta(-1)
    if not timedelta(0) <= period <= LONGEST or (not period and not zero):
        text = f"{field}: {given.seconds} s is not between 0 and a hundred years"
        raise InvalidArgument(text, field=field, hint="e.g. 90 days: 7776000s")
    return period


def _message(row: Any) -> pb.PointRetention:
    after = Duration()
    after.FromTimedelta(row["after"])
    return pb.PointRetention(
        project=row["project"],
        experiment=row["experiment"],
        after=after,
        keep_points=row["keep"],
        set_at=timestamp(row["set_at"]),
        set_by=common_pb2.Actor(**row["set_by"]),
    )
