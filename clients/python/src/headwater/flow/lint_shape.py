"""Checks of the graph as a whole: loops, orphans, splits and the joins that close them, gangs. They need steps that are
right by themselves (flow/lint.py)."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.flow.graph import FlowGraph, Node
from headwater.flow.lint import LintError, at

Stacks = dict[str, tuple[str, ...]]


def shape_errors(graph: FlowGraph) -> Iterator[LintError]:
    """Every error of the graph; after a loop without an end the rest would say nothing."""
    cycle = graph.cyclic()
    if cycle:
        path = _cycle(graph, cycle)
        message = f"There is a loop in your flow: {'->'.join(path)}. Break the loop by fixing self.next() transitions."
        yield at(graph.nodes[path[0]], message, "only a switch can go around a loop")
        return
    stacks = graph.open_splits()
    if endless := [name for name in graph.stuck() if name in stacks]:
        message = f"There is a loop in your flow: no way leads from step {endless[0]} to {graph.end}."
        yield at(graph.nodes[endless[0]], message, "let a switch lead out of the loop")
        return
    for node in graph.nodes.values():
        if node.name not in stacks:
            message = (
                f"Step {node.name} is unreachable from the entry step {graph.start}. Add self.next({node.name}) in "
                f"another step or remove {node.name}."
            )
            yield at(node, message)
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


def _balance(node: Node, graph: FlowGraph, stacks: Stacks) -> Iterator[LintError]:
    back, branches = graph.back_edges(), graph.branches(stacks)
    every = [other for other in stacks if node.name in graph.edges(other)]
    before = [other for other in every if (other, node.name) not in back]
    leaving = {other: graph.leaving(other, stacks) for other in before}
    if node.name == graph.start and every:
        message = (
            f"The start step {node.name} has incoming transitions from {', '.join(every)}. "
            "A start step must have no incoming transitions."
        )
        yield at(node, message)
        return
    for other in every:
        inside = (graph.leaving(other, stacks), _branch_behind(graph, branches, other, node.name))
        if (other, node.name) in back and (node.is_join or inside != (stacks[node.name], branches[node.name])):
            message = f"Step {other} goes back to {node.name}, which is not inside of the same split."
            yield at(graph.nodes[other], message, "join its branches before going around a loop")
    if node.name == graph.end and stacks[graph.end]:
        yield _never_joined(node, graph, stacks[graph.end][-1])
    elif node.is_join:
        yield from _join(node, graph, leaving, branches)
    elif len({(leaving[name], _branch_behind(graph, branches, name, node.name)) for name in before}) > 1:
        message = f"The steps {', '.join(before)} all lead to step {node.name}, but it is not a join step."
        yield at(node, message, f"make it a join: def {node.name}(self, inputs)")


def _never_joined(end: Node, graph: FlowGraph, opener: str) -> LintError:
    message = (
        f"The terminal step {end.name} was reached before a split started at step(s) "
        f"{', '.join(graph.nodes[opener].next)} were joined. Add a join step before {end.name}."
    )
    return at(end, message, f"the split of step {opener} needs a join: def join(self, inputs)")


def _branch_behind(graph: FlowGraph, branches: dict[str, str], name: str, target: str) -> str:
    return target if graph.nodes[name].opens else branches[name]


def _join(node: Node, graph: FlowGraph, leaving: Stacks, branches: dict[str, str]) -> Iterator[LintError]:
    seems = f"Step {node.name} seems like a join step (it takes an extra input argument) but"
    empty = [name for name, stack in leaving.items() if not stack]
    if empty:
        message = f"{seems} it is not preceded by a split. Ensure that there is a matching split for every join."
        yield at(node, message, f"remove `inputs`: def {node.name}(self)")
        return
    if len(set(leaving.values())) > 1:
        where = "; ".join(f"{name} is inside {' → '.join(stack)}" for name, stack in leaving.items())
        message = (
            f"Step {node.name} joins steps from unrelated splits. Ensure that there is a matching join for every split."
        )
        yield at(node, message, f"join the inner branches first: {where}")
        return
    opener = next(iter(leaving.values()))[-1]
    if opener in leaving:
        yield _childless(node, graph.nodes[opener])
        return
    yield from _wrong_branches(node, graph, opener, leaving, branches)
    if switches := [name for name in leaving if graph.nodes[name].condition is not None]:
        message = (
            "A conditional path cannot lead directly to a join step.\n    In your conditional step(s) "
            f"{', '.join(switches)}, one or more of the possible paths transition directly to the join step "
            f"{node.name}.\n    As a workaround, please introduce an intermediate, unconditional step on that specific "
            "path before joining."
        )
        yield at(node, message)


def _childless(node: Node, opener: Node) -> LintError:
    kind = "foreach split" if opener.foreach is not None else "split"
    message = (
        f"Step {opener.name} is a {kind} that has no children: it is followed immediately by a join step, "
        f"{node.name}. Add at least one step between the split and the join."
    )
    return at(opener, message)


def _wrong_branches(
    node: Node, graph: FlowGraph, opener: str, leaving: Stacks, branches: dict[str, str]
) -> Iterator[LintError]:
    """A join that some branches of its split do not come to, or one of them twice."""
    if graph.nodes[opener].foreach is not None:
        return
    roots = graph.nodes[opener].next
    missing = [first for first in graph.edges(opener) if not _reaches(graph, first, node.name, set())]
    joined = [branches[name] for name in leaving]
    if not missing and (_switches_inside(graph, opener) or sorted(joined) == sorted(roots)):
        return
    message = (
        f"Step {node.name} seems like a join step (it takes an extra input argument) but an incorrect number of steps "
        f"({', '.join(dict.fromkeys(joined))}) lead to it. This join was expecting {len(roots)} incoming paths, "
        f"starting from split step(s) {', '.join(roots)}."
    )
    fix = f"let {', '.join(missing)} lead to {node.name} too" if missing else "let each branch lead to it once"
    yield at(node, message, fix)


def _switches_inside(graph: FlowGraph, opener: str) -> bool:
    stacks = graph.open_splits()
    return any(node.condition is not None and opener in stacks.get(node.name, ()) for node in graph.nodes.values())


def _reaches(graph: FlowGraph, name: str, goal: str, seen: set[str]) -> bool:
    if name == goal:
        return True
    seen.add(name)
    return any(_reaches(graph, target, goal, seen) for target in graph.edges(name) if target not in seen)


def _catch(node: Node) -> Iterator[LintError]:
    if node.options.catch is not None and node.foreach is not None:
        message = (
            f"@catch is defined for the step {node.name} but @catch is not supported in foreach split steps: after a "
            "failure there is no list."
        )
        yield at(node, message, "do the risky work in a step before it")
    if node.options.catch is not None and node.condition is not None:
        message = (
            f"@catch is defined for the step {node.name} but @catch is not supported in conditional switch steps: "
            "after a failure nothing says which way to go."
        )
        yield at(node, message, "do the risky work in a step before it")


def _gang(node: Node, graph: FlowGraph) -> Iterator[LintError]:
    """num_parallel and @parallel come together, and a join follows."""
    parallel = "parallel" in node.options.decorators
    for target in graph.edges(node.name):
        marked = "parallel" in graph.nodes[target].options.decorators
        if node.gang and not marked:
            message = (
                f"Step {node.name} is called as a parallel step with self.next(num_parallel=..) but does not have a "
                "@parallel decorator."
            )
            yield at(node, message, f"put @parallel on {target}")
        elif marked and not node.gang:
            message = (
                f"Step {target} has a @parallel decorator, but is not called with self.next(num_parallel=...) from "
                f"step {node.name}."
            )
            yield at(graph.nodes[target], message)
        if parallel and node.condition is not None:
            yield at(
                node, f"A @parallel step can not be a conditional switch step: {node.name}.", "add a join after it"
            )
            return
        if parallel and not graph.nodes[target].is_join:
            message = (
                f"An @parallel step should be followed by a join step. Step {target} is called after an @parallel step "
                "but is not a join step. Please add an extra `inputs` argument to the step."
            )
            yield at(graph.nodes[target], message)
        elif parallel and node.opens:
            message = f"Step {node.name} is a @parallel step and cannot split or start a foreach."
            yield at(node, message, "do that in a step behind its join")
