"""Structural checks of a flow before anything runs: every error found, each with file, line, step and what to do.

Reads the graph only. A flow without errors is one the scheduler accepts. Where Metaflow's linter has the same rule the
message has its words, for people search for them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from headwater.flow.graph import END, START, FlowGraph, Node
from headwater.flow.parameters import parameters_of
from headwater.flow.spec import RESERVED

# Names that mean something to a step or its process.
RESERVED_STEPS = RESERVED | {"name", "cmd"}


class LintError(NamedTuple):
    """One thing wrong with a flow. `step` is "" when it is about the whole class."""

    file: str
    line: int
    step: str
    message: str
    fix: str

    def __str__(self) -> str:
        where = f"in file {self.file} on line {self.line}" if self.line else f"in file {self.file}"
        fix = f"\n    Fix: {self.fix}" if self.fix else ""
        return f"Validity checker found an issue {where}:\n    {self.message}{fix}"


def lint(cls: type, graph: FlowGraph | None = None) -> list[LintError]:
    """Everything wrong with a flow class, in the order of the source; empty when it can run."""
    graph = graph or FlowGraph(cls)
    errors = [*_class_errors(graph), *_step_errors(graph)]
    if not errors:
        from headwater.flow.lint_shape import shape_errors

        errors = [*shape_errors(graph)]
    return sorted(set(errors), key=lambda e: (e.line, e.message))


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" when a known name is close, else nothing."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def at(node: Node, message: str, fix: str = "", line: int = 0) -> LintError:
    return LintError(node.source.file, line or node.source.line, node.name, message, fix)


def _class_errors(graph: FlowGraph) -> Iterator[LintError]:
    file, line = graph.sources.class_line(graph.cls)
    for where, name, first, again in graph.sources.repeated_methods(graph.cls):
        message = f"There are two steps named {name}; the first is on line {first}."
        yield LintError(where, again, name, message, "rename one of them")
    for name, found in ((START, graph.start), (END, graph.end)):
        yield from _endpoint(graph, name, found)
        if not found:
            known = graph.cls.__dict__.get(name)
            fix = f"put @step above `def {name}(self)`" if callable(known) else f"add a step: @step def {name}(self)"
            message = (
                f"Your flow must have exactly one {name} step. Either name a step '{name}' or use @step({name}=True)."
            )
            yield LintError(file, line, "", message, fix)
    yield from _parameters(graph, file, line)


def _parameters(graph: FlowGraph, file: str, line: int) -> Iterator[LintError]:
    taken: set[str] = set()
    for attribute, parameter in parameters_of(graph.cls).items():
        if attribute in RESERVED or attribute.startswith("_"):
            message = f"The name self.{attribute} of a parameter is reserved."
            yield LintError(file, line, "", message, "rename the attribute")
        if attribute in graph.nodes:
            message = f"{attribute} is the name of a parameter and of a step."
            yield LintError(file, line, "", message, "rename one of them")
        if parameter.name.lower() in taken:
            message = f"Parameter {parameter.name} is specified twice. Note that parameter names are case-insensitive."
            yield LintError(file, line, "", message, "rename one of them")
        taken.add(parameter.name.lower())


def _step_errors(graph: FlowGraph) -> Iterator[LintError]:
    for node in graph.nodes.values():
        yield from _signature(node, graph)
        yield from _transition(node, graph)
        yield from _assignments(node, graph)
        yield from _secrets(node)


def _endpoint(graph: FlowGraph, usual: str, found: str) -> Iterator[LintError]:
    """Two steps that claim to be the first, or the last."""
    marked = [graph.nodes[name] for name in graph.marked(usual)]
    if len(marked) > 1:
        names = ", ".join(sorted(node.name for node in marked))
        message = f"Multiple steps annotated with @step({usual}=True): {names}. Exactly one is allowed."
        yield at(marked[1], message, f"keep {usual}=True once")
    if marked and usual in graph.nodes and found != usual:
        message = (
            f"Ambiguous {usual} step: step '{found}' is annotated with @step({usual}=True) but a step named '{usual}'"
            f" also exists. Remove the '{usual}' name or the @step({usual}=True) annotation."
        )
        yield at(marked[0], message)


def _signature(node: Node, graph: FlowGraph) -> Iterator[LintError]:
    name, arguments = node.name, node.source.arguments
    if name in RESERVED_STEPS:
        yield at(node, f"Step name {name} is a reserved word. Choose another name for the step.")
    elif re.search("[^a-z0-9_]", name) or name.startswith("_"):
        message = (
            f"Step {name} has an invalid name. Only lowercase ascii characters, underscores, and digits are allowed."
        )
        yield at(node, message, "rename the step")
    if node.source.is_async:
        yield at(
            node, f"Step {name} cannot be an async function.", "write `def`, and use asyncio.run(...) inside of it"
        )
    if arguments == 0:
        yield at(node, f"Step {name} is missing the 'self' argument.", f"write `def {name}(self)`")
    elif arguments > 2:
        message = (
            f"Step {name} has too many arguments. Normal steps take only 'self' as an argument. "
            "Join steps take 'self' and 'inputs'."
        )
        yield at(node, message)
    elif node.is_join and name == graph.end:
        message = (
            f"The terminal step {name} should not be a join step (it gets an extra argument). "
            "Add a join step before it."
        )
        yield at(node, message, f"write `def {name}(self)`")
    elif node.is_join and name == graph.start:
        message = (
            f"Step {name} seems like a join step (it takes an extra input argument) but it is not preceded by a split. "
            "Ensure that there is a matching split for every join."
        )
        yield at(node, message, f"write `def {name}(self)`")
    elif node.is_join and (node.opens or node.condition is not None):
        message = (
            f"Step {name} is both a join step (it takes an extra argument) and a split step (it transitions to "
            "multiple steps). This is not allowed. Add a new step so that split and join become separate steps."
        )
        yield at(node, message)


def _transition(node: Node, graph: FlowGraph) -> Iterator[LintError]:
    name, nexts = node.name, node.source.nexts
    if name == graph.end:
        for call in nexts:
            message = (
                f"The end step {name} has outgoing transitions. An end step must have no outgoing transitions "
                "(no self.next())."
                if call.targets
                else f"The terminal step {name} should not have a self.next() transition. Just remove it."
            )
            yield at(node, message, "remove the call, or move it to another step", call.line)
        return
    missing = (
        f"Step {name} is missing a self.next() transition to the next step. Add a self.next() as the last line in the "
        "function."
    )
    if not nexts:
        yield at(node, missing, f"for example self.next(self.{graph.end or END})")
    for call in nexts:
        if call.problem:
            message = f"Step {name} specifies an invalid self.next() transition: {call.problem}."
            yield at(node, message, call.fix, call.line)
        for target in call.targets:
            if target not in graph.nodes:
                hint = suggestion(target, graph.nodes) or (
                    "; @step is missing there" if callable(getattr(graph.cls, target, None)) else ""
                )
                message = f"Step {name} specifies a self.next() transition to an unknown step, {target}."
                yield at(node, message, f"name a method that has @step{hint}", call.line)
        if call.foreach is not None and not call.gang and _cannot_hold(call.foreach):
            message = f"Step {name}: foreach={call.foreach!r} is not a name that an artifact can have."
            yield at(node, message, "use the name of a list assigned to self", call.line)
        if call.cases and len(call.cases) < 2:
            message = (
                f"Step {name} is a switch split but defines {len(call.cases)} transitions. "
                "Switch splits must define at least 2 transitions."
            )
            yield at(node, message, line=call.line)
    if len(nexts) > 1:
        message = f"Multiple self.next() calls detected in step {name}. Call self.next() only once."
        yield at(node, message, "call it once, as the last statement", nexts[1].line)
    elif nexts and not node.source.ends_with_next:
        fix = "self.next() is there, but not the last statement: move it out of any if, loop or try"
        yield at(node, missing, fix, nexts[0].line)


def _cannot_hold(name: str) -> bool:
    return name in RESERVED or not name.isidentifier() or name.startswith("_")


def _secrets(node: Node) -> Iterator[LintError]:
    if node.options.secrets is not None:
        from headwater.flow.secrets import problems

        for problem in problems(node.options.secrets):
            message, _, fix = problem.partition(". Fix: ")
            yield at(node, f"Step {node.name}: {message}.", fix or "correct sources=[…]")


def _assignments(node: Node, graph: FlowGraph) -> Iterator[LintError]:
    parameters = parameters_of(graph.cls)
    config = sys.modules.get("headwater.flow.config")
    configs = config.configs_of(graph.cls) if config else {}
    for name, line in node.source.assignments:
        what = (
            "reserved"
            if name in RESERVED
            else "a step"
            if name in graph.nodes
            else "a config"
            if name in configs
            else "a parameter"
            if name in parameters
            else ""
        )
        if what:
            message = f"Step {node.name} assigns self.{name}, which is {what} and cannot be assigned."
            yield at(node, message, "use another name for the artifact", line)
