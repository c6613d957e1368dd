"""Run search as SQL: the syntax tree of filters.py -> one parameterised statement.

Values always travel as parameters; only ids that the database itself gave (keys, experiments) are written into the
text. Knows the shape of the tables, never runs anything.
"""

import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.filters import TIMES, All, AnyOf, Comparison, Node, Not, Order, Scalar
from headwater_server.tracking.limits import check_run_id

STATES = {"RUNNING": 1, "FINISHED": 2, "FAILED": 3, "KILLED": 4, "SCHEDULED": 5}
_STATE_PREFIX = "TRACKED_RUN_STATE_"
_CHOICE = ("=", "!=", "IN", "NOT IN")
_COLUMNS = {
    "run_id": "r.uuid::text",
    "name": "r.name",
    "state": "r.state",
    "experiment": "(SELECT e.name FROM experiments e WHERE e.id = r.experiment_id)",
    "parent_run_id": "(SELECT p.uuid::text FROM runs p WHERE p.id = r.parent_id)",
    "started_at": "r.started_at",
    "finished_at": "r.finished_at",
    "user": """coalesce(nullif(r.user_name, ''), (SELECT u.value FROM tags u JOIN keys k ON k.id = u.key_id
        WHERE u.run_id = r.id AND k.name = 'headwater.user'))""",
    "artifact_uri": """(SELECT coalesce(nullif(rtrim(e.artifact_location, '/'), ''), 'mlflow-artifacts:/' ||
        CASE WHEN e.name = 'Default' THEN '0' ELSE e.id::text END) || '/' || replace(r.uuid::text, '-', '')
        || '/artifacts' FROM experiments e WHERE e.id = r.experiment_id)""",
}
_RANGES = ("<", "<=", ">", ">=", "=")
_STATE_TEXT = "('{RUNNING,FINISHED,FAILED,KILLED,SCHEDULED}'::text[])[r.state]"
_ID = re.compile(r"^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$")
_HEX = "replace(r.uuid::text, '-', '')"
_TABLES = {"param": "params", "tag": "tags", "metric": "latest_metrics"}
_INDEXED = "left(x.value, 128)"
_NEWEST = "r.started_at DESC, r.id DESC"
# What the indexes of params and tags hold of a value, in characters.
_BEGINNING = 128
# For each run of a page so many are looked at in the wanted order, so many at least, and not more than the most: enough
# where every twelfth passes the filter.
_LOOK, _LOOK_LEAST, _LOOK_MOST = 16, 1_000, 20_000

KeyIds = Mapping[str, int]


@dataclass(frozen=True)
class Query:
    """Statement and arguments. partial: its rows are the answer where they fill the page (see search_queries)."""

    sql: str
    args: list[Any]
    partial: bool = False


@dataclass
class Scope:
    """Which runs are looked at, apart from the filter. project None: of all that the caller has named experiments of;
    deleted None: whether they are or not."""

    project: str | None
    experiments: Sequence[int] | None = None
    parent: uuid.UUID | None = None
    after: tuple[datetime, int] | None = None
    deleted: bool | None = False


