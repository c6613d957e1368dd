"""The options of `python flow.py …`: what Metaflow's scripts pass is understood, what has no effect here is said once.

Parses only; commands are in the files named after them.
"""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from headwater.flow.environment_options import from_environment
from headwater.flow.parameters import Parameter, parameters_of

# Where the values of options end up that a parameter of the same name hides.
PRIORITY, TIMEOUT, CACHED = "run_priority", "run_timeout", "run_cached"

COMMANDS = {
    "run": "run this flow on the server and follow it",
    "resume": "run again what did not succeed in an earlier run",
    "show": "describe the flow: its steps, parameters and docs",
    "check": "check the flow without running it (default)",
    "dump": "print the artifacts of a step or a task",
    "card": "look at the pages that tasks made: card view|get|list|create|server",
    "logs": "print or delete what a step or a task wrote: logs show|scrub RUN/STEP[/TASK]",
    "tag": "change and list the tags of runs: tag add|remove|replace|list",
    "deploy": "let events, schedules and other flows start this flow",
    "argo-workflows": "what scripts for Metaflow call: create|trigger|list-runs|status|terminate|… of a deployment",
    "step-functions": "the same by another name: create|trigger|list-runs|terminate|delete",
    "airflow": "is refused, with the way out",
    "spin": "run one step again, here, on the inputs of a past task",
    "package": "the code that a run takes along: package info|list|save",
    "init": "check the flow and upload its code, without starting a run",
    "output-dot": "print the graph of the flow for Graphviz",
    "output-raw": "print the graph of the flow as the scheduler gets it",
    "version": "print the version of Headwater",
    "help": "print this text",
}

# Options of Metaflow whose job is done elsewhere here: option → why it has no effect.
_WITHOUT_EFFECT = {
    "--datastore": "the Headwater server keeps the artifacts",
    "--datastore-root": "the Headwater server keeps the artifacts",
    "--metadata": "the Headwater server keeps the metadata",
    "--event-logger": "events are on the bus: headwater events tail",
    "--monitor": "metrics are exported by the servers",
}
# Options of the flow, not of one command.
_BEFORE = ("--quiet", "--package-suffixes", "--config", "--config-value", "--trigger", "--branch", "--production",
           "--environment")  # fmt: skip


