"""The source of a flow class as syntax trees: where each step stands, what it calls self.next with, what it assigns.

Reads files (or a notebook's cells through linecache); never imports or runs anything.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

# The list that a gang goes over, as Metaflow calls it.
GANG = "_parallel_ubf_iter"
Function = ast.FunctionDef | ast.AsyncFunctionDef


class NextSyntax(NamedTuple):
    """One self.next(...) in the source. `problem` says why it cannot be understood; then the rest is empty."""

    line: int
    targets: tuple[str, ...] = ()
    foreach: str | None = None
    # Of a switch: the artifact that decides, and (value as JSON, step) of each case.
    condition: str | None = None
    cases: tuple[tuple[str, str], ...] = ()
    # num_parallel: the tasks of the step that follows are a gang.
    gang: bool = False
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


USAGE = (
    "use self.next(self.a), self.next(self.a, self.b), self.next(self.a, foreach='items'), "
    "self.next(self.a, num_parallel=4) or self.next({'x': self.a, 'y': self.b}, condition='name')"
)


def _next(call: ast.Call, self_name: str) -> NextSyntax:
    line, usage = call.lineno, USAGE.replace("self", self_name)
    keywords = {keyword.arg or "**": keyword.value for keyword in call.keywords}
    if unknown := [name for name in keywords if name not in ("foreach", "num_parallel", "condition")]:
        return NextSyntax(line, problem=f"it passes an unknown keyword argument '{unknown[0]}'", fix=usage)
    if len(keywords) > 1:
        names = " and ".join(f"{name}=" for name in keywords)
        return NextSyntax(line, problem=f"{names} cannot be combined", fix=usage)
    if "condition" in keywords or any(isinstance(argument, ast.Dict) for argument in call.args):
        return _switch(call, keywords.get("condition"), self_name)
    targets: list[str] = []
    for argument in call.args:
        target = _attribute(argument, self_name)
        if target is None:
            problem = f"`{ast.unparse(argument)}` is not a step written as {self_name}.<step>"
            return NextSyntax(line, problem=problem, fix=usage)
        targets.append(target)
    if not targets:
        return NextSyntax(line, problem="it names no step", fix=usage)
    if len(set(targets)) < len(targets):
        return NextSyntax(
            line,
            problem="it names a step twice",
            fix="name each step once; use foreach to run one many times",
        )
    if keywords and len(targets) > 1:
        what = "foreach" if "foreach" in keywords else "num_parallel"
        return NextSyntax(line, problem=f"specify exactly one target for '{what}'", fix=usage)
    if "num_parallel" in keywords:
        return NextSyntax(line, tuple(targets), GANG, gang=True)
    if "foreach" not in keywords:
        return NextSyntax(line, tuple(targets))
    name = _text_of(keywords["foreach"])
    if name is None:
        shown = _attribute(keywords["foreach"], self_name) or "items"
        problem = f"the argument to 'foreach' must be a string, got `{ast.unparse(keywords['foreach'])}`"
        return NextSyntax(line, problem=problem, fix=f'write foreach="{shown}"')
    return NextSyntax(line, tuple(targets), name)


def _switch(call: ast.Call, condition: ast.expr | None, self_name: str) -> NextSyntax:
    line, fix = call.lineno, 'use self.next({"x": self.a, "y": self.b}, condition="name")'.replace("self", self_name)
    if condition is None:
        return NextSyntax(line, problem="dictionary argument requires 'condition' parameter", fix=fix)
    name = _text_of(condition)
    if name is None:
        problem = f"the argument to 'condition' must be a string, got `{ast.unparse(condition)}`"
        return NextSyntax(line, problem=problem, fix=fix)
    if len(call.args) != 1 or not isinstance(call.args[0], ast.Dict) or not call.args[0].keys:
        problem = "with 'condition', it takes a single, non-empty dictionary of values and steps"
        return NextSyntax(line, problem=problem, fix=fix)
    cases: list[tuple[str, str]] = []
    for key, value in zip(call.args[0].keys, call.args[0].values, strict=True):
        label, target = _case(key, self_name), _attribute(value, self_name)
        if label is None:
            shown = "**" if key is None else ast.unparse(key)
            problem = f"the key `{shown}` of its switch is a variable"
            keys = "keys must be string literals, numbers or config expressions (self.config.key_name), not variables"
            return NextSyntax(line, problem=problem, fix=keys)
        if target is None:
            problem = f"`{ast.unparse(value)}` is not a step written as {self_name}.<step>"
            return NextSyntax(line, problem=problem, fix=fix)
        cases.append((label, target))
    targets = dict.fromkeys(target for _, target in cases)
    return NextSyntax(line, tuple(targets), condition=name, cases=tuple(cases))


def _case(key: ast.expr | None, self_name: str) -> str | None:
    """The key of a case as JSON; None when only running the code can tell."""
    if isinstance(key, ast.Constant):
        return json.dumps(key.value, default=repr)
    if isinstance(key, ast.UnaryOp) and isinstance(key.operand, ast.Constant):
        return ast.unparse(key)
    if isinstance(key, ast.Attribute) and (config := _attribute(key.value, self_name)) is not None:
        return json.dumps(f"config:{config}.{key.attr}")
    return None


def _text_of(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


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
