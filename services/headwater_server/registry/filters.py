"""What a search asks for: `name LIKE 'churn%' AND tags.team = 'risk'` as a tree, and `name DESC` as an order. Pure.

clause: key op value, key [NOT] IN ('a', 'b'); joined by AND, OR and parentheses. Knows no tables: see search_sql.py.
"""

import re
from dataclasses import dataclass

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

MAX_FILTER = 10_000
MAX_DEPTH = 20
MAX_CLAUSES = 200
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<key>(?:[A-Za-z_]\w*\.)?`[^`]+`|[A-Za-z_]\w*\."[^"]+"|[A-Za-z_][\w.\-/:]*)
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
      | (?P<op>!=|<>|>=|<=|=|<|>)
      | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_WORDS = ("AND", "OR", "NOT", "IN", "LIKE", "ILIKE")
Value = str | int | float | tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """entity: what stands before the key's dot; "": nothing does."""

    entity: str
    key: str
    op: str
    value: Value
    at: int


@dataclass(frozen=True)
class Junction:
    """All of the items ("AND") or any of them ("OR")."""

    word: str
    items: tuple["Node", ...]


Node = Comparison | Junction


@dataclass(frozen=True)
class Order:
    entity: str
    key: str
    descending: bool


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_filter(text: str) -> Node | None:
    """None: everything. Raises InvalidArgument that names the position."""
    if len(text) > MAX_FILTER:
        raise _refusal(f"Invalid filter: {len(text)} characters, at most {MAX_FILTER} are allowed")
    tokens = _tokens(text)
    return _Parser(text, tokens).whole() if tokens else None


def parse_order(text: str) -> Order:
    match = re.fullmatch(r"\s*(.+?)(?:\s+(\w+))?\s*", text, re.DOTALL)
    if match is None or (match[2] is None and " " in match[1].strip()):
        raise _refusal(f"Invalid order_by clause {shown(text)}. Could not be parsed.", "order_by")
    direction = (match[2] or "asc").lower()
    if direction not in ("asc", "desc"):
        raise _refusal(f"Invalid ordering key in order_by clause {shown(text)}.", "order_by")
    entity, key = split_key(match[1])
    return Order(entity, key, direction == "desc")


def split_key(text: str) -> tuple[str, str]:
    """("tags", "my key") of tags.`my key`."""
    if text[:1] in "`\"'":
        return "", text.strip("`\"'")
    entity, dot, key = text.partition(".")
    return (entity, key.strip("`\"'")) if dot else ("", entity)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise _invalid(text, start, f"{shown(text[start : start + 20])} was not understood")
        kind = match.lastgroup or ""
        word = match[kind]
        if kind == "key" and word.upper() in _WORDS:
            kind, word = "word", word.upper()
        found.append(_Token(kind, word, match.start(match.lastgroup or 0)))
        at = match.end()
    return found


class _Parser:
    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text, self._tokens, self._next, self._clauses = text, tokens, 0, 0

    def whole(self) -> Node:
        node = self._any(0)
        if (left := self._peek()) is not None:
            raise self._wrong(left, "AND, OR or the end")
        return node

    def _any(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _refusal(f"Invalid filter: more than {MAX_DEPTH} parentheses inside of each other")
        return self._joined("OR", lambda: self._joined("AND", lambda: self._one(depth)))

    def _joined(self, word: str, item: "object") -> Node:
        items: list[Node] = [item()]  # type: ignore[operator]
        while (token := self._peek()) is not None and (token.kind, token.text) == ("word", word):
            self._next += 1
            items.append(item())  # type: ignore[operator]
        return items[0] if len(items) == 1 else Junction(word, tuple(items))

    def _one(self, depth: int) -> Node:
        token = self._peek()
        if token is not None and token.text == "(":
            self._next += 1
            node = self._any(depth + 1)
            self._take("mark", ")", expected='")"')
            return node
        return self._comparison()

    def _comparison(self) -> Comparison:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            raise _refusal(f"Invalid filter: more than {MAX_CLAUSES} clauses")
        left = self._take("key", expected="a key such as name or tags.team")
        op = self._operator()
        entity, key = split_key(left.text)
        return Comparison(entity, key, op, self._list() if op.endswith("IN") else self._value(), left.at)

    def _operator(self) -> str:
        token = self._peek()
        if token is not None and token.kind == "op":
            self._next += 1
            return "!=" if token.text == "<>" else token.text
        if token is not None and token.kind == "word" and token.text in ("LIKE", "ILIKE", "IN"):
            self._next += 1
            return token.text
        if token is not None and token.text == "NOT":
            self._next += 1
            self._take("word", "IN", expected="IN after NOT")
            return "NOT IN"
        raise self._wrong(token, "a comparison such as =, != or LIKE")

    def _value(self) -> Value:
        token = self._peek()
        if token is not None and token.kind == "text":
            self._next += 1
            return _unquoted(token.text)
        if token is not None and token.kind == "number":
            self._next += 1
            return int(token.text) if re.fullmatch(r"[-+]?\d{1,18}", token.text) else float(token.text)
        raise self._wrong(token, "a text in quotes or a number")

    def _list(self) -> tuple[str, ...]:
        self._take("mark", "(", expected='"("')
        items = [_unquoted(self._take("text", expected="a text in quotes").text)]
        while (token := self._peek()) is not None and token.text == ",":
            self._next += 1
            if (after := self._peek()) is not None and after.text == ")":
                break
            items.append(_unquoted(self._take("text", expected="a text in quotes").text))
        self._take("mark", ")", expected='")"')
        return tuple(items)

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, kind: str, text: str = "", *, expected: str) -> _Token:
        token = self._peek()
        if token is None or token.kind != kind or (text and token.text != text):
            raise self._wrong(token, expected)
        self._next += 1
        return token

    def _wrong(self, token: _Token | None, expected: str) -> InvalidArgument:
        if token is None:
            return _invalid(self._text, len(self._text), f"it ends where {expected} was expected")
        return _invalid(self._text, token.at, f"{shown(token.text)} where {expected} was expected")


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)


def _invalid(text: str, at: int, why: str) -> InvalidArgument:
    return _refusal(f"Invalid filter '{text if len(text) <= 200 else text[:197] + '...'}': at position {at + 1}: {why}")


def _refusal(message: str, field: str = "filter") -> InvalidArgument:
    return InvalidArgument(message, field=field)
