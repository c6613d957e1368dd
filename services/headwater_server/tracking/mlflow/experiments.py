"""Experiments as MLflow's clients see them: ids, names, places, tags, deletion."""

from typing import Any

from headwater_server.kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.rpc import Call
from headwater_server.tracking.filters import EXPERIMENTS, parse_filter, parse_order
from headwater_server.tracking.mlflow import answers, bodies, checks
from headwater_server.tracking.mlflow.experiment_sql import experiments_query, view
from headwater_server.tracking.mlflow.scope import Scope, no_experiment
from headwater_server.tracking.store import q


class Experiments:
    def __init__(self, scope: Scope, outbox: Outbox) -> None:
        self._scope, self._store, self._outbox = scope, scope.store, outbox

    async def create(self, body: bodies.CreateExperiment, project: str, call: Call) -> dict[str, Any]:
        name = checks.check_experiment_name(body.name)
        place = checks.check_location(body.artifact_location) if body.artifact_location else ""
        tags = dict(checks.check_tag(tag, "", checks.MAX_EXPERIMENT_TAG, cut=False) for tag in body.tags)
        if name == answers.DEFAULT_EXPERIMENT:
            await self._scope.default(project)
        async with self._outbox.transaction() as tx:
            made = await self._store.create_experiment(tx, project, name, tags)
            if made is None:
                raise AlreadyExists(f"Experiment(name={name}) already exists.")
            if place:
                await tx.conn.execute(q.ml_place_experiment, made, place)
        return {"experiment_id": str(made)}

    async def get(self, body: bodies.OfExperiment, project: str, call: Call) -> dict[str, Any]:
        return {"experiment": answers.experiment(await self._scope.experiment(body.experiment_id, project, call))}

    async def get_by_name(self, body: bodies.OfExperiment, project: str, call: Call) -> dict[str, Any]:
        if body.experiment_name == answers.DEFAULT_EXPERIMENT:
            await self._scope.default(project)
        row = await self._store.fetchrow(q.ml_experiment_by_name, project, body.experiment_name)
        if row is None:
            raise NotFound(f"Could not find experiment with name '{body.experiment_name}'")
        return {"experiment": answers.experiment(row)}

    async def search(self, body: bodies.SearchExperiments, project: str, call: Call) -> dict[str, Any]:
        size = checks.check_max_results(body.max_results, checks.MAX_EXPERIMENTS)
        offset = bodies.offset_of(body.page_token)
        tree = parse_filter(body.filter, grammar=EXPERIMENTS)
        orders = [parse_order(text, grammar=EXPERIMENTS) for text in body.order_by]
        await self._scope.default(project)
        query = experiments_query(tree, orders, project, view(body.view_type), limit=size + 1, offset=offset)
        rows = await self._store.fetch(query.sql, *query.args)
        answer: dict[str, Any] = {}
        if rows:
            answer["experiments"] = [answers.experiment(row) for row in rows[:size]]
        if len(rows) > size:
            answer["next_page_token"] = bodies.page_token(offset + size)
        return answer

    async def rename(self, body: bodies.OfExperiment, project: str, call: Call) -> dict[str, Any]:
        name = checks.check_experiment_name(body.new_name)
        row = await self._scope.experiment(body.experiment_id, project, call)
        if row["deleted"]:
            raise FailedPrecondition("Cannot rename a non-active experiment.")
        if row["name"] == answers.DEFAULT_EXPERIMENT and name != row["name"]:
            raise InvalidArgument("Cannot rename the default experiment: runs that name none go there.")
        async with self._outbox.transaction() as tx:
            other = await tx.conn.fetchval(q.find_experiment, row["project"], name)
            if other not in (None, row["id"]):
                raise AlreadyExists(f"Experiment(name={name}) already exists.")
            await tx.conn.execute(q.ml_rename_experiment, row["id"], name)
        return {}

    async def delete(self, body: bodies.OfExperiment, project: str, call: Call) -> dict[str, Any]:
        """With its runs."""
        row = await self._scope.experiment(body.experiment_id, project, call)
        async with self._outbox.transaction() as tx:
            if await tx.conn.fetchval(q.ml_delete_experiment, row["id"]) is None:
                raise no_experiment(body.experiment_id)
            await tx.conn.execute(q.ml_delete_runs_of_experiment, row["id"])
        return {}

    async def restore(self, body: bodies.OfExperiment, project: str, call: Call) -> dict[str, Any]:
        row = await self._scope.experiment(body.experiment_id, project, call)
        async with self._outbox.transaction() as tx:
            if await tx.conn.fetchval(q.ml_restore_experiment, row["id"]) is None:
                raise no_experiment(body.experiment_id)
            await tx.conn.execute(q.ml_restore_runs_of_experiment, row["id"])
        return {}

    async def set_tag(self, body: bodies.OfExperiment, project: str, call: Call) -> dict[str, Any]:
        key, value = checks.check_tag(bodies.Pair(body.key, body.value), "", checks.MAX_EXPERIMENT_TAG, cut=False)
        row = await self._active(body, project, call)
        await self._store.execute(q.ml_tag_experiment, row["id"], key, value)
        return {}

    async def delete_tag(self, body: bodies.OfExperiment, project: str, call: Call) -> dict[str, Any]:
        row = await self._active(body, project, call)
        if await self._store.fetchrow(q.ml_untag_experiment, row["id"], body.key) is None:
            raise NotFound(f"No tag with name: {body.key} in experiment with id {body.experiment_id}")
        return {}

    async def search_datasets(self, body: bodies.SearchDatasets, project: str, call: Call) -> dict[str, Any]:
        if not body.experiment_ids:
            raise InvalidArgument("SearchDatasets request must specify at least one experiment_id.")
        if (count := len(body.experiment_ids)) > 20:
            raise InvalidArgument(
                f"SearchDatasets request cannot specify more than 20 experiment_ids. Received {count} experiment_ids."
            )
        experiments = await self._scope.experiments(body.experiment_ids, project, call)
        found: list[dict[str, Any]] = []
        for row in await self._store.fetch(q.ml_dataset_summaries, experiments):
            ident = answers.experiment_id(row, "experiment", "experiment_id")
            found.append({"experiment_id": ident, "name": row["name"], "digest": row["digest"]})
            if row["context"] is not None:
                found[-1]["context"] = row["context"]
        return {"dataset_summaries": found} if found else {}

    async def _active(self, body: bodies.OfExperiment, project: str, call: Call) -> Any:
        row = await self._scope.experiment(body.experiment_id, project, call)
        if row["deleted"]:
            raise not_active(answers.experiment_id(row))
        return row


def not_active(experiment: str) -> InvalidArgument:
    return InvalidArgument(f"The experiment {experiment} must be in the 'active' state. Current state is deleted.")
