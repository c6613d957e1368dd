"""Traces that a filter finds, and how often two filters find the same."""

from typing import Any

import asyncpg

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.rpc import Call
from headwater_server.tracking.mlflow import checks
from headwater_server.tracking.mlflow.answers import number
from headwater_server.tracking.mlflow.bodies import offset_of, page_token
from headwater_server.tracking.mlflow.scope import Scope
from headwater_server.tracking.search_sql import Query
from headwater_server.tracking.traces import answers
from headwater_server.tracking.traces.bodies import Correlation, SearchTraces
from headwater_server.tracking.traces.correlation import PRIOR, correlation
from headwater_server.tracking.traces.grammar import parse_filter, parse_order
from headwater_server.tracking.traces.trace_sql import count_query, traces_query
from headwater_server.tracking.traces.traces import infos

MAX_TRACES = 500


class Search:
    def __init__(self, scope: Scope) -> None:
        self._scope, self._store = scope, scope.store

    async def search(self, body: SearchTraces, project: str, call: Call) -> dict[str, Any]:
        size = checks.check_max_results(body.max_results, MAX_TRACES)
        offset = offset_of(body.page_token)
        tree = parse_filter(body.filter)
        orders = [parse_order(text) for text in body.order_by]
        if len({order.key for order in orders}) < len(orders):
            raise InvalidArgument(f"`order_by` contains duplicate fields: {body.order_by}")
        experiments = await self._scope.experiments(body.experiment_ids, project, call)
        if not experiments:
            return {}
        rows = await self._found(traces_query(tree, orders, experiments, limit=size + 1, offset=offset))
        page = rows[:size]
        found = [answers.legacy_info(row) for row in page] if body.legacy else await infos(self._store, page)
        answer: dict[str, Any] = {"traces": found} if found else {}
        if len(rows) > size:
            answer["next_page_token"] = page_token(offset + size)
        return answer

    async def correlate(self, body: Correlation, project: str, call: Call) -> dict[str, Any]:
        trees = [
            parse_filter(body.filter_string1, "filter_string1"),
            parse_filter(body.filter_string2, "filter_string2"),
        ]
        base = parse_filter(body.base_filter, "base_filter")
        experiments = await self._scope.experiments(body.experiment_ids, project, call)
        (row,) = await self._found(count_query(trees, base, experiments))
        counts = row["both"], row["one"], row["two"], row["total"]
        return {
            "npmi": number(correlation(*counts)),
            "npmi_smoothed": number(correlation(*counts, PRIOR)),
            "filter1_count": row["one"],
            "filter2_count": row["two"],
            "joint_count": row["both"],
            "total_count": row["total"],
        }

    async def _found(self, query: Query) -> list[Any]:
        try:
            return await self._store.fetch(query.sql, *query.args)
        except asyncpg.InvalidRegularExpressionError as error:
            raise InvalidArgument(f"filter: RLIKE cannot read its pattern: {error}", field="filter") from None
