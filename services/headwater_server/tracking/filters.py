"""The filter language of the searches for runs and experiments: text -> syntax tree.

    metrics.accuracy > 0.9 AND (params.kernel = 'rbf' OR tags."my team" IS NULL) AND attributes.state = 'FINISHED'

Owns the grammar and its errors, which name the position. Never knows SQL: see search_sql.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from headwater_server.kit.errors import InvalidArgument

PREFIXES = {
    "metrics": "metric", "metric": "metric",
    "params": "param", "param": "param", "parameters": "param", "parameter": "param",
    "tags": "tag", "tag": "tag",
    "attributes": "attribute", "attribute": "attribute", "attr": "attribute", "run": "attribute",
    "datasets": "dataset", "dataset": "dataset",
}  # fmt: skip
ATTRIBUTES = {
    "run_id": "run_id", "run_uuid": "run_id",
    "name": "name", "run_name": "name", "run name": "name",
    "state": "state", "status": "state",
    "experiment": "experiment",
    "parent_run_id": "parent_run_id",
    "started_at": "started_at", "start_time": "started_at", "created": "started_at", "created_at": "started_at",
    "finished_at": "finished_at", "end_time": "finished_at",
    "user": "user", "user_id": "user",
    "artifact_uri": "artifact_uri",
}  # fmt: skip
TIMES = frozenset({"started_at", "finished_at"})
DATASET_PARTS = ("name", "digest", "context")
# Tags in which MLflow's clients keep what is an attribute here.
TAGS_THAT_ARE_ATTRIBUTES = {"mlflow.runName": "name", "mlflow.parentRunId": "parent_run_id"}
MAX_LENGTH = 10_000
MAX_DEPTH = 50

Scalar = str | float


@dataclass(frozen=True)
class Grammar:
    """Words before the dot, attributes by each of their names, and which of these are numbers."""

    prefixes: dict[str, str]
    attributes: dict[str, str]
    numbers: frozenset[str]
    tags: dict[str, str]


RUNS = Grammar(PREFIXES, ATTRIBUTES, TIMES, TAGS_THAT_ARE_ATTRIBUTES)
EXPERIMENTS = Grammar(
    {name: kind for name, kind in PREFIXES.items() if kind in ("tag", "attribute") and name != "run"},
    {"name": "name", "experiment_id": "experiment_id", "creation_time": "created_at", "created_at": "created_at",
     "last_update_time": "updated_at", "updated_at": "updated_at"},
    frozenset({"created_at", "updated_at"}),
    {},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """What a comparison looks at: kind is "metric", "param", "tag" or "attribute"."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}s.{self.name}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`key op value`; a list for IN and NOT IN, None for IS NULL and IS NOT NULL."""

    key: Key
    op: str
    value: Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class All:
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    item: "Node"


