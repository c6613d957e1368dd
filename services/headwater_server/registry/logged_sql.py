"""Search of logged models as SQL: attributes, params, tags, and the metrics measured on one of some datasets."""

from collections.abc import Sequence
from typing import Any

from headwater.api.registry.v1 import logged_models_pb2 as pb
from headwater_server.kit.errors import InvalidArgument
from headwater_server.registry.filters import Comparison, Junction, Node, parse_filter, split_key
from headwater_server.registry.search_sql import Arguments, Statement, compared

_NUMERIC = ("<", "<=", ">", ">=", "=", "!=")
_TEXTUAL = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
_STATE = "(ARRAY['UNSPECIFIED', 'PENDING', 'READY', 'FAILED'])[l.state + 1]"
_TIME = "floor(extract(epoch FROM l.{}) * 1000)::float8"
_CREATED, _UPDATED = _TIME.format("created_at"), _TIME.format("updated_at")
_ATTRIBUTES = {
    "model_id": "l.id",
    "name": "l.name",
    "model_type": "l.type",
    "source_run_id": "l.source_run_id",
    "experiment_id": "l.experiment_id",
    "status": _STATE,
    "artifact_location": "l.artifact_uri",
    "creation_timestamp_ms": _CREATED,
    "creation_timestamp": _CREATED,
    "creation_time": _CREATED,
    "last_updated_timestamp_ms": _UPDATED,
    "last_updated_timestamp": _UPDATED,
}
_NUMBERS = (_CREATED, _UPDATED)


def logged_models_page(request: pb.SearchLoggedModelsRequest, offset: int, limit: int) -> Statement:
    """Ids of logged models."""
    node = parse_filter(request.filter)
    args = Arguments()
    where = (
        f"l.project = {args.add(request.project)} AND l.deleted_at IS NULL"
        f" AND l.experiment_id = ANY({args.add(list(request.experiment_ids))}::text[])"
    )
    on = _datasets(request.datasets, args)
    if node is not None:
        where += f" AND {_clause(node, on, args)}"
    if on and not _has_metric(node):
        where += f" AND EXISTS (SELECT FROM logged_model_metrics x WHERE x.model_id = l.id{on})"
    order = _order(request.order_by, args)
    sql = f"SELECT l.id FROM logged_models l WHERE {where} ORDER BY {order}"
    return Statement(f"{sql} LIMIT {args.add(limit)} OFFSET {args.add(offset)}", args.values)


def _datasets(datasets: Sequence[pb.LoggedModelDataset], args: Arguments) -> str:
    """A condition on a metric x; "": any will do."""
    clauses: list[str] = []
    for dataset in datasets:
        if not dataset.name:
            text = "`dataset_name` in the `datasets` clause must be specified."
            raise InvalidArgument(text, field="datasets")
        clauses.append(_dataset(dataset, args))
    return f" AND ({' OR '.join(clauses)})" if clauses else ""


def _dataset(dataset: pb.LoggedModelDataset, args: Arguments) -> str:
    digest = f" AND x.dataset_digest = {args.add(dataset.digest)}" if dataset.digest else ""
    return f"(x.dataset_name = {args.add(dataset.name)}{digest})"


def _has_metric(node: Node | None) -> bool:
    if isinstance(node, Junction):
        return any(_has_metric(item) for item in node.items)
    return node is not None and node.entity == "metrics"


def _clause(node: Node, on: str, args: Arguments) -> str:
    if isinstance(node, Junction):
        return "(" + f" {node.word} ".join(_clause(item, on, args) for item in node.items) + ")"
    if node.entity == "metrics":
        _check_op(node, _NUMERIC)
        value = args.add(_number(node))
        return (
            f"EXISTS (SELECT FROM logged_model_metrics x WHERE x.model_id = l.id AND x.key = {args.add(node.key)}"
            f" AND x.value {node.op} {value}::float8{on})"
        )
    if node.entity in ("params", "tags"):
        _check_op(node, _TEXTUAL)
        return compared(f"(l.{node.entity}->>{args.add(node.key)}::text)", _text(node), args, node.entity[:-1])
    if node.entity not in ("", "attributes"):
        known = ["attributes", "metrics", "params", "tags"]
        text = f"Invalid entity type: {node.entity!r}. Expected one of {known}."
        raise InvalidArgument(text, field="filter")
    column = _ATTRIBUTES.get(node.key)
    if column is None:
        text = f"Invalid attribute key '{node.key}' specified. Valid keys are {sorted(_ATTRIBUTES)}"
        raise InvalidArgument(text, field="filter")
    if column in _NUMBERS:
        _check_op(node, _NUMERIC)
        return f"{column} {node.op} {args.add(_number(node))}::float8"
    _check_op(node, _TEXTUAL)
    return compared(column, _text(node), args, "attribute")


def _check_op(node: Comparison, ops: tuple[str, ...]) -> None:
    if node.op not in ops:
        what = f"{node.entity or 'attributes'}.{node.key}"
        text = f"Invalid comparison operator for {what}: {node.op!r}. Expected one of {ops}."
        raise InvalidArgument(text, field="filter")


def _number(node: Comparison) -> float:
    try:
        return float(node.value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        text = f"Invalid value for {node.entity or 'attributes'}.{node.key}: {node.value!r} is not a number"
        raise InvalidArgument(text, field="filter") from None


def _text(node: Comparison) -> Comparison:
    """Bare numbers are texts here, as with MLflow: params.lr = 0.01."""
    value: Any = node.value if isinstance(node.value, tuple) else str(node.value)
    return Comparison(node.entity, node.key, node.op, value, node.at)


def _order(orders: Sequence[pb.LoggedModelOrder], args: Arguments) -> str:
    clauses = [_ordered(order, args) for order in orders]
    return ", ".join([*clauses, "l.created_at DESC", "l.id"])


def _ordered(order: pb.LoggedModelOrder, args: Arguments) -> str:
    direction = ("DESC" if order.descending else "ASC") + " NULLS LAST"
    entity, key = split_key(order.field)
    if not entity:
        column = _ATTRIBUTES.get(key)
        if column is None:
            raise InvalidArgument(f"Invalid order by field name: {order.field}", field="order_by")
        return f"{column} {direction}"
    if entity != "metrics":
        text = f"Invalid order by field name: {order.field}. Only metrics are supported."
        raise InvalidArgument(text, field="order_by")
    on = f" AND {_dataset(order.dataset, args)}" if order.dataset.name else ""
    return (
        f"(SELECT x.value FROM logged_model_metrics x WHERE x.model_id = l.id AND x.key = {args.add(key)}{on}"
        f" ORDER BY x.timestamp_ms DESC, x.step DESC, x.run_id LIMIT 1) {direction}"
    )
