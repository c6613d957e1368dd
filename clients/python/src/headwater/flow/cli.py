"""`python flow.py COMMAND`: reads the command line of a flow file and hands over to the file of the command.

Owns exit statuses: 0 done, 1 the flow or the run failed, 2 wrong usage, 130 Ctrl-C. No stack trace of ours reaches a
user.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from headwater.errors import HeadwaterError
from headwater.flow import arguments
from headwater.flow.debugging import from_start
from headwater.flow.parameters import ParameterError
from headwater.flow.terminal import Terminal

if TYPE_CHECKING:
    import argparse


# What a worker keeps of a task's output.
MOST_LOG_MB = 16


def main(cls: type, argv: list[str] | None = None) -> NoReturn:
    """Runs the command line of a flow class and exits the process."""
    from_start("MetaflowCLI: Starting")
    terminal = Terminal()
    try:
        status = _main(cls, sys.argv[1:] if argv is None else argv, terminal)
    except ParameterError as error:
        terminal.error(f"{_script()}: {error}")
        status = 2
    except HeadwaterError as error:
        terminal.error(f"{_script()}: {error}")
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _script() -> str:
    return os.path.basename(sys.argv[0]) or "flow.py"  # noqa: PTH119 (see package.py)


def _main(cls: type, argv: list[str], terminal: Terminal) -> int:
    script = _script()
    parser = arguments.top_level(script, (cls.__doc__ or "").strip() or f"Flow {cls.__name__}.")
    options = parser.parse_args(argv)
    terminal.quiet = bool(options.quiet)
    _prepare(cls, options, parser)
    for sentence in arguments.without_effect(options):
        terminal.warn(sentence)
    if options.command == "help":
        parser.print_help()
        return 0
    if options.command == "version":
        from headwater import __version__

        terminal.plain(f"Headwater {__version__}")
        return 0
    if options.command and options.command not in arguments.COMMANDS:
        from headwater.flow.lint import suggestion

        parser.error(f"unknown command {options.command!r}{suggestion(options.command, arguments.COMMANDS)}")
    return _dispatch(cls, options, terminal, script)


def _prepare(cls: type, options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """What the options before the command decide about the class itself."""
    from headwater.flow.finish import prepare

    if options.config or options.config_value:
        from headwater.flow.config import configs_of
        from headwater.flow.lint import suggestion

        known = [config.name for config in configs_of(cls).values()]
        for name, _ in [*options.config, *options.config_value]:
            if name not in known:
                parser.error(f"{cls.__name__} has no config {name!r}{suggestion(name, known)}")
    prepare(cls)
    if options.environment:
        from headwater.environments.steps import choose

        choose(options.environment)
    if options.trigger:
        from headwater.flow.pretend import pretend

        pretend(options.trigger)
    if options.branch or options.production:
        from headwater.flow.projects import choose

        choose(options.branch, options.production, cls)


def _dispatch(cls: type, options: argparse.Namespace, terminal: Terminal, script: str) -> int:
    if options.command in ("run", "resume"):
        return _start(cls, options, terminal, script)
    if options.command == "deploy":
        from headwater.flow.deploy import Asked, deploy_command

        given = arguments.deploy(script, cls).parse_args(options.rest)
        _add_decorators(cls, [*options.decorators, *given.decorators])
        values = arguments.given_parameters(cls, given)
        asked = Asked(given.deployment_name, given.max_workers, given.workflow_priority, given.workflow_timeout)
        asked = asked._replace(pylint=options.pylint)
        told = given.deployer_attribute_file
        return deploy_command(cls, values, given.tag, suffixes_of(options), terminal, told, asked)
    if options.command == "dump":
        from headwater.flow.dump import dump_command

        return dump_command(cls, arguments.dump(script).parse_args(options.rest), terminal)
    if options.command == "card":
        from headwater.flow.card_cli import card_command

        return card_command(cls, options.rest, terminal, script)
    if options.command == "logs":
        from headwater.flow.logs import logs_command

        given = arguments.logs(script).parse_args(arguments.logs_words(options.rest))
        return logs_command(cls, given, terminal)
    if (status := _dispatch_more(cls, options, terminal, script)) is not None:
        return status
    from headwater.flow.show import check_command, show_command

    if options.command == "show":
        arguments.show(script).parse_args(options.rest)
        _add_decorators(cls, options.decorators)
        return show_command(cls, terminal)
    given = arguments.check(script).parse_args(options.rest)
    _add_decorators(cls, options.decorators)
    usage = not options.command
    return check_command(cls, terminal, script, usage, pylint=options.pylint, warnings=given.warnings)


def _dispatch_more(cls: type, options: argparse.Namespace, terminal: Terminal, script: str) -> int | None:
    """The commands with parsers of their own; None: it is none of them."""
    rest = options.rest
    if options.command == "tag":
        from headwater.flow.tag_cli import tag_command

        return tag_command(cls, rest, terminal, script)
    if options.command in ("argo-workflows", "step-functions", "airflow"):
        from headwater.flow.platforms_cli import platform_command

        _add_decorators(cls, options.decorators)
        return platform_command(cls, options.command, rest, terminal, script, suffixes_of(options), options.pylint)
    if options.command not in ("spin", "package", "init", "output-dot", "output-raw"):
        return None
    _add_decorators(cls, options.decorators)
    if options.command == "spin":
        from headwater.flow.spin import spin_command

        return spin_command(cls, rest, terminal, script)
    if options.command in ("package", "init"):
        from headwater.flow import package_cli

        command = package_cli.init_command if options.command == "init" else package_cli.package_command
        return command(cls, rest, suffixes_of(options), terminal, script)
    from headwater.flow import output_cli

    output = output_cli.output_dot_command if options.command == "output-dot" else output_cli.output_raw_command
    return output(cls, rest, terminal, script)


def _start(cls: type, options: argparse.Namespace, terminal: Terminal, script: str) -> int:
    from headwater.flow import run

    parser = arguments.run(script, cls) if options.command == "run" else arguments.resume(script, cls)
    given = parser.parse_args(options.rest)
    _add_decorators(cls, [*options.decorators, *given.decorators])
    if (given.max_log_size or 0) > MOST_LOG_MB:
        terminal.warn(f"--max-log-size {given.max_log_size}: a worker keeps at most {MOST_LOG_MB} MiB in all.")
    if given.namespace is not None:
        from headwater.flow.choices import chosen

        chosen.namespace = given.namespace
    given.pylint = options.pylint
    command = run.run_command if options.command == "run" else run.resume_command
    return command(cls, given, suffixes_of(options), terminal)


def _add_decorators(cls: type, specs: list[str]) -> None:
    from headwater.flow.finish import complete

    complete(cls, specs)


def suffixes_of(options: argparse.Namespace) -> list[str]:
    return [part.strip() for part in options.package_suffixes.split(",") if part.strip()]