@dataclass
class _Builder:
    keys: KeyIds
    args: list[Any] = field(default_factory=list)

    def arg(self, value: Any) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def node(self, node: Node) -> str:
        match node:
            case Comparison():
                if node.key.kind == "dataset":
                    return self.dataset(node)
                return self.attribute(node) if node.key.kind == "attribute" else self.logged(node)
            case Not():
                return f"(NOT {self.node(node.item)})"
            case All():
                return "(" + " AND ".join(self.node(item) for item in node.items) + ")"
            case AnyOf():
                return "(" + " OR ".join(self.node(item) for item in node.items) + ")"

    def logged(self, clause: Comparison) -> str:
        """A metric, param or tag: does the run have a row like this?"""
        key_id = self.keys.get(clause.key.name)
        if key_id is None:  # nobody ever logged it
            return "TRUE" if clause.op == "IS NULL" else "FALSE"
        row = f"EXISTS (SELECT 1 FROM {_TABLES[clause.key.kind]} x WHERE x.run_id = r.id AND x.key_id = {int(key_id)}"
        if clause.op in ("IS NULL", "IS NOT NULL"):
            return f"NOT {row})" if clause.op == "IS NULL" else f"{row})"
        test = self.number(clause) if clause.key.kind == "metric" else self.text("x.value", clause)
        return f"{row} AND {test})"

    def dataset(self, clause: Comparison) -> str:
        """Has the run an input like this?"""
        column = "i.context" if clause.key.name == "context" else f"d.{clause.key.name}"
        rows = "EXISTS (SELECT 1 FROM run_datasets i JOIN datasets d ON d.id = i.dataset_id WHERE i.run_id = r.id"
        if clause.op in ("IS NULL", "IS NOT NULL"):
            test = f"{rows} AND {column} IS NOT NULL)"
            return f"NOT {test}" if clause.op == "IS NULL" else test
        return f"{rows} AND {self.text(column, clause)})"

    def number(self, clause: Comparison, column: str = "x.value") -> str:
        """NaN is neither less nor greater than any number, unlike in Postgres, and equals only itself."""
        value = clause.value
        assert isinstance(value, float)
        if clause.op in ("<", "<=", ">", ">=") and math.isnan(value):
            return "FALSE"
        test = f"{column} {clause.op} {self.arg(value)}::float8"
        return f"({test} AND {column} <> 'NaN'::float8)" if clause.op in (">", ">=") else test

    def text(self, column: str, clause: Comparison) -> str:
        logged = column == "x.value"
        if clause.op in ("IN", "NOT IN"):
            values = [str(v) for v in clause.value] if isinstance(clause.value, tuple) else [str(clause.value)]
            if clause.op == "NOT IN":
                return f"{column} <> ALL({self.arg(values)}::text[])"
            if logged and all(map(_is_short, values)):
                column = _INDEXED
            return f"{column} = ANY({self.arg(values)}::text[])"
        value = self.arg(_pattern(clause) if "LIKE" in clause.op else str(clause.value))
        if clause.op == "=" and logged:
            if _is_short(str(clause.value)):
                return f"{_INDEXED} = {value}::text"
            return f"({_INDEXED} = left({value}::text, {_BEGINNING}) AND {column} = {value}::text)"
        return f"{column} {clause.op} {value}::text"

    def attribute(self, clause: Comparison) -> str:
        name, column = clause.key.name, _COLUMNS[clause.key.name]
        if clause.op in ("IS NULL", "IS NOT NULL"):
            return f"{'r.parent_id' if name == 'parent_run_id' else column} {clause.op}"
        if name in TIMES:
            return f"{column} {clause.op} {self.arg(_time(clause))}::timestamptz"
        if name == "state":
            if clause.op not in _CHOICE:
                return self.text(_STATE_TEXT, clause)
            return self.choice(clause, "r.state", [_state(v) for v in _values(clause)], "int2")
        if name == "run_id":
            if clause.op not in _CHOICE:
                return self.text(column if "-" in str(clause.value) else _HEX, clause)
            return self.choice(clause, "r.uuid", _uuids(clause), "uuid")
        if name == "parent_run_id" and clause.op in _CHOICE:
            # A tag of MLflow's clients, which may hold anything: what is no id is nobody's.
            ids = [value for value in _values(clause) if _ID.match(str(value))]
            parents = f"(SELECT p.id FROM runs p WHERE p.uuid = ANY({self.arg(ids)}::text[]::uuid[]))"
            return f"r.parent_id {'IN' if clause.op in ('=', 'IN') else 'NOT IN'} {parents}"
        return self.text(column, clause)

    def choice(self, clause: Comparison, column: str, values: list[Any], kind: str) -> str:
        test = f"{column} = ANY({self.arg(values)}::{kind}[])"
        return test if clause.op in ("=", "IN") else f"(NOT {test})"

    def scope(self, scope: Scope) -> list[str]:
        tests = [f"r.project = {self.arg(scope.project)}"] if scope.project is not None else []
        if scope.deleted is not None:
            tests.append("r.deleted_at IS NOT NULL" if scope.deleted else "r.deleted_at IS NULL")
        if scope.experiments is not None:
            if len(scope.experiments) == 1:  # their runs come in order out of the index
                tests.append(f"r.experiment_id = {self.arg(scope.experiments[0])}::int")
            else:
                tests.append(f"r.experiment_id = ANY({self.arg(list(scope.experiments))}::int[])")
        if scope.parent is not None:
            tests.append(f"r.parent_id = (SELECT p.id FROM runs p WHERE p.uuid = {self.arg(scope.parent)}::uuid)")
        if scope.after is not None:
            at, run = self.arg(scope.after[0]), self.arg(scope.after[1])
            tests.append(f"(r.started_at, r.id) < ({at}::timestamptz, {run}::bigint)")
        return tests


