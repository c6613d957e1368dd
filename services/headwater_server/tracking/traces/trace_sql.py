"""Search for traces as SQL: the syntax tree of grammar.py -> one parameterised statement. Never runs anything."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.filters import All, AnyOf, Comparison, Key, Node, Not, Order
from headwater_server.tracking.search_sql import Query
from headwater_server.tracking.traces.grammar import OF_SPANS

MAX_PATTERN = 500
_NAME = "(t.tags ->> 'mlflow.traceName')"
_COLUMNS = {
    "trace_id": "t.trace_id",
    "timestamp": "t.started_ms",
    "execution_time": "t.duration_ms",
    "end_time": "(t.started_ms + coalesce(t.duration_ms, 0))",
    "state": "t.state",
    "client_request_id": "t.client_request_id",
    "experiment_id": "CASE WHEN e.name = 'Default' THEN '0' ELSE e.id::text END",
    "name": _NAME,
    "run_id": "(t.metadata ->> 'mlflow.sourceRun')",
}
_SPANS = {"name": "s.name", "type": "s.type", "status": "s.status", "content": "s.content::text"}
_OPERATORS = {"RLIKE": "~"}
_VALUE = "(a.value #>> '{}')"
_NUMBER = "CASE WHEN jsonb_typeof(a.value) = 'number' THEN (a.value #>> '{}')::float8 END"
# One assessment speaks for all traces of a session where it says so.
_SESSION = """EXISTS (SELECT FROM traces o JOIN assessments a ON a.trace = o.id
    WHERE o.experiment_id = t.experiment_id AND o.metadata ? 'mlflow.trace.session'
    AND o.metadata ->> 'mlflow.trace.session' = t.metadata ->> 'mlflow.trace.session'
    AND a.metadata ? 'mlflow.trace.session' AND {})"""


@dataclass
class _Builder:
    args: list[Any] = field(default_factory=list)

    def arg(self, value: Any) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def node(self, node: Node) -> str:
        match node:
            case Comparison():
                return self.comparison(node)
            case Not():
                return f"(NOT {self.node(node.item)})"
            case All():
                return self.all_of(node)
            case AnyOf():
                return "(" + " OR ".join(self.node(item) for item in node.items) + ")"

    def all_of(self, node: All) -> str:
        """What is asked of spans in one breath, one span must have."""
        spans = [item for item in node.items if isinstance(item, Comparison) and _is_span(item.key)]
        tests = [self.node(item) for item in node.items if item not in spans]
        if spans:
            tests.append(self.some_span(spans))
        return "(" + " AND ".join(tests) + ")"

    def some_span(self, clauses: Sequence[Comparison]) -> str:
        tests = " AND ".join(self.span(clause) for clause in clauses)
        return f"EXISTS (SELECT FROM spans s WHERE s.trace = t.id AND {tests})"

    def span(self, clause: Comparison) -> str:
        name = "content" if clause.key.kind == "attribute" else clause.key.name
        if not name.startswith(OF_SPANS):
            return self.text(_SPANS[name], clause)
        # Attributes are JSON in texts: a text is compared as it was before.
        raw = f"(s.content -> 'attributes' ->> {self.arg(name.removeprefix(OF_SPANS))}::text)"
        return self.text(f"(CASE WHEN {raw} LIKE '\"%' THEN {raw}::jsonb #>> '{{}}' ELSE {raw} END)", clause)

    def comparison(self, clause: Comparison) -> str:
        key = clause.key
        if _is_span(key):
            return self.some_span([clause])
        match key.kind:
            case "tag" | "metadata":
                return self.pair("t.tags" if key.kind == "tag" else "t.metadata", clause)
            case "feedback" | "expectation":
                return self.assessment(clause)
            case "issue":
                value = self.arg(str(clause.value))
                test = f"a.type = 'issue' AND a.name = {value}::text"
                return f"EXISTS (SELECT FROM assessments a WHERE a.trace = t.id AND {test})"
            case _:
                return self.attribute(clause)

    def pair(self, column: str, clause: Comparison) -> str:
        name = clause.key.name
        if clause.op == "=":  # answered from the index of tags
            return f"{column} @> {self.arg({name: str(clause.value)})}::jsonb"
        value = f"({column} ->> {self.arg(name)}::text)"
        return f"{value} {clause.op}" if clause.value is None else self.text(value, clause)

    def attribute(self, clause: Comparison) -> str:
        name = clause.key.name
        if name == "run_id":
            return self.run(clause)
        if name == "prompt":
            prompt = self.arg(str(clause.value))
            return f"EXISTS (SELECT FROM trace_prompts p WHERE p.trace = t.id AND p.prompt = {prompt}::text)"
        column = _COLUMNS[name]
        if clause.value is None:
            return f"{column} {clause.op}"
        if isinstance(clause.value, float):
            return f"{column} {clause.op} {self.arg(clause.value)}::float8"
        return self.text(column, clause)

    def run(self, clause: Comparison) -> str:
        """Traced by a run, or linked to it afterwards."""
        column = _COLUMNS["run_id"]
        if clause.op not in ("=", "IN"):
            return self.text(column, clause)
        runs = self.arg([str(v) for v in (clause.value if isinstance(clause.value, tuple) else (clause.value,))])
        return f"""({column} = ANY ({runs}::text[]) OR EXISTS (SELECT FROM trace_runs l JOIN runs r ON r.id = l.run_id
    WHERE l.trace = t.id AND replace(r.uuid::text, '-', '') = ANY ({runs}::text[])))"""

    def assessment(self, clause: Comparison) -> str:
        tests = [
            f"a.type = {self.arg(clause.key.kind)}::text",
            f"a.name = {self.arg(clause.key.name)}::text",
            "a.valid",
        ]
        if isinstance(clause.value, float):
            tests.append(f"{_NUMBER} {clause.op} {self.arg(clause.value)}::float8")
        elif clause.value is not None:
            tests.append(self.said(clause))
        test = " AND ".join(tests)
        own = f"EXISTS (SELECT FROM assessments a WHERE a.trace = t.id AND {test})"
        found = f"({own} OR {_SESSION.format(test)})"
        return f"(NOT {found})" if clause.op == "IS NULL" else found

    def said(self, clause: Comparison) -> str:
        if clause.op not in ("=", "!="):
            return self.text(_VALUE, clause)
        value = str(clause.value)
        test = f"{_VALUE} = {self.arg(value)}::text"
        if (number := _number(value)) is not None:
            test = f"({test} OR {_NUMBER} = {self.arg(number)}::float8)"
        return test if clause.op == "=" else f"NOT coalesce({test}, false)"

    def text(self, column: str, clause: Comparison) -> str:
        if clause.op in ("IN", "NOT IN"):
            assert isinstance(clause.value, tuple)
            values = self.arg([str(v) for v in clause.value])
            return f"{column} = ANY({values}::text[])" if clause.op == "IN" else f"{column} <> ALL({values}::text[])"
        value = str(clause.value)
        if "LIKE" in clause.op and len(value) > MAX_PATTERN:
            raise _unusable(value, f"it has more than {MAX_PATTERN} characters")
        if clause.op in ("LIKE", "ILIKE") and (len(value) - len(value.rstrip("\\"))) % 2:
            raise _unusable(value, "it ends in a single backslash")
        return f"{column} {_OPERATORS.get(clause.op, clause.op)} {self.arg(value)}::text"


def _is_span(key: Key) -> bool:
    return key.kind == "span" or (key.kind == "attribute" and key.name == "text")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _unusable(pattern: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"filter: the pattern {pattern[:80]!r} cannot be used: {why}", field="filter")


def traces_query(
    tree: Node | None, orders: Sequence[Order], experiments: Sequence[int], *, limit: int, offset: int
) -> Query:
    """Without an order the newest come first."""
    builder = _Builder()
    tests = [f"t.experiment_id = ANY ({builder.arg(list(experiments))}::int[])"]
    if tree is not None:
        tests.append(builder.node(tree))
    sort = [_sort(builder, order) for order in orders]
    if not any(order.key == Key("attribute", "timestamp") for order in orders):
        sort.append("t.started_ms DESC")
    sql = f"""SELECT t.*, e.name AS experiment FROM traces t JOIN experiments e ON e.id = t.experiment_id
