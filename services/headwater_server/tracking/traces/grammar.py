"""The filter language of the search for traces, on top of that for runs: text -> syntax tree. Never knows SQL.

status = 'OK' AND span.type = 'LLM' AND feedback.correct = 'true' AND tags.team LIKE 'a%' AND timestamp_ms > 17e11
"""

from headwater_server.tracking.filters import Comparison, Grammar, Key, Node, Order, Parser, Scalar, Token

PREFIXES = {
    "tags": "tag", "tag": "tag",
    "metadata": "metadata", "request_metadata": "metadata",
    "attributes": "attribute", "attribute": "attribute", "trace": "attribute",
    "span": "span", "feedback": "feedback", "expectation": "expectation", "issue": "issue",
}  # fmt: skip
ATTRIBUTES = {
    "request_id": "trace_id", "trace_id": "trace_id",
    "timestamp": "timestamp", "timestamp_ms": "timestamp",
    "execution_time": "execution_time", "execution_time_ms": "execution_time",
    "end_time": "end_time", "end_time_ms": "end_time",
    "status": "state", "state": "state",
    "client_request_id": "client_request_id",
    "experiment_id": "experiment_id",
    "name": "name", "run_id": "run_id", "prompt": "prompt", "text": "text",
}  # fmt: skip
NUMBERS = frozenset({"timestamp", "execution_time", "end_time"})
GRAMMAR = Grammar(PREFIXES, ATTRIBUTES, NUMBERS, {"mlflow.traceName": "name", "mlflow.linkedPrompts": "prompt"})
SPAN_PARTS = ("name", "type", "status", "content")
OF_SPANS = "attributes."
_EQUAL = ("=", "!=")
_ORDERED = ("<", "<=", ">", ">=")
_TEXT = (*_EQUAL, "IN", "NOT IN", "LIKE", "ILIKE", "RLIKE")
_NULLS = ("IS NULL", "IS NOT NULL")
_OPERATORS = {
    "tag": (*_EQUAL, "LIKE", "ILIKE", "RLIKE", *_NULLS),
    "metadata": (*_EQUAL, "LIKE", "ILIKE", "RLIKE", *_NULLS),
    "span": _TEXT,
    "feedback": (*_EQUAL, *_ORDERED, "LIKE", "ILIKE", "RLIKE", *_NULLS),
    "expectation": (*_EQUAL, *_ORDERED, "LIKE", "ILIKE", "RLIKE", *_NULLS),
    "issue": ("=",),
}
_SPECIAL = {"prompt": ("=",), "text": ("LIKE", "ILIKE"), "content": ("LIKE", "ILIKE"), "name": (*_TEXT, *_NULLS)}
_UNSORTED = frozenset({"prompt", "text", "client_request_id"})


class _Parser(Parser):
    def key(self) -> Key:
        at = self.token
        key = super().key()
        if key.kind == "metadata" and key.name == "mlflow.sourceRun":
            return Key("attribute", "run_id")
        if key.kind == "span":
            self.check_span(key.name, at)
        if key.kind == "issue" and key.name != "id":
            raise self.fail(f"an issue has no {key.name!r}", "it has id", at)
        return key

    def check_span(self, name: str, at: Token) -> None:
        if name not in SPAN_PARTS and not (name.startswith(OF_SPANS) and name != OF_SPANS):
            parts = ", ".join(SPAN_PARTS)
            raise self.fail(f"a span has no {name!r}", f"it has {parts} and attributes.<name>", at)

    def comparison(self) -> Comparison:
        key = self.key()
        operator = self.token
        if self.word("IS"):
            op = "IS NOT NULL" if self.word("NOT") else "IS NULL"
            if not self.word("NULL"):
                raise self.expected("NULL")
        elif self.word("RLIKE"):
            op = "RLIKE"
        else:
            op = self.operator()
        self.check_operator(key, op, operator)
        if op in _NULLS:
            return Comparison(key, op, None)
        return Comparison(key, op, self.values(key) if op in ("IN", "NOT IN") else self.value(key, op))

    def check_operator(self, key: Key, op: str, token: Token) -> None:
        known = _OPERATORS.get(key.kind, _TEXT)
        if self.is_time(key):
            known = (*_EQUAL, *_ORDERED)
        elif key.kind in ("attribute", "span"):
            known = _SPECIAL.get(key.name, known) if key.kind == "attribute" or key.name == "content" else known
        if op not in known:
            raise self.fail(f"{op} does not apply to {key}", f"use {' '.join(known)}", token)

    def value(self, key: Key, op: str) -> Scalar:
        token = self.token
        number = self.is_time(key) or (key.kind in ("feedback", "expectation") and op in _ORDERED)
        if token.kind == "number" and not number:
            raise self.expected("a text in quotes", f"for example {key.name} {op} 'a'")
        if number and token.kind != "number":
            raise self.expected("a number", "leave the quotes out")
        if number:
            return float(self.take().text)
        value = super().value(key, op)
        if key.name == "prompt" and str(value).count("/") != 1:
            raise self.fail(f"{value!r} is no version of a prompt", "write prompt = 'name/version'", token)
        return value


def parse_filter(text: str, field: str = "filter") -> Node | None:
    """The tree of a filter; None when it is empty. Raises InvalidArgument naming the position."""
    if not text.strip():
        return None
    parser = _Parser(text, field, GRAMMAR)
    node = parser.any_of()
    if parser.token.kind != "end":
        raise parser.expected("AND, OR or the end")
    return node


def parse_order(text: str, field: str = "order_by") -> Order:
    """`timestamp_ms DESC` -> Order. Ascending unless DESC is said."""
    parser = _Parser(text, field, GRAMMAR)
    key = parser.key()
    if key.kind not in ("attribute", "tag", "metadata") or (key.kind == "attribute" and key.name in _UNSORTED):
        raise parser.fail(f"traces cannot be ordered by {key}", token=parser.tokens[0])
    descending = parser.word("DESC")
    if not descending:
        parser.word("ASC")
    if parser.token.kind != "end":
        raise parser.expected("ASC, DESC or the end")
    return Order(key, descending)