def search_queries(
    tree: Node | None, orders: Sequence[Order], keys: KeyIds, scope: Scope, *, limit: int, offset: int = 0
) -> list[Query]:
    """The statements that find the ids of a page of runs, to be tried in turn: the first full page is the answer.

    In the order of a metric the filter is first tried on the runs with the best values, which an index gives. Only
    where too few of those pass is the order of all worked out (NaN after the numbers, then runs without the metric).
    """
    known = [o for o in orders if o.key.kind == "attribute" or o.key.name in keys]
    if [(o.key.kind, o.key.name, o.descending) for o in known] == [("attribute", "started_at", True)]:
        known = []  # the order that they have anyway
    whole = _whole(tree, known, keys, scope, limit, offset)
    look = max(_LOOK * (limit + offset), _LOOK_LEAST)
    if look > _LOOK_MOST:
        return [whole]
    if known and known[0].key.kind == "metric":
        return [_best(tree, known, keys, scope, limit, offset, look), whole]
    return [whole]


def count_query(tree: Node | None, keys: KeyIds, scope: Scope) -> Query:
    """How many runs there are."""
    builder = _Builder(keys)
    tests = builder.scope(scope)
    if tree is not None:
        tests.append(builder.node(tree))
    return Query(f"SELECT count(*) AS count FROM runs r WHERE {' AND '.join(tests) or 'TRUE'}", builder.args)


def _whole(tree: Node | None, orders: Sequence[Order], keys: KeyIds, scope: Scope, limit: int, offset: int) -> Query:
    builder = _Builder(keys)
    tests = builder.scope(scope)
    joins, sort = _sorts(orders, keys)
    if tree is not None:
        tests.append(builder.node(tree))
    return Query(_page("runs r", joins, tests, sort, limit, offset), builder.args)


def _best(
    tree: Node | None, orders: Sequence[Order], keys: KeyIds, scope: Scope, limit: int, offset: int, look: int
) -> Query:
    """Among the `look` runs with the best values of the metric. Those with the last of these values are not all there,
    unless there are no more."""
    builder = _Builder(keys)
    tests = builder.scope(scope)
    way, key_id = "DESC" if orders[0].descending else "ASC", int(keys[orders[0].key.name])
    joins, sort = _sorts(orders[1:], keys)
    if tree is not None:
        tests.append(builder.node(tree))
    within = [
        builder.number(each, "value") for each in _conjuncts(tree) if each.key == orders[0].key and each.op in _RANGES
    ]
    among = " AND ".join([f"key_id = {key_id}", "value <> 'NaN'::float8", *within])
    last, better = ("min", ">") if orders[0].descending else ("max", "<")
    tests.append(f"(o.value {better} (SELECT {last}(value) FROM best) OR (SELECT count(*) FROM best) < {look})")
    sql = f"""WITH best AS MATERIALIZED (
    SELECT run_id, value FROM latest_metrics WHERE {among}
    ORDER BY value {way} LIMIT {look})
{_page("best o JOIN runs r ON r.id = o.run_id", joins, tests, [f"o.value {way}", *sort], limit, offset)}"""
    return Query(sql, builder.args, partial=True)