class Parser(argparse.ArgumentParser):
    """argparse without abbreviations, with errors of one line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._close(unknown)}")
        return found

    def _close(self, unknown: list[str]) -> str:
        """What was perhaps meant by the first option that is not known."""
        option = next((each.partition("=")[0] for each in unknown if each.startswith("-")), "")
        if not option:
            return ""
        script, _, command = self.prog.partition(" ")
        if option in _BEFORE and command:
            return f"; {option} stands before the command: {script} {option} … {command}"
        from headwater.flow.lint import suggestion

        known = [name for action in self._actions if action.help != argparse.SUPPRESS for name in action.option_strings]
        return suggestion(option, known)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry: {self.prog} --help\n")


def top_level(script: str, description: str) -> Parser:
    """Options before the command, the command, and the rest for the parser of that command."""
    listed = "\n".join(f"  {name:<9} {text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog=script,
        description=description,
        epilog=f"commands:\n{listed}\n\n{script} COMMAND --help says more.",
        usage="%(prog)s [options] COMMAND …",
    )
    parser.add_argument("--quiet", action="store_true", default=None, help="print the output of tasks and errors only")
    parser.add_argument("--no-quiet", dest="quiet", action="store_false", help=argparse.SUPPRESS)
    parser.add_argument(
        "--pylint",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="check with pylint too, if it is installed",
    )
    parser.add_argument(
        "--with",
        dest="decorators",
        action="append",
        default=[],
        metavar="NAME[:KEY=VALUE,…]",
        help="add a decorator to all steps",
    )
    parser.add_argument(
        "--package-suffixes", default="", metavar="LIST", help="more endings of files to package, such as .csv,.bin"
    )
    for option, what in (("--config", "FILE"), ("--config-value", "VALUE")):
        parser.add_argument(
            option, nargs=2, action="append", default=[], metavar=("NAME", what), help=f"{what.lower()} of a config"
        )
    parser.add_argument(
        "--trigger",
        action="append",
        default=[],
        metavar="FLOW/RUN",
        help="run as if the end of this run had started it: current.trigger; may be repeated",
    )
    parser.add_argument("--branch", default="", metavar="NAME", help="branch of the @project to run or deploy under")
    parser.add_argument("--production", action="store_true", help="run or deploy as production of the @project")
    parser.add_argument(
        "--environment",
        default="",
        metavar="KIND",
        help="where packages of steps come from: pypi or conda (what the decorators say, the default), uv (uv.lock of "
        "the flow's folder), local (the worker's own)",
    )
    for option in _WITHOUT_EFFECT:
        parser.add_argument(option, default=None, help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="?", default="", metavar="COMMAND", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return from_environment(parser, "")


def without_effect(options: argparse.Namespace) -> list[str]:
    """A sentence for each given option that does nothing here."""
    said: list[str] = []
    for option, why in _WITHOUT_EFFECT.items():
        value = getattr(options, option[2:].replace("-", "_"))
        if value is not None:
            said.append(f"{option} {value} has no effect: {why}.")
    return said


def _start_options(parser: Parser, cls: type) -> None:
    parser.add_argument("--tag", action="append", default=[], help="a tag of the run; may be repeated")
    parser.add_argument(
        "--max-workers",
        type=whole,
        default=0,
        metavar="N",
        help="most tasks at the same time (default: as many as the workers take)",
    )
    parser.add_argument(
        "--max-num-splits",
        type=whole,
        default=100,
        metavar="N",
        help="cancel the run when a foreach has more items (default: 100)",
    )
    parser.add_argument(
        "--max-log-size",
        type=whole,
        default=None,
        metavar="MB",
        help="cut stdout and stderr of a task where each has so many megabytes (default: 16 in all)",
    )
    parser.add_argument("--run-id-file", default="", metavar="FILE", help="write the id of the run there")
    parser.add_argument(
        "--runner-attribute-file",
        default="",
        metavar="FILE",
        help="write flow, id of the run and server there, as JSON",
    )
    parser.add_argument(
        "--with",
        dest="decorators",
        action="append",
        default=[],
        metavar="NAME[:KEY=VALUE,…]",
        help="add a decorator to all steps",
    )
    parser.add_argument(
        "--namespace",
        default=None,
        metavar="TAG",
        help="what the client shows inside of steps (default: your own runs)",
    )
    parser.add_argument("--detach", action="store_true", help="print the id of the run and do not follow it")
    _unless_parameter(
        parser, cls, "--timeout", dest=TIMEOUT, default=0.0, type=_duration, metavar="TIME",
        help="cancel the run when it takes longer: 90s, 45m, 2h, 1h30m",
    )  # fmt: skip
    _unless_parameter(
        parser, cls, "--priority", dest=PRIORITY, default=0, type=_number, metavar="N",
        help="runs with a higher number come first (default: 0)",
    )  # fmt: skip


def _unless_parameter(parser: Parser, cls: type, option: str, **more: Any) -> None:
    """An option that a flow may have a parameter of the same name for, which then counts."""
    if option[2:] in {parameter.name for parameter in parameters_of(cls).values()}:
        parser.set_defaults(**{more["dest"]: more["default"]})
    else:
        parser.add_argument(option, **more)


def run(script: str, cls: type) -> Parser:
    parser = Parser(prog=f"{script} run", description="Runs the flow and follows it. Ctrl-C cancels the run.")
    _start_options(parser, cls)
    _unless_parameter(
        parser, cls, "--cached", dest=CACHED, default=False, action="store_true",
        help="take tasks over from earlier runs where their code, what they read and their environment are the same",
    )  # fmt: skip
    parameter_options(parser, cls)
    return from_environment(parser, "run")


def resume(script: str, cls: type) -> Parser:
    parser = Parser(
        prog=f"{script} resume",
        description="Starts a run that takes over every task that succeeded in an earlier one. With parameters, those "
        "that have read another value of them run again, and what is different after that.",
    )
    parser.add_argument(
        "step",
        nargs="?",
        default="",
        metavar="STEP",
        help="run this step and all after it again, even where they succeeded",
    )
    parser.add_argument(
        "--origin-run-id", default="", metavar="RUN", help="the run to resume (default: the last one of this flow)"
    )
    _start_options(parser, cls)
    _for_orchestrators(parser, cls)
    parameter_options(parser, cls, resumed=True)
    return from_environment(parser, "resume")


def _for_orchestrators(parser: Parser, cls: type) -> None:
    """What programs pass to Metaflow that resume runs of theirs."""
    hidden: dict[str, Any] = {"help": argparse.SUPPRESS}
    _unless_parameter(parser, cls, "--clone-only", dest="clone_only", default=False, action="store_true", **hidden)
    for option in ("--no-clone-only", "--reentrant", "--no-reentrant"):
        _unless_parameter(parser, cls, option, dest=option[2:], default=False, action="store_true", **hidden)
    for option in ("--run-id", "--resume-identifier"):
        _unless_parameter(parser, cls, option, dest=option[2:].replace("-", "_"), default=None, **hidden)


def show(script: str) -> Parser:
    return Parser(prog=f"{script} show", description="Describes the flow.")


def check(script: str) -> Parser:
    parser = Parser(prog=f"{script} check", description="Checks the flow without running it.")
    parser.add_argument(
        "--warnings", action=argparse.BooleanOptionalAction, default=False, help="show all of pylint's, not just errors"
    )
    return parser


def dump(script: str) -> Parser:
    parser = Parser(prog=f"{script} dump", description="Prints the artifacts of a step or a task.")
    parser.add_argument("pathspec", metavar="RUN/STEP[/TASK]")
    parser.add_argument("--include", default="", metavar="NAMES", help="only these artifacts, joined by commas")
    parser.add_argument(
        "--max-value-size",
        type=whole,
        default=1000,
        metavar="N",
        help="leave out values with a longer text (default: 1000); 0: names only",
    )
    _switch(parser, "--private", "with names that begin with _")
    parser.add_argument("--file", default="", help="write {pathspec: {name: value}} there as a pickle instead")
    return parser


def logs(script: str) -> Parser:
    parser = Parser(prog=f"{script} logs", description="Prints (show) or deletes (scrub) what a step or a task wrote.")
    parser.add_argument("action", choices=["show", "scrub"], metavar="show|scrub")
    parser.add_argument("pathspec", metavar="RUN/STEP[/TASK]")
    _switch(parser, "--stdout", "only standard output")
    _switch(parser, "--stderr", "only standard error")
    _switch(parser, "--both", "both (default)")
    _switch(parser, "--timestamps", "show: with the time of each line")
    parser.add_argument("--attempt", type=whole, default=None, metavar="N", help="of this attempt, from 0 (the last)")
    parser.add_argument("--latest", dest="every", action="store_false", help="scrub: the last attempt (default)")
    parser.add_argument("--all", dest="every", action="store_true", help="scrub: every attempt")
    parser.add_argument("--include-not-done", action="store_true", help="scrub: also tasks that have not finished")
    parser.set_defaults(every=False)
    return parser


def logs_words(rest: list[str]) -> list[str]:
    """`logs RUN/STEP` is `logs show RUN/STEP`."""
    return rest if not rest or rest[0] in ("show", "scrub", "-h", "--help") else ["show", *rest]


def _switch(parser: argparse.ArgumentParser, option: str, text: str) -> None:
    """An option that has a --no- twin, as those of Metaflow do."""
    name = option[2:].replace("-", "_")
    parser.add_argument(option, dest=name, action="store_true", help=text)
    parser.add_argument(f"--no-{option[2:]}", dest=name, action="store_false", help=argparse.SUPPRESS)


def deploy(script: str, cls: type) -> Parser:
    parser = Parser(prog=f"{script} deploy", description="Deploys the flow: from now on its triggers start it.")
    parser.add_argument("--tag", action="append", default=[], help="a tag of every run it starts; may be repeated")
    parser.add_argument(
        "--deployer-attribute-file", default="", metavar="FILE", help="write the deployment there, as JSON"
    )
    parser.add_argument("--deployment-name", default="", help="name of the deployment (default: that of the flow)")
    parser.add_argument(
        "--max-workers", type=whole, default=0, metavar="N", help="most tasks of a run at the same time"
    )
    parser.add_argument("--workflow-priority", type=int, default=0, metavar="N", help="runs with a higher one go first")
    parser.add_argument(
        "--workflow-timeout", type=whole, default=0, metavar="SECONDS", help="a run that takes longer is cancelled"
    )
    parser.add_argument(
        "--with",
        dest="decorators",
        action="append",
        default=[],
        metavar="NAME[:KEY=VALUE,…]",
        help="add a decorator to all steps",
    )
    parameter_options(parser, cls)
    return parser


def parameter_options(parser: Parser, cls: type, resumed: bool = False) -> None:
    title = "parameters of the flow" + (" (default: their values in the resumed run)" if resumed else "")
    group = parser.add_argument_group(title)
    for parameter in parameters_of(cls).values():
        names = dict.fromkeys(f"--{name}" for name in (parameter.name, parameter.name.replace("_", "-")))
        bare: dict[str, Any] = {"nargs": "?", "const": "true"} if parameter.type is bool else {}
        group.add_argument(
            *names,
            dest=_key(parameter.name),
            default=None,
            metavar=parameter.type_name.upper(),
            help=parameter.help.replace("%", "%%") if resumed else _help(parameter),
            **bare,
        )


def given_parameters(cls: type, options: argparse.Namespace) -> dict[str, str]:
    """Text of each parameter on the command line, by its name."""
    found = {p.name: getattr(options, _key(p.name)) for p in parameters_of(cls).values()}
    return {name: text for name, text in found.items() if text is not None}


def _key(name: str) -> str:
    return f"parameter {name}"


def _help(parameter: Parameter) -> str:
    extra = ""
    if parameter.required:
        extra = "required"
    elif parameter.show_default and parameter.default is not None:
        extra = "default: computed at the start" if callable(parameter.default) else f"default: {parameter.default!r}"
    text = " ".join(part for part in (parameter.help, f"({extra})" if extra else "") if part)
    return text.replace("%", "%%")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _duration(text: str) -> float:
    """Seconds of 90, 90s, 45m, 1h30m or 2d."""
    found = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    total = sum(part * unit for part, unit in zip(parts, (86400, 3600, 60, 1), strict=False))
    if total <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time, such as 90s, 45m, 2h or 1h30m")
    return total


def whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return number
