"""Searches as SQL: the trees of filters.py -> one parameterised statement over models, versions or logged models.

Values always travel as parameters. Knows the shape of the tables, never runs anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater_server.kit.errors import InvalidArgument
from headwater_server.registry.filters import Comparison, Junction, Node, Order, parse_filter, parse_order

PROMPT = "mlflow.prompt.is_prompt"
_ORDERED = ("=", "!=", ">", ">=", "<", "<=")
_TEXTUAL = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
_TAGGED = ("=", "!=", "LIKE", "ILIKE")


@dataclass(frozen=True)
class Column:
    sql: str
    numeric: bool = False
    lists: bool = False


@dataclass(frozen=True)
class Statement:
    sql: str
    args: list[Any]


@dataclass
class Arguments:
    values: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


_MODEL = {"name": Column("m.name", lists=True)}
_VERSION = {
    "name": Column("m.name", lists=True),
    "version_number": Column("v.version", numeric=True),
    "run_id": Column("replace(v.lineage->>'runId', '-', '')", lists=True),
    "source_path": Column("v.source"),
}
_MODEL_ORDER = {
    "name": "m.name",
    "creation_timestamp": "m.created_at",
    "last_updated_timestamp": "m.updated_at",
    "timestamp": "m.updated_at",
}
_VERSION_ORDER = {
    "name": "m.name",
    "version_number": "v.version",
    "creation_timestamp": "v.created_at",
    "last_updated_timestamp": "v.updated_at",
}


def models_page(project: str, text: str, order_by: Sequence[str], offset: int, limit: int) -> Statement:
    """Ids of models."""
    node = parse_filter(text)
    args = Arguments()
    where = f"m.project = {args.add(project)}"
    if node is not None:
        where += f" AND {_clause(node, _MODEL, 'm.tags', args)}"
    if not _asks_for_prompts(node):
        where += f" AND coalesce(m.tags->>'{PROMPT}', '') <> 'true'"
    order = _order([parse_order(item) for item in order_by], _MODEL_ORDER, ("m.name",))
    return _page(f"SELECT m.id FROM models m WHERE {where}", order, args, offset, limit)


def versions_page(project: str, text: str, order_by: Sequence[str], offset: int, limit: int) -> Statement:
    """(model_id, version) of versions."""
    node = parse_filter(text)
    args = Arguments()
    where = f"m.project = {args.add(project)}"
    if node is not None:
        where += f" AND {_clause(node, _VERSION, 'v.tags', args)}"
    if not _asks_for_prompts(node):
        where += f" AND coalesce(v.tags->>'{PROMPT}', m.tags->>'{PROMPT}', '') <> 'true'"
    orders = [parse_order(item) for item in order_by or ["last_updated_timestamp DESC"]]
    order = _order(orders, _VERSION_ORDER, ("m.name", "v.version DESC"))
    found = f"SELECT v.model_id, v.version FROM versions v JOIN models m ON m.id = v.model_id WHERE {where}"
    return _page(found, order, args, offset, limit)


def _page(select: str, order: str, args: Arguments, offset: int, limit: int) -> Statement:
    sql = f"{select} ORDER BY {order} LIMIT {args.add(limit)} OFFSET {args.add(offset)}"
    return Statement(sql, args.values)


def _order(orders: Sequence[Order], columns: Mapping[str, str], last: Sequence[str]) -> str:
    clauses: list[str] = []
    for order in orders:
        column = columns.get(order.key) if order.entity in ("", "attribute", "attributes") else None
        if column is None:
            key = f"{order.entity}.{order.key}" if order.entity else order.key
            text = f"Invalid order by key '{key}' specified. Valid keys are {sorted(columns)}"
            raise InvalidArgument(text, field="order_by")
        if any(clause.split()[0] == column for clause in clauses):
            raise InvalidArgument(f"`order_by` contains duplicate fields: {order.key}", field="order_by")
        clauses.append(f"{column} DESC" if order.descending else column)
    named = {clause.split()[0] for clause in clauses}
    return ", ".join([*clauses, *(clause for clause in last if clause.split()[0] not in named)])


def _clause(node: Node, columns: Mapping[str, Column], tags: str, args: Arguments) -> str:
    if isinstance(node, Junction):
        return "(" + f" {node.word} ".join(_clause(item, columns, tags, args) for item in node.items) + ")"
    if node.entity in ("tag", "tags"):
        if node.op not in _TAGGED:
            raise InvalidArgument(f"Invalid comparator for tag: {node.op}", field="filter")
        return compared(f"({tags}->>{args.add(node.key)}::text)", node, args, "tag")
    if node.entity not in ("", "attribute"):
        valid = ("attribute", "tag", "tags")
        text = f"Invalid entity type '{node.entity}'. Valid entity types are {valid}"
        raise InvalidArgument(text, field="filter")
    column = columns.get(node.key)
    if column is None:
        text = f"Invalid attribute key '{node.key}' specified. Valid keys are '{sorted(columns)}'"
        raise InvalidArgument(text, field="filter")
    if node.op.endswith("IN") and not column.lists:
        able = sorted(key for key, found in columns.items() if found.lists)
        text = f"Only {able} attributes support comparison with a list of quoted string values."
        raise InvalidArgument(text, field="filter")
    if node.op not in (_ORDERED if column.numeric else _TEXTUAL):
        what = f" {node.key}" if column.numeric else ""
        raise InvalidArgument(f"Invalid comparator for attribute{what}: {node.op}", field="filter")
    if column.numeric:
        return f"{column.sql} {node.op} {args.add(whole(node))}"
    return compared(column.sql, node, args, "attribute")


def whole(node: Comparison) -> int:
    """The value of a comparison with a whole number."""
    if isinstance(node.value, tuple | float):
        raise InvalidArgument(f"Invalid value for numeric attribute '{node.key}': {node.value!r}", field="filter")
    try:
        number = int(node.value)
    except ValueError:
        text = f"Invalid value for numeric attribute '{node.key}': {node.value!r}"
        raise InvalidArgument(text, field="filter") from None
    return max(-(2**31), min(number, 2**31 - 1))


def compared(sql: str, node: Comparison, args: Arguments, kind: str) -> str:
    """A comparison of a text; what is not set matches nothing."""
    if isinstance(node.value, tuple):
        return f"{sql} {'<> ALL' if node.op == 'NOT IN' else '= ANY'}({args.add(list(node.value))}::text[])"
    if not isinstance(node.value, str):
        text = f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {node.value}"
        raise InvalidArgument(text, field="filter")
    return f"{sql} {node.op} {args.add(node.value)}::text"


def _asks_for_prompts(node: Node | None) -> bool:
    if isinstance(node, Junction):
        return any(_asks_for_prompts(item) for item in node.items)
    if node is None or node.key != PROMPT or node.entity not in ("tag", "tags"):
        return False
    return (node.op, str(node.value).lower()) in (("=", "true"), ("!=", "false"))
