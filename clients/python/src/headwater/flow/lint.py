"""Structural checks of a flow before anything runs: every error found, each with file, line, step and what to do.

Reads the graph only. A flow without errors is one the scheduler accepts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from headwater.flow.graph import END, START, FlowGraph, Node
from headwater.flow.parameters import parameters_of
from headwater.flow.spec import RESERVED


class LintError(NamedTuple):
    """One thing wrong with a flow. `step` is "" when it is about the whole class."""

    file: str
    line: int
    step: str
    message: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        step = f" step {self.step!r}:" if self.step else ""
        return f"{where}:{step} {self.message}\n    Fix: {self.fix}"


def lint(cls: type, graph: FlowGraph | None = None) -> list[LintError]:
    """Everything wrong with a flow class, in the order of the source; empty when it can run."""
    graph = graph or FlowGraph(cls)
    errors = [*_class_errors(graph), *_step_errors(graph)]
    if not errors:
        errors = [*_shape_errors(graph)]
    return sorted(set(errors), key=lambda e: (e.line, e.message))


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" when a known name is close, else nothing."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _at(node: Node, message: str, fix: str, line: int = 0) -> LintError:
    return LintError(node.source.file, line or node.source.line, node.name, message, fix)


def _class_errors(graph: FlowGraph) -> Iterator[LintError]:
    file, line = graph.sources.class_line(graph.cls)
    for where, name, first, again in graph.sources.repeated_methods(graph.cls):
        yield LintError(
            where,
            again,
            name,
            f"there are two steps named {name!r}; the first is at line {first}",
            "rename one of them",
        )
    for name, found in ((START, graph.start), (END, graph.end)):
        yield from _endpoint(graph, name, found)
        if not found:
            known = graph.cls.__dict__.get(name)
            fix = f"put @step above `def {name}(self)`" if callable(known) else f"add a step: @step def {name}(self)"
            yield LintError(file, line, "", f"the flow {graph.cls.__name__} has no step named {name!r}", fix)
    taken: dict[str, str] = {}
    for attribute, parameter in parameters_of(graph.cls).items():
        if attribute in RESERVED or attribute.startswith("_"):
            yield LintError(
                file, line, "", f"the name self.{attribute} of a parameter is reserved", "rename the attribute"
            )
        if attribute in graph.nodes:
            yield LintError(
                file, line, "", f"{attribute!r} is the name of a parameter and of a step", "rename one of them"
            )
        if parameter.name in taken:
            yield LintError(file, line, "", f"two parameters are named {parameter.name!r}", "rename one of them")
        taken[parameter.name] = attribute


def _step_errors(graph: FlowGraph) -> Iterator[LintError]:
    for node in graph.nodes.values():
        yield from _signature(node, graph)
        yield from _transition(node, graph)
        yield from _assignments(node, graph)
        yield from _secrets(node)


def _endpoint(graph: FlowGraph, usual: str, found: str) -> Iterator[LintError]:
    """Two steps that claim to be the first, or the last."""
    marked = [graph.nodes[name] for name in graph.marked(usual)]
    for again in marked[1:]:
        yield _at(again, f"a second step marked @step({usual}=True); {found!r} is the first", f"keep {usual}=True once")
    if marked and usual in graph.nodes and found != usual:
        yield _at(
            marked[0],
            f"marked @step({usual}=True), but there is a step named {usual!r} too",
            f"rename {usual!r}, or drop {usual}=True",
        )


def _signature(node: Node, graph: FlowGraph) -> Iterator[LintError]:
    if node.name in RESERVED or node.name.startswith("_"):
        yield _at(node, f"the name {node.name!r} is reserved", "rename the step")
    if not node.name.isascii():
        yield _at(node, "the name of a step must be plain ASCII", "rename the step")
    if node.source.is_async:
        yield _at(node, "a step cannot be an async function", "write `def`, and use asyncio.run(...) inside")
    if node.source.arguments not in (1, 2):
        count = node.source.arguments
        yield _at(
            node,
            f"takes {count} arguments",
            f"write `def {node.name}(self)`, or `def {node.name}(self, inputs)` for a join",
        )
    if node.is_join and node.name in (graph.start, graph.end):
        yield _at(
            node, f"{node.name!r} cannot be a join", f"join in a step before it, and write `def {node.name}(self)`"
        )


def _transition(node: Node, graph: FlowGraph) -> Iterator[LintError]:
    nexts = node.source.nexts
    if node.name == graph.end:
        for call in nexts:
            yield _at(
                node,
                f"{graph.end!r} is the last step and cannot call self.next",
                "remove the call, or move it to another step",
                call.line,
            )
        return
    if not nexts:
        yield _at(
            node,
            "does not call self.next",
            f"end the step with self.next(self.<step>), for example self.next(self.{graph.end or END})",
        )
    for call in nexts:
        if call.problem:
            yield _at(node, call.problem, call.fix, call.line)
        for target in call.targets:
            if target not in graph.nodes:
                hint = suggestion(target, graph.nodes) or (
                    "; @step is missing there" if callable(getattr(graph.cls, target, None)) else ""
                )
                yield _at(
                    node,
                    f"self.next goes to self.{target}, which is not a step{hint}",
                    "name a method that has @step",
                    call.line,
                )
        if (
            call.foreach is not None
            and (call.foreach in RESERVED or not call.foreach.isidentifier() or call.foreach.startswith("_"))
            and not call.gang
        ):
            yield _at(
                node,
                f"foreach={call.foreach!r} is not a name an artifact can have",
                "use the name of a list assigned to self",
                call.line,
            )
        if call.cases and len(call.cases) < 2:
            yield _at(
                node,
                f"is a switch split but defines {len(call.cases)} transitions",
                "switch splits must define at least 2 transitions",
                call.line,
            )
    if len(nexts) > 1:
        yield _at(node, "calls self.next more than once", "call it once, as the last statement", nexts[1].line)
    elif nexts and not node.source.ends_with_next:
        yield _at(
            node,
            "self.next is not the last statement",
            "move it to the end of the step, outside of any if, loop or try",
            nexts[0].line,
        )


def _secrets(node: Node) -> Iterator[LintError]:
    if node.options.secrets is not None:
        from headwater.flow.secrets import problems

        for problem in problems(node.options.secrets):
            message, _, fix = problem.partition(". Fix: ")
            yield _at(node, message, fix or "correct sources=[…]")


def _assignments(node: Node, graph: FlowGraph) -> Iterator[LintError]:
    parameters = parameters_of(graph.cls)
    config = sys.modules.get("headwater.flow.config")
    configs = config.configs_of(graph.cls) if config else {}
    for name, line in node.source.assignments:
        if name in RESERVED:
            yield _at(
                node, f"self.{name} is reserved and cannot be assigned", "use another name for the artifact", line
            )
        elif name in graph.nodes:
            yield _at(node, f"self.{name} is a step and cannot be assigned", "use another name for the artifact", line)
        elif name in configs:
            yield _at(
                node, f"self.{name} is a config and cannot be assigned", "use another name for the artifact", line
            )
        elif name in parameters:
            yield _at(
                node, f"self.{name} is a parameter and cannot be assigned", "use another name for the artifact", line
            )


def _shape_errors(graph: FlowGraph) -> Iterator[LintError]:
    """Checks of the graph as a whole; they need steps that are right by themselves."""
    cycle = graph.cyclic()
    if cycle:
        first = graph.nodes[cycle[0]]
        path = " → ".join(_cycle(graph, cycle))
        yield _at(
            first,
            f"the flow has a cycle: {path}",
            "make one of these steps go on to a step outside of the cycle; only a switch can go around a loop",
        )
        return
    stacks = graph.open_splits()
    if endless := [name for name in graph.stuck() if name in stacks]:
        yield _at(graph.nodes[endless[0]], "no way leads from here to the end", "let a switch lead out of the loop")
        return
    for node in graph.nodes.values():
        if node.name not in stacks:
            yield _at(node, "no step leads here", f"call self.next(self.{node.name}) in another step, or remove it")
    for node in graph.ordered():
        if node.name in stacks:
            yield from _balance(node, graph, stacks)
            yield from _catch(node)
            yield from _gang(node, graph)


def _cycle(graph: FlowGraph, names: list[str]) -> list[str]:
    """One closed path through steps of which each has a successor among them."""
    path: list[str] = []
    name = names[0]
    while name not in path:
        path.append(name)
        name = next(target for target in graph.edges(name) if target in names)
    return [*path[path.index(name) :], name]


def _balance(node: Node, graph: FlowGraph, stacks: dict[str, tuple[str, ...]]) -> Iterator[LintError]:
    back, branches = graph.back_edges(), graph.branches(stacks)
    every = [other for other in stacks if node.name in graph.edges(other)]
    before = [other for other in every if (other, node.name) not in back]
    leaving = {other: graph.leaving(other, stacks) for other in before}
    if node.name == graph.start and every:
        yield _at(node, f"self.next in {every[0]!r} leads back to {graph.start!r}", "start a new run instead")
        return
    for other in every:
        inside = (graph.leaving(other, stacks), _branch_behind(graph, branches, other, node.name))
        if (other, node.name) in back and (node.is_join or inside != (stacks[node.name], branches[node.name])):
            yield _at(graph.nodes[other], f"goes back to {node.name!r}, which is not inside of the same split", _SPLIT)
    if node.is_join:
        yield from _join(node, graph, leaving, branches)
    elif len({(leaving[name], _branch_behind(graph, branches, name, node.name)) for name in before}) > 1:
        fix = f"make it a join: def {node.name}(self, inputs)"
        yield _at(node, f"the steps {_names(before)} all lead here, but it takes no inputs", fix)
    if node.name == graph.end and stacks[graph.end]:
        opener = stacks[graph.end][-1]
        yield _at(
            graph.nodes[opener],
            f"its {_kind(graph, opener)} is never joined",
            f"add a join, def join(self, inputs), before {graph.end!r}",
        )


_SPLIT = "join its branches before going around a loop"


def _branch_behind(graph: FlowGraph, branches: dict[str, str], name: str, target: str) -> str:
    return target if graph.nodes[name].opens else branches[name]


def _join(
    node: Node, graph: FlowGraph, leaving: dict[str, tuple[str, ...]], branches: dict[str, str]
) -> Iterator[LintError]:
    plain = f"remove `inputs`: def {node.name}(self)"
    empty = [name for name, stack in leaving.items() if not stack]
    if empty:
        yield _at(node, f"takes inputs, but no split or foreach is open after {_names(empty)}", plain)
        return
    if len(set(leaving.values())) > 1:
        where = "; ".join(f"{name!r} is inside {' → '.join(stack)}" for name, stack in leaving.items())
        yield _at(node, f"joins steps of different branches: {where}", "join the inner branches first")
        return
    opener = next(iter(leaving.values()))[-1]
    kind = _kind(graph, opener)
    if opener in leaving:
        yield _at(node, f"follows the {kind} of {opener!r} directly", f"put a step between {opener!r} and the join")
        return
    if kind == "split" and (missing := _branches_elsewhere(graph, opener, node.name)):
        fix = f"let every branch of {opener!r} lead to {node.name!r}"
        yield _at(node, f"joins some branches of {opener!r}, but not {_names(missing)}", fix)
    if switches := [name for name in leaving if graph.nodes[name].condition is not None]:
        yield _at(
            node,
            f"a conditional path cannot lead directly to a join step, as it does in {_names(switches)}",
            "put an unconditional step between the switch and the join",
        )
    joined = [branches[name] for name in leaving]
    count = len(graph.nodes[opener].next)
    if kind == "split" and not _switches_inside(graph, opener) and sorted(joined) != sorted(graph.nodes[opener].next):
        yield _at(
            node,
            f"joins {len(leaving)} steps ({_names(leaving)}) of a split into {count}",
            "let each branch lead to the join once",
        )


def _switches_inside(graph: FlowGraph, opener: str) -> bool:
    stacks = graph.open_splits()
    return any(node.condition is not None and opener in stacks.get(node.name, ()) for node in graph.nodes.values())


def _branches_elsewhere(graph: FlowGraph, opener: str, join: str) -> list[str]:
    """First steps of branches that do not come to the join."""
    return [first for first in graph.edges(opener) if not _reaches(graph, first, join, set())]


def _reaches(graph: FlowGraph, name: str, goal: str, seen: set[str]) -> bool:
    if name == goal:
        return True
    seen.add(name)
    return any(_reaches(graph, target, goal, seen) for target in graph.edges(name) if target not in seen)


def _catch(node: Node) -> Iterator[LintError]:
    if node.options.catch is not None and node.foreach is not None:
        yield _at(
            node,
            "@catch cannot be on a step that starts a foreach: after a failure there is no list",
            "do the risky work in a step before it",
        )

    if node.options.catch is not None and node.condition is not None:
        yield _at(
            node,
            "@catch is not supported in conditional switch steps: after a failure nothing says which way to go",
            "do the risky work in a step before it",
        )


def _gang(node: Node, graph: FlowGraph) -> Iterator[LintError]:
    """num_parallel and @parallel come together, and a join follows."""
    parallel = "parallel" in node.options.decorators
    for target in graph.edges(node.name):
        marked = "parallel" in graph.nodes[target].options.decorators
        if node.gang and not marked:
            yield _at(
                node,
                f"{target!r} is called as a parallel step with self.next(num_parallel=..) but does not have a @parallel"
                " decorator",
                f"put @parallel on {target!r}",
            )
        elif marked and not node.gang:
            yield _at(
                graph.nodes[target],
                "has a @parallel decorator, but is not called with self.next(num_parallel=...) from step "
                f"{node.name!r}",
                f"write self.next(self.{target}, num_parallel=4) in {node.name!r}",
            )
        if parallel and node.condition is not None:
            yield _at(node, "a @parallel step can not be a conditional switch step", "add a join step after it")
            return
        if parallel and not graph.nodes[target].is_join:
            yield _at(
                graph.nodes[target],
                "an @parallel step should be followed by a join step, which this is not",
                f"add an extra `inputs` argument: def {target}(self, inputs)",
            )
        elif parallel and node.opens:
            yield _at(node, "a @parallel step cannot split or start a foreach", "do that in a step behind its join")


def _kind(graph: FlowGraph, name: str) -> str:
    return "foreach" if graph.nodes[name].foreach is not None else "split"


def _names(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
