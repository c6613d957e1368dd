"""The source of a flow class as syntax trees: where each step stands, what it calls self.next with, what it assigns.

Reads files (or a notebook's cells through linecache); never imports or runs anything.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef


class NextSyntax(NamedTuple):
    """One self.next(...) in the source. `problem` says why it cannot be understood; then the rest is empty."""

    line: int
    targets: tuple[str, ...] = ()
    foreach: str | None = None
    problem: str = ""
    fix: str = ""


class Assignment(NamedTuple):
    """`self.<name> = …` somewhere in a step."""

    name: str
    line: int


class StepSource(NamedTuple):
    """What the source of one step says."""

    file: str
    line: int
    doc: str
    arguments: int
    is_async: bool
    nexts: tuple[NextSyntax, ...]
    ends_with_next: bool
    assignments: tuple[Assignment, ...]


class Sources:
    """Syntax trees of files, each parsed once."""

    def __init__(self) -> None:
        self._trees: dict[str, ast.Module | None] = {}

    def step(self, function: Callable[..., Any]) -> StepSource:
        """Reads a step function. Without its source, only what the compiled code knows is there."""
        function = _unwrap(function)
        code: Any = getattr(function, "__code__", None)
        file, first_line = (code.co_filename, code.co_firstlineno) if code else ("?", 0)
        node = self._function(file, first_line, function.__name__)
        if node is None:
            arguments = code.co_argcount if code else 1
            return StepSource(file, first_line, function.__doc__ or "", arguments, False, (), False, ())
        return _read(file, node, function.__doc__ or "")

    def repeated_methods(self, cls: type) -> Iterator[tuple[str, str, int, int]]:
        """(file, name, first line, line) of each @step whose name a later one in the same class body hides."""
        for base in cls.__mro__:
            file = _file_of(base)
            node = self._class(file, base.__qualname__) if file else None
            if node is not None:
                yield from ((file, *found) for found in _repeated(node))

    def class_line(self, cls: type) -> tuple[str, int]:
        """(file, line) of a class; line 0 when its source is not there."""
        file = _file_of(cls)
        node = self._class(file, cls.__qualname__) if file else None
        return file or "?", node.lineno if node else 0

    def _tree(self, file: str) -> ast.Module | None:
        if file not in self._trees:
            try:
                self._trees[file] = ast.parse(_text(file), file)
            except (OSError, SyntaxError, ValueError):
                self._trees[file] = None
        return self._trees[file]

    def _function(self, file: str, first_line: int, name: str) -> Function | None:
        for node in _definitions(self._tree(file)):
            if isinstance(node, Function) and node.name == name and _first_line(node) == first_line:
                return node
        return None

    def _class(self, file: str, qualname: str) -> ast.ClassDef | None:
        scopes: list[ast.AST | None] = [self._tree(file)]
        for part in (p for p in qualname.split(".") if p != "<locals>"):
            scopes = [n for scope in scopes for n in _children(scope) if getattr(n, "name", None) == part]
        return next((node for node in reversed(scopes) if isinstance(node, ast.ClassDef)), None)


def _definitions(tree: ast.AST | None) -> Iterator[ast.AST]:
    """All functions and classes of a tree, without walking into expressions."""
    for node in _children(tree):
        yield node
        yield from _definitions(node)


def _children(tree: ast.AST | None) -> Iterator[ast.AST]:
    """Functions and classes right inside a scope, also below its if, try and with."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        for node in getattr(tree, field, ()):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield node
            elif isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.ExceptHandler)):
                yield from _children(node)


def _text(file: str) -> str:
    if os.path.exists(file):  # noqa: PTH110 (see package.py)
        import tokenize

        with tokenize.open(file) as source:
            return source.read()
    import linecache

    return "".join(linecache.getlines(file))


def _file_of(cls: type) -> str:
    import sys

    for value in vars(cls).values():
        code = getattr(_unwrap(value), "__code__", None)
        if code is not None and code.co_name != "<lambda>":
            return code.co_filename
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or ""


def _unwrap(function: Any) -> Any:
    seen = 0
    while hasattr(function, "__wrapped__") and seen < 100:
        function, seen = function.__wrapped__, seen + 1
    return function


def _first_line(node: Function) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _read(file: str, node: Function, doc: str) -> StepSource:
    arguments = node.args.posonlyargs + node.args.args
    name = arguments[0].arg if arguments else "self"
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call) and _is_next(n.func, name)]
    last = node.body[-1]
    ends = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and _is_next(last.value.func, name)
    nexts = tuple(_next(call, name) for call in sorted(calls, key=lambda c: c.lineno))
    is_async = isinstance(node, ast.AsyncFunctionDef)
    return StepSource(file, node.lineno, doc, len(arguments), is_async, nexts, ends, tuple(_assignments(node, name)))


def _is_next(function: ast.expr, self_name: str) -> bool:
    return _attribute(function, self_name) == "next"


def _attribute(node: ast.expr, self_name: str) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self_name:
        return node.attr
    return None


def _next(call: ast.Call, self_name: str) -> NextSyntax:
    line = call.lineno
    usage = 'use self.next(self.a), self.next(self.a, self.b) or self.next(self.a, foreach="items")'
    usage = usage.replace("self", self_name)
    targets: list[str] = []
    for argument in call.args:
        target = _attribute(argument, self_name)
        if target is None:
            what = "a switch (a dict of steps)" if isinstance(argument, ast.Dict) else f"`{ast.unparse(argument)}`"
            return NextSyntax(
                line,
                problem=f"{self_name}.next got {what}, which is not a step written as {self_name}.<step>",
                fix=usage,
            )
        targets.append(target)
    foreach: str | None = None
    for keyword in call.keywords:
        if keyword.arg != "foreach":
            return NextSyntax(
                line, problem=f"{self_name}.next does not know the argument {keyword.arg or '**'}", fix=usage
            )
        if not (isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)):
            shown = _attribute(keyword.value, self_name) or "items"
            problem = f"foreach= must be the name of an artifact as text, got `{ast.unparse(keyword.value)}`"
            return NextSyntax(line, problem=problem, fix=f'write foreach="{shown}"')
        foreach = keyword.value.value
    if not targets:
        return NextSyntax(line, problem=f"{self_name}.next names no step", fix=usage)
    if len(set(targets)) < len(targets):
        return NextSyntax(
            line,
            problem=f"{self_name}.next names a step twice",
            fix="name each step once; use foreach to run one many times",
        )
    if foreach is not None and len(targets) > 1:
        return NextSyntax(line, problem="a foreach goes to exactly one step", fix=usage)
    return NextSyntax(line, tuple(targets), foreach)


def _assignments(node: Function, self_name: str) -> Iterator[Assignment]:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
            name = _attribute(each, self_name)
            if name is not None:
                yield Assignment(name, each.lineno)


def _repeated(node: ast.ClassDef) -> Iterator[tuple[str, int, int]]:
    seen: dict[str, int] = {}
    for each in node.body:
        if isinstance(each, Function) and any(_is_step_decorator(d) for d in each.decorator_list):
            if each.name in seen:
                yield each.name, seen[each.name], each.lineno
            seen[each.name] = each.lineno


def _is_step_decorator(node: ast.expr) -> bool:
    return getattr(node, "id", None) == "step" or getattr(node, "attr", None) == "step"
