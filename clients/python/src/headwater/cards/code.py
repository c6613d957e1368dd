"""Python source with its words coloured."""

from __future__ import annotations

import io
import keyword
import tokenize

from headwater.cards.html import Html, join, tag, text

_KINDS = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}
MOST = 100_000


def python(source: str) -> Html:
    """Markup of Python code; what is no Python is shown without colours."""
    if len(source) > MOST:
        return tag("pre", source[:MOST] + "\n…", class_="code")
    try:
        return tag("pre", join(_coloured(source)), class_="code")
    except (tokenize.TokenError, IndentationError, SyntaxError, IndexError):
        return tag("pre", source, class_="code")


def _coloured(source: str) -> list[Html]:
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    parts: list[Html] = []
    end = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = _KINDS.get(token.type) or ("keyword" if keyword.iskeyword(token.string) else "")
        if not kind:
            continue
        first = starts[token.start[0] - 1] + token.start[1]
        last = starts[token.end[0] - 1] + token.end[1]
        parts += [text(source[end:first]), tag("span", source[first:last], class_=f"py-{kind}")]
        end = last
    return [*parts, text(source[end:])]
