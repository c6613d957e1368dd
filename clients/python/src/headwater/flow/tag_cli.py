"""`tag add|remove|replace|list`: tags of runs, also of those that are over. Goes through the client."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError, NotFound
from headwater.flow.arguments import Parser

if TYPE_CHECKING:
    from headwater.flow.terminal import Terminal

ACTIONS = {
    "add": "add tags to a run",
    "remove": "remove tags from a run",
    "replace": "remove tags and add others, in one step",
    "list": "list the tags of one run, or of all",
}


def tag_command(cls: type, rest: list[str], terminal: Terminal, script: str) -> int:
    """The exit status."""
    parser = _parser(script)
    options = parser.parse_args(rest)
    if options.action == "list":
        return _list(cls.__name__, options, parser, terminal)
    if options.action == "replace":
        if not options.remove:
            parser.error("replace needs a tag to remove: --remove TAG; to add only, use: tag add")
        if not options.add:
            parser.error("replace needs a tag to add: --add TAG; to remove only, use: tag remove")
    run = _run(cls.__name__, options)
    if options.action == "replace":
        run.replace_tags(options.remove, options.add)
    elif options.action == "add":
        run.add_tags(options.tags)
    else:
        run.remove_tags(options.tags)
    terminal.note("Operation successful. New tags:")
    _print_runs([run], terminal, hide_system=False)
    return 0


def _parser(script: str) -> Parser:
    listed = "\n".join(f"  {name:<8} {text}" for name, text in ACTIONS.items())
    parser = Parser(prog=f"{script} tag", description=f"Tags of runs.\n\n{listed}")
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(ACTIONS), parser_class=Parser)
    for name, text in ACTIONS.items():
        action = actions.add_parser(name, description=f"{text[:1].upper()}{text[1:]}.")
        action.add_argument("--run-id", default="", metavar="RUN", help="the run, or the unique end of its id")
        if name != "list":
            action.add_argument("--namespace", default=None, metavar="TAG", help="where to look for the run")
    for name in ("add", "remove"):
        actions.choices[name].add_argument("tags", nargs="+", metavar="TAG")
        actions.choices["replace"].add_argument(f"--{name}", action="append", default=[], metavar="TAG")
    _list_options(actions.choices["list"])
    return parser


def _list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="", metavar="RUN", help="the same as --run-id")
    runs = parser.add_mutually_exclusive_group()
    runs.add_argument("--all", action="store_true", help="of all runs of the flow (default)")
    runs.add_argument("--my-runs", action="store_true", help="of all your own runs of the flow")
    parser.add_argument("--hide-system-tags", action="store_true", help="only the tags that users gave")
    groups = parser.add_mutually_exclusive_group()
    groups.add_argument("--group-by-tag", action="store_true", help="runs by tag")
    groups.add_argument("--group-by-run", action="store_true", help="tags by run")
    groups.add_argument("--flat", action="store_true", help="one tag per line")


def _run(flow: str, options: argparse.Namespace) -> Any:
    """The run that is named. Raises FlowError, NotFound."""
    from headwater.client import Flow, Run, namespace

    namespace(options.namespace)
    if not options.run_id:
        try:
            latest = Flow(flow).latest_run
        except NotFound:
            raise FlowError(f"flow {flow} has no run to tag", hint="run it first") from None
        raise FlowError("no run is named", hint=f"add --run-id; the latest run is {latest.id if latest else 'none'}")
    return Run(f"{flow}/{options.run_id.rsplit('/', 1)[-1]}")


def _list(flow: str, options: argparse.Namespace, parser: Parser, terminal: Terminal) -> int:
    from headwater.client import Flow, default_namespace, namespace

    if options.run and options.run_id:
        parser.error("name the run with --run-id or as an argument, not both")
    if (options.run or options.run_id) and (options.all or options.my_runs):
        parser.error("--all and --my-runs list every run: leave out the run")
    options.run_id = options.run_id or options.run
    options.namespace = None
    if options.run_id:
        runs = [_run(flow, options)]
    else:
        default_namespace() if options.my_runs else namespace(None)
        try:
            runs = list(Flow(flow))
        except NotFound:
            raise FlowError(f"cannot list tags: flow {flow} has never run") from None
    _print(runs, options, terminal)
    return 0


def _print(runs: list[Any], options: argparse.Namespace, terminal: Terminal) -> None:
    if options.flat:
        every = {tag for run in runs for tag in _tags(run, options.hide_system_tags)}
        for tag in sorted(every):
            terminal.plain(tag)
    elif options.group_by_tag:
        _print_tags(runs, terminal, options.hide_system_tags)
    elif options.group_by_run:
        _print_runs(runs, terminal, options.hide_system_tags)
    else:
        _print_together(runs, terminal, options.hide_system_tags)


def _print_together(runs: list[Any], terminal: Terminal, hide_system: bool) -> None:
    system = set() if hide_system else {tag for run in runs for tag in run.system_tags}
    user = {tag for run in runs for tag in run.user_tags} - system
    if terminal.quiet:
        terminal.plain(_columns(",".join(run.pathspec for run in runs), system, user))
        return
    _head(terminal)
    for tag in sorted(system | user):
        terminal.plain(tag if tag in system else f"*{tag}*")


def _print_runs(runs: list[Any], terminal: Terminal, hide_system: bool) -> None:
    if not terminal.quiet:
        _head(terminal)
    for run in runs:
        system = set() if hide_system else run.system_tags
        if terminal.quiet:
            terminal.plain(_columns(run.pathspec, system, run.user_tags))
            continue
        terminal.plain(f"For run {run.pathspec}")
        for tag in sorted({*system, *run.user_tags}):
            terminal.plain(f"    {tag}" if tag in system else f"    *{tag}*")


def _print_tags(runs: list[Any], terminal: Terminal, hide_system: bool) -> None:
    found: dict[tuple[str, bool], list[str]] = {}
    for run in runs:
        for tag in _tags(run, hide_system):
            found.setdefault((tag, tag in run.system_tags), []).append(run.pathspec)
    if not terminal.quiet:
        _head(terminal)
    for (tag, system), pathspecs in sorted(found.items()):
        if terminal.quiet:
            terminal.plain(f"{'system' if system else 'user'}:{tag} ; {','.join(pathspecs)}")
            continue
        terminal.plain(f"For tag {tag if system else f'*{tag}*'}")
        for pathspec in pathspecs:
            terminal.plain(f"    {pathspec}")


def _tags(run: Any, hide_system: bool) -> frozenset[str]:
    return run.user_tags if hide_system else run.tags


def _columns(runs: str, system: Any, user: Any) -> str:
    """What --quiet prints, for programs: runs ; system tags ; tags."""
    return " ; ".join((runs, ",".join(sorted(system)), ",".join(sorted(user))))


def _head(terminal: Terminal) -> None:
    terminal.plain("\nSystem tags and *tags*; only *tags* can be modified\n" + "-" * 56)
