"""`show` and `check`: the flow as text, and whether it could run. Needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.flow.graph import FlowGraph, Node, clean_doc
from headwater.flow.options import flow_options
from headwater.flow.parameters import Parameter, parameters_of
from headwater.flow.start import checked_graph, flow_file

if TYPE_CHECKING:
    from headwater.flow.terminal import Terminal


def check_command(
    cls: type, terminal: Terminal, script: str, usage: bool, *, pylint: bool = False, warnings: bool = False
) -> int:
    """Checks the flow. Raises FlowRejected, which names every error, or PylintUnhappy."""
    terminal.note("Validating your flow...")
    checked_graph(cls)
    terminal.note("    The graph looks good!")
    if pylint:
        from headwater.flow.pylint_check import examine

        examine(flow_file(cls), terminal, warnings=warnings)
    if usage:
        terminal.plain(
            f"'python {script} show' describes this flow.\n"
            f"'python {script} run' runs it.\n"
            f"'python {script} help' lists all commands and options."
        )
    return 0


def show_command(cls: type, terminal: Terminal) -> int:
    """Prints docs, parameters, triggers and steps."""
    checked_graph(cls)
    graph = FlowGraph(cls)
    terminal.plain(f"Flow {cls.__name__}")
    if cls.__doc__:
        terminal.plain(_indented(clean_doc(cls.__doc__)))
    for title, lines in (("Parameters", _parameters(cls)), ("Started by", describe_triggers(cls))):
        if lines:
            terminal.plain(f"\n{title}")
            terminal.plain("\n".join(f"    {line}" for line in lines))
    joins = graph.joins()
    for node in graph.ordered():
        terminal.plain(f"\nStep {node.name}{_decorators(node)}")
        if node.source.doc:
            terminal.plain(_indented(clean_doc(node.source.doc)))
        terminal.plain(f"    {_way(node, joins.get(node.name, ''))}")
    return 0


def _parameters(cls: type) -> list[str]:
    return [_parameter(each) for each in parameters_of(cls).values()]


def _parameter(parameter: Parameter) -> str:
    default = "computed at the start" if callable(parameter.default) else repr(parameter.default)
    value = "required" if parameter.required else f"default {default}"
    about = f": {parameter.help}" if parameter.help else ""
    return f"--{parameter.name} {parameter.type_name} ({value}){about}"


def describe_triggers(cls: type) -> list[str]:
    """One line for each thing that starts the deployed flow."""
    lines: list[str] = []
    for trigger in flow_options(cls).triggers:
        if "later" in trigger:
            lines.append(f"what the function of @{trigger['decorator']} says when the flow is deployed")
        else:
            lines.append(_trigger(trigger))
    return lines


def _trigger(trigger: dict[str, Any]) -> str:
    if several := trigger.get("all"):
        return f"all of: {'; '.join(_trigger(each) for each in several['of'])}"
    if event := trigger.get("event"):
        only = ", ".join(f"{field} = {value}" for field, value in event.get("filter", {}).items())
        return f"event {event['name']}{f' where {only}' if only else ''}"
    if finish := trigger.get("finish"):
        return f"a successful run of {finish['flow']}"
    return f"schedule {trigger['cron']['cron']} {trigger['cron'].get('timezone', 'UTC')}"


def _decorators(node: Node) -> str:
    return "".join(f" @{name}" for name in node.options.decorators)


def _way(node: Node, joins: str) -> str:
    joined = f"joins {joins}; " if joins else ""
    if not node.next:
        return f"{joined}the end"
    each = f" for each of self.{node.foreach}" if node.foreach else ""
    return f"{joined}=> {', '.join(node.next)}{each}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())
