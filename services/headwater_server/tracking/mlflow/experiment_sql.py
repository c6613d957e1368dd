"""Experiment search as SQL: the syntax tree of filters.py -> one parameterised statement. Never runs anything."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.filters import All, AnyOf, Comparison, Node, Not, Order
from headwater_server.tracking.search_sql import Query

_COLUMNS = {"name": "e.name", "created_at": "e.created_at", "updated_at": "e.updated_at"}
_ID = "CASE WHEN e.name = 'Default' THEN 0 ELSE e.id END"
VIEWS = {"ACTIVE_ONLY": False, "DELETED_ONLY": True, "ALL": None, 1: False, 2: True, 3: None}


def view(value: str | int) -> bool | None:
    """Of a view type: are deleted ones looked for? None: both. Raises InvalidArgument."""
    if value not in VIEWS:
        raise InvalidArgument(f"Invalid view type {value!r}: it is ACTIVE_ONLY, DELETED_ONLY or ALL")
    return VIEWS[value]


@dataclass
class _Builder:
    args: list[Any] = field(default_factory=list)

    def arg(self, value: Any) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def node(self, node: Node) -> str:
        match node:
            case Comparison():
                return self.tag(node) if node.key.kind == "tag" else self.attribute(node)
            case Not():
                return f"(NOT {self.node(node.item)})"
            case All():
                return "(" + " AND ".join(self.node(item) for item in node.items) + ")"
            case AnyOf():
                return "(" + " OR ".join(self.node(item) for item in node.items) + ")"

    def tag(self, clause: Comparison) -> str:
        key = self.arg(clause.key.name)
        if clause.op in ("IS NULL", "IS NOT NULL"):
            return f"(e.tags ->> {key}::text) {clause.op}"
        return self.text(f"(e.tags ->> {key}::text)", clause)

    def attribute(self, clause: Comparison) -> str:
        name = clause.key.name
        if clause.op in ("IS NULL", "IS NOT NULL"):
            return "FALSE" if clause.op == "IS NULL" else "TRUE"
        if name == "experiment_id":
            return self.ident(clause)
        if name == "name":
            return self.text("e.name", clause)
        return f"{_COLUMNS[name]} {clause.op} {self.arg(_time(clause.value))}::timestamptz"

    def ident(self, clause: Comparison) -> str:
        if clause.op not in ("=", "!=", "IN", "NOT IN"):
            raise InvalidArgument(f"Invalid comparator for experiment_id: {clause.op}")
        values = clause.value if isinstance(clause.value, tuple) else (clause.value,)
        for value in values:
            if not str(value).isdigit() or len(str(value)) > 9:
                raise InvalidArgument(f"Invalid experiment ID '{value}'. Experiment ID must be a valid integer.")
        test = f"{_ID} = ANY({self.arg([int(str(v)) for v in values])}::int[])"
        return test if clause.op in ("=", "IN") else f"(NOT {test})"

    def text(self, column: str, clause: Comparison) -> str:
        if clause.op in ("IN", "NOT IN"):
            assert isinstance(clause.value, tuple)
            values = self.arg([str(v) for v in clause.value])
            return f"{column} = ANY({values}::text[])" if clause.op == "IN" else f"{column} <> ALL({values}::text[])"
        value = str(clause.value)
        if "LIKE" in clause.op and (len(value) - len(value.rstrip("\\"))) % 2:
            raise InvalidArgument(f"filter: the pattern {value!r} ends in a single backslash", field="filter")
        return f"{column} {clause.op} {self.arg(value)}::text"


def _time(value: Any) -> datetime:
    try:
        return datetime.fromtimestamp(float(value) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise InvalidArgument(
            f"filter: {value!r} is not a time", field="filter", hint="milliseconds since 1970"
        ) from None


def experiments_query(
    tree: Node | None, orders: Sequence[Order], project: str, deleted: bool | None, *, limit: int, offset: int
) -> Query:
    """Without an order the newest come first."""
    builder = _Builder()
    tests = [f"e.project = {builder.arg(project)}"]
    if deleted is not None:
        tests.append("e.deleted_at IS NOT NULL" if deleted else "e.deleted_at IS NULL")
    if tree is not None:
        tests.append(builder.node(tree))
    sort = [_sort(builder, order) for order in orders] or ["e.created_at DESC"]
    sql = f"""SELECT e.id, e.project, e.name, e.tags, e.artifact_location, e.created_at, e.updated_at,
    e.deleted_at IS NOT NULL AS deleted
FROM experiments e WHERE {" AND ".join(tests)}
ORDER BY {", ".join(sort)}, e.id {"DESC" if orders else "ASC"} LIMIT {int(limit)} OFFSET {int(offset)}"""
    return Query(sql, builder.args)


def _sort(builder: _Builder, order: Order) -> str:
    way = "DESC" if order.descending else "ASC"
    if order.key.kind == "tag":
        return f"(e.tags ->> {builder.arg(order.key.name)}::text) {way} NULLS LAST"
    return f"{_ID if order.key.name == 'experiment_id' else _COLUMNS[order.key.name]} {way}"