WHERE {" AND ".join(tests)}
ORDER BY {", ".join(sort)}, t.trace_id LIMIT {int(limit)} OFFSET {int(offset)}"""
    return Query(sql, builder.args)


def count_query(trees: Sequence[Node | None], base: Node | None, experiments: Sequence[int]) -> Query:
    """How many traces there are (total), fit the first filter (one), the second (two), both (both)."""
    builder = _Builder()
    scope = f"t.experiment_id = ANY ({builder.arg(list(experiments))}::int[])"
    if base is not None:
        scope += f" AND {builder.node(base)}"
    one, two = (builder.node(tree) if tree is not None else "true" for tree in trees)
    sql = f"""SELECT count(*) AS total, count(*) FILTER (WHERE one) AS one, count(*) FILTER (WHERE two) AS two,
    count(*) FILTER (WHERE one AND two) AS both
FROM (SELECT {one} AS one, {two} AS two FROM traces t JOIN experiments e ON e.id = t.experiment_id WHERE {scope}) x"""
    return Query(sql, builder.args)


def _sort(builder: _Builder, order: Order) -> str:
    way = "DESC" if order.descending else "ASC"
    if order.key.kind == "attribute":
        return f"{_COLUMNS[order.key.name]} {way} NULLS LAST"
    column = "t.tags" if order.key.kind == "tag" else "t.metadata"
    return f"({column} ->> {builder.arg(order.key.name)}::text) {way} NULLS LAST"
