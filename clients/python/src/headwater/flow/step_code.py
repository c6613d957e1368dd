"""The code that a step can reach, as one digest: all of the package but the bodies of other steps in the flow file.

Sound before clever: every other file counts as a whole, and a step that another one names otherwise than in
`self.next(...)` counts as part of that one.
"""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from headwater.flow.spec import step_function, step_names

Function = ast.FunctionDef | ast.AsyncFunctionDef


def digests(cls: type, flow_file: str, rest: str) -> dict[str, str]:
    """Step → digest. rest: digest of the package without the flow file."""
    with open(flow_file, "rb") as file:
        source = file.read()
    blocks = _blocks(cls, flow_file, source)
    return {name: _digest(rest, source, blocks, name) for name in step_names(cls)}


class _Blocks:
    """Where the steps stand in the file, and which other steps each of them names."""

    def __init__(self, lines: dict[str, range], names: dict[str, set[str]], common: set[str]) -> None:
        self.lines, self._names, self._common = lines, names, common

    def reached(self, step: str) -> set[str]:
        """A step, and all whose bodies it could run."""
        found: set[str] = set()
        queue = [step, *self._common]
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                queue += self._names.get(name, ())
        return found


def _blocks(cls: type, flow_file: str, source: bytes) -> _Blocks:
    try:
        tree = ast.parse(source, flow_file)
    except (SyntaxError, ValueError):
        return _Blocks({}, {}, set())
    functions = {_first(node): node for node in ast.walk(tree) if isinstance(node, Function)}
    steps: dict[str, Function] = {}
    for name in step_names(cls):
        code: CodeType | None = getattr(_plain(step_function(cls, name)), "__code__", None)
        if code is None or not _same_file(code.co_filename, flow_file):
            continue
        node = functions.get(code.co_firstlineno)
        if node is not None and node.name == name:
            steps[name] = node
    known = set(steps)
    lines = {name: range(_first(node), (node.end_lineno or node.lineno) + 1) for name, node in steps.items()}
    names = {name: known & set(_named(node, set())) for name, node in steps.items()}
    return _Blocks(lines, names, known & set(_named(tree, {id(node) for node in steps.values()})))


def _same_file(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _plain(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def _first(node: Function) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _named(node: ast.AST, without: set[int]) -> Iterator[str]:
    """Names, attributes and texts of a tree, but for what self.next(...) is given."""
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in _inside(node):
        if id(child) not in without:
            yield from _named(child, without)


def _inside(node: ast.AST) -> Iterable[ast.AST]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "next":
        return [node.func.value]
    return ast.iter_child_nodes(node)


def _digest(rest: str, source: bytes, blocks: _Blocks, step: str) -> str:
    reached = blocks.reached(step)
    hidden = {line for name, lines in blocks.lines.items() if name not in reached for line in lines}
    digest = hashlib.sha256(f"{rest} {step}\n".encode())
    for number, line in enumerate(source.splitlines(keepends=True), 1):
        if number not in hidden:
            digest.update(line)
    return digest.hexdigest()[:32]
