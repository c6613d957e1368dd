"""The graph of a flow class: its steps, how they follow each other, which join closes which split.

Derived from the source alone. flow_graph() gives the JSON of headwater.api.scheduler.v1.Graph; lint (flow/lint.py)
says what is wrong with it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from headwater.flow.options import StepOptions, flow_options, step_options
from headwater.flow.source import Sources, StepSource
from headwater.flow.spec import step_function, step_names

START = "start"
END = "end"


class Node(NamedTuple):
    """One step of a graph."""

    name: str
    source: StepSource
    options: StepOptions

    @property
    def next(self) -> tuple[str, ...]:
        return self.source.nexts[-1].targets if self.source.nexts else ()

    @property
    def foreach(self) -> str | None:
        return self.source.nexts[-1].foreach if self.source.nexts else None

    @property
    def condition(self) -> str | None:
        """The artifact that a switch decides by."""
        return self.source.nexts[-1].condition if self.source.nexts else None

    @property
    def gang(self) -> bool:
        """Are the tasks of the step that follows a gang?"""
        return bool(self.source.nexts) and self.source.nexts[-1].gang

    @property
    def is_join(self) -> bool:
        return self.source.arguments > 1

    @property
    def opens(self) -> bool:
        """Does it start branches that a join must close?"""
        return self.foreach is not None or (len(self.next) > 1 and self.condition is None)

    @property
    def transition(self) -> str:
        if self.condition is not None:
            return "TRANSITION_SWITCH"
        if self.foreach is not None:
            return "TRANSITION_FOREACH"
        return ("TRANSITION_END", "TRANSITION_LINEAR")[len(self.next)] if len(self.next) < 2 else "TRANSITION_SPLIT"


class FlowGraph:
    """The steps of a flow class by name, in the order of the source."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.sources = Sources()
        self.nodes: dict[str, Node] = {}
        for name in step_names(cls):
            function = step_function(cls, name)
            options = step_options(function)
            if options is not None:
                self.nodes[name] = Node(name, self.sources.step(function), options)
        usual = START in self.nodes or END in self.nodes
        alone = len(self.nodes) == 1 and self._leaves() != []
        self.start = self._endpoint(START, self._roots() if alone or not usual else [])
        self.end = self._endpoint(END, self._leaves() if alone or not usual else [])

    def _endpoint(self, usual: str, candidates: list[str]) -> str:
        """The step marked as such, else the one with the usual name, else the only one that it can be, else ""."""
        marked = self.marked(usual)
        if marked:
            return marked[0]
        if usual in self.nodes:
            return usual
        return candidates[0] if len(candidates) == 1 else ""

    def marked(self, usual: str) -> list[str]:
        """Steps with @step(start=True), or @step(end=True)."""
        nodes = self.nodes.values()
        return [node.name for node in nodes if (node.options.is_start if usual == START else node.options.is_end)]

    def _roots(self) -> list[str]:
        reached = {target for name in self.nodes for target in self.edges(name) if target != name}
        return [name for name in self.nodes if name not in reached]

    def _leaves(self) -> list[str]:
        return [node.name for node in self.nodes.values() if not node.source.nexts]

    def edges(self, name: str) -> list[str]:
        """Known steps that follow a step."""
        return [target for target in self.nodes[name].next if target in self.nodes]

    def ordered(self) -> list[Node]:
        """Steps in an order in which they can run; those of a cycle, or that nothing leads to, come last."""
        back = self.back_edges()
        waiting = dict.fromkeys(self.nodes, 0)
        for name in self.nodes:
            for target in self.edges(name):
                waiting[target] += (name, target) not in back
        ready = [name for name in self.nodes if waiting[name] == 0]
        done: dict[str, None] = {}
        while ready:
            name = ready.pop(0)
            done[name] = None
            for target in self.edges(name):
                waiting[target] -= (name, target) not in back
                if waiting[target] == 0 and (name, target) not in back:
                    ready.append(target)
        order = sorted(done, key=lambda name: name != self.start)
        return [self.nodes[name] for name in [*order, *(n for n in self.nodes if n not in done)]]

    def cyclic(self) -> list[str]:
        """Steps that a cycle keeps from ever running: one without a switch that can lead out of it."""
        remaining = {name: None for name, node in self.nodes.items() if node.condition is None}
        while leaves := [n for n in remaining if not any(t in remaining for t in self.edges(n))]:
            for name in leaves:
                del remaining[name]
        return list(remaining)

    def back_edges(self) -> set[tuple[str, str]]:
        """(from, to) of the transitions that lead back to a step from what follows it: another round of a loop."""
        back: set[tuple[str, str]] = set()
        inside, done = {self.start}, set[str]()
        path = [(self.start, iter(self.edges(self.start)))] if self.start in self.nodes else []
        while path:
            name, targets = path[-1]
            target = next(targets, None)
            if target is None:
                path.pop()
                inside.discard(name)
                done.add(name)
            elif target in inside:
                back.add((name, target))
            elif target not in done:
                inside.add(target)
                path.append((target, iter(self.edges(target))))
        return back

    def stuck(self) -> list[str]:
        """Steps from which no way leads to the end."""
        found = {self.end}
        while more := {n for n in self.nodes if n not in found and found & set(self.edges(n))}:
            found |= more
        return [name for name in self.nodes if name not in found]

    def branches(self, stacks: dict[str, tuple[str, ...]]) -> dict[str, str]:
        """Step → the step that begins the branch of the innermost split around it."""
        found: dict[str, tuple[str, ...]] = {self.start: ()}
        for node in self.ordered():
            if node.name not in stacks or node.name not in found:
                continue
            mine = found[node.name] = found[node.name][: len(stacks[node.name])]
            for target in self.edges(node.name):
                found.setdefault(target, (*mine, target) if node.opens else mine)
        return {name: labels[-1] if labels else "" for name, labels in found.items()}

    def open_splits(self) -> dict[str, tuple[str, ...]]:
        """Step → splits and foreach steps that are open when it runs, outermost first; a join: after closing its own.

        Where the paths into a step disagree the first one counts. Steps of a cycle, and those without a way to them,
        are absent.
        """
        stacks: dict[str, tuple[str, ...]] = {}
        if self.start not in self.nodes or self.cyclic():
            return stacks
        arriving: dict[str, tuple[str, ...]] = {self.start: ()}
        for node in self.ordered():
            if node.name not in arriving:
                continue
            stack = arriving[node.name]
            stacks[node.name] = stack[:-1] if node.is_join else stack
            for target in self.edges(node.name):
                arriving.setdefault(target, (*stacks[node.name], node.name) if node.opens else stacks[node.name])
        return stacks

    def leaving(self, name: str, stacks: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        """What is open on the way out of a step."""
        return (*stacks[name], name) if self.nodes[name].opens else stacks[name]

    def joins(self) -> dict[str, str]:
        """Join → the split or foreach step that it closes."""
        stacks = self.open_splits()
        closed: dict[str, str] = {}
        for name in stacks:
            for target in self.edges(name):
                if self.nodes[target].is_join and (stack := self.leaving(name, stacks)):
                    closed.setdefault(target, stack[-1])
        return closed


def flow_graph(cls: type, graph: FlowGraph | None = None) -> dict[str, Any]:
    """The graph of a flow class as JSON of headwater.api.scheduler.v1.Graph. The class should pass lint() first."""
    graph = graph or FlowGraph(cls)
    joins = graph.joins()
    body: dict[str, Any] = {"flow": cls.__name__, "steps": [], "start": graph.start, "end": graph.end}
    options = flow_options(cls)
    for key, hooks in (("onSuccess", options.on_success), ("onError", options.on_error)):
        if hooks:
            body[key] = [hook if isinstance(hook, str) else hook.__name__ for hook in hooks]
    if cls.__doc__:
        body["doc"] = clean_doc(cls.__doc__)
    body["steps"] = [_step(node, joins.get(node.name, "")) for node in graph.ordered()]
    return body


def _step(node: Node, joins: str) -> dict[str, Any]:
    options = node.options
    body: dict[str, Any] = {"name": node.name, "transition": node.transition, "line": node.source.line}
    optional: dict[str, Any] = {
        "next": list(node.next),
        "foreach": node.foreach,
        "condition": node.condition,
        "cases": [{"value": value, "step": target} for value, target in node.source.nexts[-1].cases]
        if node.source.nexts
        else [],
        "gang": node.gang,
        "joins": joins,
        "pool": options.pool,
        "isolation": options.isolation,
        "concurrency": options.concurrency,
        "noCache": options.no_cache,
        "doc": clean_doc(node.source.doc),
        "decorators": options.decorators,
        "cards": options.cards,
    }
    body.update((key, value) for key, value in optional.items() if value)
    if options.retry is not None:
        body["retry"] = {"times": options.retry.times, "delay": duration(options.retry.delay_seconds)}
    if options.timeout_seconds is not None:
        body["timeout"] = duration(options.timeout_seconds)
    if options.catch is not None:
        body["catch"] = {"var": options.catch.var} if options.catch.var else {}
    if options.resources is not None:
        cpu, gpu, memory, enforce = options.resources
        body["resources"] = {"cpu": cpu, "gpu": gpu, "memoryMb": str(memory)} | ({"enforce": True} if enforce else {})
    return body


def duration(seconds: float) -> str:
    """Seconds as a protobuf Duration in JSON: 1.5 → "1.5s"."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def clean_doc(doc: str) -> str:
    """A docstring without its indentation."""
    lines = doc.expandtabs().strip().splitlines()
    margins = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(margins, default=0)
    return "\n".join([*lines[:1], *(line[margin:].rstrip() for line in lines[1:])])
