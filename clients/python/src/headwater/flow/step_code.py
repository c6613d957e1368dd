"""The code that a step can reach, as one digest: all of the package but the bodies of other steps in the flow file.

Sound before clever: every other file counts as a whole, and a step that another one names otherwise than in
`self.next(...)` counts as part of that one. On the path of every run, so the file is parsed only where names occur.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from headwater.flow.spec import step_function, step_names

_WORD = re.compile(r"\w+")
_NEXT = re.compile(r"\.next\([^)]*\)")


def digests(cls: type, flow_file: str, rest: str) -> dict[str, str]:
    """Step → digest. rest: digest of the package without the flow file."""
    with open(flow_file, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    blocks = _blocks(cls, flow_file)
    reached = _Reach(lines, blocks)
    return {name: _digest(rest, lines, blocks, name, reached.by(name)) for name in step_names(cls)}


def _blocks(cls: type, flow_file: str) -> dict[str, range]:
    """Step → its lines, for those that stand in the flow file. Lines of its end without code may be missing."""
    found: dict[str, range] = {}
    flow_file = os.path.realpath(flow_file)
    same: dict[str, bool] = {}
    for name in step_names(cls):
        code: CodeType | None = getattr(_plain(step_function(cls, name)), "__code__", None)
        if code is None or code.co_name != name:
            continue
        file = code.co_filename
        if same.setdefault(file, os.path.realpath(file) == flow_file):
            found[name] = range(code.co_firstlineno, _last(code) + 1)
    return found


def _last(code: CodeType) -> int:
    inner = (_last(each) for each in code.co_consts if isinstance(each, CodeType))
    lines = (end or start or 0 for start, end, _, _ in code.co_positions())
    return max(code.co_firstlineno, *inner, *lines)


def _plain(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


class _Reach:
    """Which steps the code of a step, or code outside of all steps, could run."""

    def __init__(self, lines: list[bytes], blocks: dict[str, range]) -> None:
        inside = {number for block in blocks.values() for number in block}
        outside = [line for number, line in enumerate(lines, 1) if number not in inside]
        known = set(blocks)
        self._names = {
            name: _named(lines[block.start - 1 : block.stop - 1], known - {name}) for name, block in blocks.items()
        }
        self._common = _named(outside, known)

    def by(self, step: str) -> set[str]:
        found: set[str] = set()
        queue = [step, *self._common]
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                queue += self._names.get(name, ())
        return found


def _named(lines: list[bytes], steps: set[str]) -> set[str]:
    """Those of the steps that are named, but for what self.next(...) is given."""
    text = b"".join(lines).decode("utf-8", "replace")
    found = steps & set(_WORD.findall(_NEXT.sub("", text)))
    if not found:
        return found
    try:  # in a comment, or as a keyword, it is no name
        return found & set(_names(ast.parse(_dedented(text))))
    except (SyntaxError, ValueError):
        return found


def _dedented(text: str) -> str:
    return f"if 1:\n{text}" if text[:1] in (" ", "\t") else text


def _names(node: ast.AST) -> Iterator[str]:
    """Names, attributes and texts."""
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in _inside(node):
        yield from _names(child)


def _inside(node: ast.AST) -> Iterable[ast.AST]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "next":
        return [node.func.value]
    return ast.iter_child_nodes(node)


def _digest(rest: str, lines: list[bytes], blocks: dict[str, range], step: str, reached: set[str]) -> str:
    hidden = {line for name, block in blocks.items() if name not in reached for line in block}
    text = b"".join(line for number, line in enumerate(lines, 1) if number not in hidden)
    return hashlib.sha256(f"{rest} {step}\n".encode() + text).hexdigest()[:32]
