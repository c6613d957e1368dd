"""Markdown to markup: headings, lists, tables, quotes, code, emphasis, links. Raw HTML in it stays visible text.

A subset of CommonMark and GitHub's tables, written so that nothing of the input reaches the page unescaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from headwater.cards.html import Html, join, tag, text

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$")
_RULE = re.compile(r"^\s*([-*_])(?:\s*\1){2,}\s*$")
_FENCE = re.compile(r"^\s*(```+|~~~+)\s*([\w+-]*)\s*$")
_CELLS = re.compile(r"^\s*\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*\|?\s*$")
# Spans have an end within sight: without it, text full of marks would take time by the square of its length.
_INLINE = re.compile(
    r"(?P<code>`+)(?P<codetext>.{1,4000}?)(?P=code)"
    r"|!\[(?P<alt>[^\]]{0,400})\]\((?P<src>[^()\s]+)\)"
    r'|\[(?P<label>[^\]]{1,400})\]\((?P<href>[^()\s]+)(?:\s+"[^"]*")?\)'
    r"|(?P<strong>\*\*|__)(?=\S)(?P<strongtext>.{1,800}?)(?P=strong)"
    r"|(?P<em>\*|(?<!\w)_)(?=\S)(?P<emtext>.{1,800}?)(?P=em)(?!\w)"
    r"|~~(?P<gone>.{1,800}?)~~"
    r"|(?P<url>https?://[^\s<>\"')]+)",
    re.DOTALL,
)
_LINK = re.compile(r"^(https?://|mailto:|#)", re.IGNORECASE)
_IMAGE = re.compile(r"^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$")
_DEEPEST = 8


def render(source: str) -> Html:
    return join(_blocks(source.expandtabs(4).splitlines()))


def _blocks(lines: list[str], depth: int = 0) -> Iterator[Html]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif fence := _FENCE.match(line):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].strip().startswith(fence[1])), len(lines))
            yield tag("pre", tag("code", "\n".join(lines[at + 1 : end])), class_="code")
            at = end + 1
        elif heading := _HEADING.match(line):
            yield tag(f"h{len(heading[1])}", inline(heading[2]))
            at += 1
        elif _RULE.match(line):
            yield tag("hr")
            at += 1
        elif line.lstrip().startswith(">") and depth < _DEEPEST:
            end = _while(lines, at, lambda each: each.lstrip().startswith(">"))
            inner = [each.lstrip()[1:].removeprefix(" ") for each in lines[at:end]]
            yield tag("blockquote", *_blocks(inner, depth + 1))
            at = end
        elif _ITEM.match(line) and depth < _DEEPEST:
            end = _list_end(lines, at)
            yield _list(lines[at:end], depth)
            at = end
        elif "|" in line and at + 1 < len(lines) and _CELLS.match(lines[at + 1]):
            end = _while(lines, at, lambda each: "|" in each)
            yield _table(lines[at:end])
            at = end
        else:
            end = _while(lines, at + 1, lambda each: bool(each.strip()) and not _starts(each))
            yield tag("p", inline("\n".join(each.strip() for each in lines[at:end])))
            at = end


def _starts(line: str) -> bool:
    return bool(_HEADING.match(line) or _FENCE.match(line) or _ITEM.match(line) or line.lstrip().startswith(">"))


def _while(lines: list[str], at: int, holds: Callable[[str], bool]) -> int:
    while at < len(lines) and holds(lines[at]):
        at += 1
    return at


def _list_end(lines: list[str], at: int) -> int:
    """Items, what is indented under them, and single empty lines between them."""
    end = at + 1
    while end < len(lines):
        line = lines[end]
        following = lines[end + 1] if end + 1 < len(lines) else ""
        belongs = bool(_ITEM.match(line)) or line.startswith("  ")
        if not belongs and not (not line.strip() and (_ITEM.match(following) or following.startswith("  "))):
            break
        end += 1
    return end


def _list(lines: list[str], depth: int) -> Html:
    first = _ITEM.match(lines[0])
    assert first is not None
    indent, ordered = len(first[1]), first[2][0].isdigit()
    items: list[list[str]] = []
    for line in lines:
        found = _ITEM.match(line)
        if found and len(found[1]) <= indent + 1:
            items.append([found[3]])
        else:
            items[-1].append(line[min(len(line) - len(line.lstrip()), indent + 2) :])
    return tag("ol" if ordered else "ul", *(_item(item, depth) for item in items))


def _item(lines: list[str], depth: int) -> Html:
    end = next((i for i, line in enumerate(lines) if i and (_starts(line) or not line.strip())), len(lines))
    return tag("li", inline("\n".join(line.strip() for line in lines[:end])), *_blocks(lines[end:], depth + 1))


def _table(lines: list[str]) -> Html:
    head, *body = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in (lines[0], *lines[2:])]
    rows = (tag("tr", *(tag("td", inline(cell)) for cell in row)) for row in body)
    return tag("table", tag("tr", *(tag("th", inline(cell)) for cell in head)), *rows)


def inline(source: str, depth: int = 0) -> Html:
    """Emphasis, code, links and images within a line."""
    if depth > _DEEPEST:
        return text(source)
    parts: list[Html] = []
    end = 0
    for match in _INLINE.finditer(source):
        parts += [text(source[end : match.start()]), _element(match, depth)]
        end = match.end()
    parts.append(text(source[end:]))
    return join(parts)


def _element(match: re.Match[str], depth: int) -> Html:
    found = match.groupdict()
    if found["codetext"] is not None:
        return tag("code", found["codetext"].strip())
    if found["src"] is not None:
        return _image(found["alt"], found["src"])
    if found["href"] is not None:
        return _link(inline(found["label"], depth + 1), found["href"])
    if found["url"] is not None:
        return _link(text(found["url"]), found["url"])
    for group, element in (("strongtext", "strong"), ("emtext", "em"), ("gone", "del")):
        if found[group] is not None:
            return tag(element, inline(found[group], depth + 1))
    raise AssertionError(match)


def _link(label: Html, href: str) -> Html:
    if not _LINK.match(href):
        return join((label, " (", href, ")"))
    return tag("a", label, href=href, rel="noopener noreferrer", target="_blank")


def _image(alt: str, src: str) -> Html:
    """Only images that are in the text itself: a card fetches nothing."""
    return tag("img", src=src, alt=alt) if _IMAGE.match(src) else _link(text(alt or src), src)