Node = Comparison | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Order:
    key: Key
    descending: bool


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]) | [-+](?:inf|infinity)\b)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*" | `[^`]*`)
      | (?P<op><=|>=|!=|<>|==|=|<|>)
      | (?P<punct>[(),])
      | (?P<dot>\.)
      | (?P<word>[^\s'"`()<>=!,.]+)""",
    re.VERBOSE | re.IGNORECASE,
)
_NAMED_NUMBERS = {"nan": "nan", "inf": "inf", "infinity": "inf", "+inf": "inf", "+infinity": "inf",
                  "-inf": "-inf", "-infinity": "-inf"}  # fmt: skip


def _tokens(text: str, field: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = "a quote that is not closed" if text[at] in "'\"`" else f"unexpected character {text[at]!r}"
            raise _error(field, text, at, what, "close it, and double a quote inside of a text: 'it''s'")
        if match.lastgroup != "space":
            yield Token(str(match.lastgroup), match.group(), at)
        at = match.end()
    yield Token("end", "", len(text))


def _error(field: str, text: str, at: int, what: str, hint: str = "") -> InvalidArgument:
    shown = text if len(text) <= 80 else text[max(0, at - 40) : at + 40]
    return InvalidArgument(f"{field}: {what} at position {at + 1} of {shown!r}", field=field, hint=hint)


class Parser:
    def __init__(self, text: str, field: str, grammar: Grammar) -> None:
        if len(text) > MAX_LENGTH:
            raise InvalidArgument(f"{field}: {len(text)} characters, at most {MAX_LENGTH} are allowed", field=field)
        if "\0" in text:
            raise _error(field, text, text.index("\0"), "a NUL character", "remove it")
        self.text, self.field, self.grammar = text, field, grammar
        self.tokens = list(_tokens(text, field))
        self.position = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def word(self, *words: str) -> bool:
        """Takes the next token when it is one of these words."""
        if self.token.kind == "word" and self.token.text.upper() in words:
            self.position += 1
            return True
        return False

    def fail(self, what: str, hint: str = "", token: Token | None = None) -> InvalidArgument:
        return _error(self.field, self.text, (token or self.token).at, what, hint)

    def expected(self, what: str, hint: str = "") -> InvalidArgument:
        found = "the end" if self.token.kind == "end" else self.token.text
        return self.fail(f"expected {what}, found {found}", hint)

    def any_of(self) -> Node:
        items = [self.all_of()]
        while self.word("OR"):
            items.append(self.all_of())
        return items[0] if len(items) == 1 else AnyOf(tuple(items))

    def all_of(self) -> Node:
        items = [self.term()]
        while self.word("AND"):
            items.append(self.term())
        return items[0] if len(items) == 1 else All(tuple(items))

    def term(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} levels of parentheses")
        node = self._term()
        self.depth -= 1
        return node

    def _term(self) -> Node:
        if self.word("NOT"):
            return Not(self.term())
        if self.token.text != "(":
            return self.comparison()
        self.take()
        node = self.any_of()
        if self.token.text != ")":
            raise self.expected("AND, OR or )")
        self.take()
        return node

    def key(self) -> Key:
        first = self.token
        if first.kind not in ("word", "quoted"):
            raise self.expected("a key", "for example metrics.accuracy, params.lr, tags.team or attributes.state")
        name = self.name_part()
        if self.token.kind != "dot":
            return self.attribute(name, first)
        kind = self.grammar.prefixes.get(name.lower())
        if kind is None:
            hint = f"use {', '.join(f'{word}.' for word in self.grammar.prefixes if word.endswith('s'))}"
            raise self.fail(f"unknown prefix {name!r}", hint, first)
        self.take()
        at = self.token
        # A bare key may hold dots and dashes, numbers too: metrics.val.top-5
        parts = [self.name_part()]
        while self.token.kind == "dot" or self.adjacent():
            parts.append(self.take().text if self.token.kind == "dot" else self.name_part())
        name = "".join(parts)
        if kind == "tag" and name in self.grammar.tags:
            return Key("attribute", self.grammar.tags[name])
        if kind == "dataset" and name not in DATASET_PARTS:
            raise self.fail(f"a dataset has no {name!r}", f"it has {', '.join(DATASET_PARTS)}", at)
        return self.attribute(name, at) if kind == "attribute" else Key(kind, name)

    def adjacent(self) -> bool:
        before = self.tokens[self.position - 1]
        return self.token.kind in ("word", "number") and self.token.at == before.at + len(before.text)

    def name_part(self) -> str:
        token = self.token
        if token.kind == "quoted":
            self.take()
            body = token.text[1:-1]
            return body.replace('""', '"') if token.text[0] == '"' else body
        if token.kind not in ("word", "number"):
            raise self.expected("a key", 'put a key with other characters in quotes: metrics."my key"')
        return self.take().text

    def attribute(self, name: str, token: Token) -> Key:
        known = self.grammar.attributes.get(name.lower())
        if known is None:
            names = ", ".join(sorted(set(self.grammar.attributes.values())))
            hint = f"attributes are {names}; others need a prefix"
            raise self.fail(f"unknown attribute {name!r}", hint, token)
        return Key("attribute", known)

    def comparison(self) -> Comparison:
        key = self.key()
        operator = self.token
        if self.word("IS"):
            op = "IS NOT NULL" if self.word("NOT") else "IS NULL"
            if not self.word("NULL"):
                raise self.expected("NULL")
            return Comparison(key, op, None)
        op = self.operator()
        self.check_operator(key, op, operator)
        if op in ("IN", "NOT IN"):
            return Comparison(key, op, self.values(key))
        return Comparison(key, op, self.value(key, op))

    def operator(self) -> str:
        if self.token.kind == "op":
            return {"<>": "!=", "==": "="}.get(op := self.take().text, op)
        negated = "NOT " if self.word("NOT") else ""
        for word in ("IN", "LIKE", "ILIKE"):
            if self.word(word):
                return negated + word
        raise self.expected("an operator", "= != < <= > >= LIKE ILIKE IN, NOT IN, IS NULL or IS NOT NULL")

    def check_operator(self, key: Key, op: str, token: Token) -> None:
        number = key.kind == "metric" or self.is_time(key)
        if number and op not in ("=", "!=", "<", "<=", ">", ">="):
            raise self.fail(f"{key} is a number, {op} does not apply", "use = != < <= > >= or IS NULL", token)
        if not number and op in ("<", "<=", ">", ">="):
            raise self.fail(f"{key} is text, {op} does not apply", "use = != LIKE ILIKE IN or IS NULL", token)

    def is_time(self, key: Key) -> bool:
        return key.kind == "attribute" and key.name in self.grammar.numbers

    def values(self, key: Key) -> tuple[Scalar, ...]:
        if self.token.text != "(":
            raise self.expected("(", "for example params.kernel IN ('rbf', 'linear')")
        self.take()
        values = [self.value(key, "IN")]
        while self.token.text == ",":
            self.take()
            values.append(self.value(key, "IN"))
        if self.token.text != ")":
            raise self.expected(", or )")
        self.take()
        return tuple(values)

    def value(self, key: Key, op: str) -> Scalar:
        token = self.token
        named = _NAMED_NUMBERS.get(token.text.lower()) if token.kind in ("word", "number") else None
        if key.kind == "metric" and named:
            self.take()
            return float(named)
        if token.kind not in ("string", "quoted", "number") or token.text[0] == "`":
            raise self.expected("a value", "texts go in single quotes: params.kernel = 'rbf'")
        self.take()
        if token.kind == "number":
            # A param is text, so params.lr = 0.1 compares with the text that was written here.
            return float(token.text) if key.kind == "metric" or self.is_time(key) else token.text
        if key.kind == "metric":
            raise self.fail(f"{key} is a number, {token.text} is a text", "leave the quotes out", token)
        quote = token.text[0]
        return token.text[1:-1].replace(quote * 2, quote)


def parse_filter(text: str, *, field: str = "filter", grammar: Grammar = RUNS) -> Node | None:
    """The tree of a filter; None when it is empty. Raises InvalidArgument naming the position."""
    if not text.strip():
        return None
    parser = Parser(text, field, grammar)
    node = parser.any_of()
    if parser.token.kind != "end":
        raise parser.expected("AND, OR or the end")
    return node


def parse_key(text: str, *, field: str, grammar: Grammar = RUNS) -> Key:
    """One param, metric, tag or attribute by its name. Raises InvalidArgument."""
    parser = Parser(text, field, grammar)
    key = parser.key()
    if key.kind == "dataset":
        raise parser.fail("a dataset is no column", token=parser.tokens[0])
    if parser.token.kind != "end":
        raise parser.expected("the end", 'put a key with other characters in quotes: metrics."my key"')
    return key


def parse_order(text: str, *, field: str = "order_by", grammar: Grammar = RUNS) -> Order:
    """`metrics.accuracy DESC` -> Order. Ascending unless DESC is said."""
    parser = Parser(text, field, grammar)
    key = parser.key()
    if key.kind == "dataset":
        raise parser.fail("runs cannot be ordered by a dataset", token=parser.tokens[0])
    descending = parser.word("DESC")
    if not descending:
        parser.word("ASC")
    if parser.token.kind != "end":
        raise parser.expected("ASC, DESC or the end")
    return Order(key, descending)


def keys_of(node: Node | None) -> Iterator[Key]:
    """Every key that a filter looks at."""
    match node:
        case None:
            return
        case Comparison():
            yield node.key
        case Not():
            yield from keys_of(node.item)
        case _:
            for item in node.items:
                yield from keys_of(item)