def _conjuncts(tree: Node | None) -> list[Comparison]:
    """Comparisons that hold for whatever passes the filter."""
    match tree:
        case Comparison():
            return [tree]
        case All():
            return [each for item in tree.items for each in _conjuncts(item)]
        case _:
            return []


def _page(source: str, joins: list[str], tests: list[str], sort: list[str], limit: int, offset: int) -> str:
    return f"""SELECT r.id, r.started_at FROM {" ".join([source, *joins])}
WHERE {" AND ".join(tests)}
ORDER BY {", ".join([*sort, _NEWEST])}
LIMIT {int(limit)} OFFSET {int(offset)}"""


def _sorts(orders: Sequence[Order], keys: KeyIds) -> tuple[list[str], list[str]]:
    """Joins and terms of an ORDER BY."""
    joins: list[str] = []
    sort: list[str] = []
    for number, order in enumerate(orders):
        join, terms = _sort(order, keys, f"o{number}")
        joins += join
        sort += terms
    return joins, sort


def _sort(order: Order, keys: KeyIds, alias: str) -> tuple[list[str], list[str]]:
    way = "DESC" if order.descending else "ASC"
    if order.key.kind == "attribute":
        column = _STATE_TEXT if order.key.name == "state" else _COLUMNS[order.key.name]
        return [], [f"{column} {way} NULLS LAST"]
    on = f"ON {alias}.run_id = r.id AND {alias}.key_id = {int(keys[order.key.name])}"
    join = f"LEFT JOIN {_TABLES[order.key.kind]} {alias} {on}"
    if order.key.kind != "metric":
        return [join], [f"{alias}.value {way} NULLS LAST"]
    rank = f"CASE WHEN {alias}.value IS NULL THEN 2 WHEN {alias}.value = 'NaN'::float8 THEN 1 ELSE 0 END"
    return [join], [rank, f"{alias}.value {way}"]


def _values(clause: Comparison) -> tuple[Scalar, ...]:
    if isinstance(clause.value, tuple):
        return clause.value
    assert clause.value is not None
    return (clause.value,)


def _is_short(value: str) -> bool:
    """Does the index hold all of any value that begins like this one?"""
    return len(value) < _BEGINNING


def _pattern(clause: Comparison) -> str:
    pattern = str(clause.value)
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        hint = "double it, or put the character after it that it quotes"
        raise InvalidArgument(f"filter: the pattern {pattern!r} ends in a single backslash", field="filter", hint=hint)
    return pattern


def _uuids(clause: Comparison) -> list[uuid.UUID]:
    return [check_run_id(value, "filter") for value in _values(clause)]


def _state(value: Scalar) -> int:
    name = str(value).upper().removeprefix(_STATE_PREFIX)
    if name not in STATES:
        hint = f"states are {', '.join(STATES)}"
        raise InvalidArgument(f"filter: {value!r} is not the state of a run", field="filter", hint=hint)
    return STATES[name]


def _time(clause: Comparison) -> datetime:
    """Milliseconds since the Unix epoch, or RFC 3339 text."""
    try:
        if isinstance(clause.value, float):
            return datetime.fromtimestamp(clause.value / 1000, UTC)
        at = datetime.fromisoformat(str(clause.value).replace("Z", "+00:00"))
    except (ValueError, OverflowError, OSError):
        hint = "milliseconds since 1970, or text like '2026-11-30T12:00:00Z'"
        raise InvalidArgument(
            f"filter: {clause.value!r} is not a time for {clause.key}", field="filter", hint=hint
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
