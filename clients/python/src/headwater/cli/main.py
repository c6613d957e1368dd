"""`headwater`: finds the file of a command, and turns errors into one line and an exit status.

0 done, 1 failed, 2 wrong usage, 3 no server reachable, 4 not found, 130 Ctrl-C. HEADWATER_DEBUG=1 shows stack traces.
"""

import os
import sys

import click

from headwater.errors import HeadwaterError, InvalidArgument, NotFound, NotReachable

# Command: (module, name in it, what --help says). Importing a module is put off until its command runs.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "up": ("stack", "up", "Start the platform on this machine."),
    "down": ("stack", "down", "Stop the platform on this machine."),
    "status": ("stack", "status", "Processes of the platform on this machine."),
    "reset": ("stack", "reset", "Delete everything the platform on this machine stored."),
    "env": ("stack", "env", "Shell exports that connect any client."),
    "stack": ("stack_group", "stack", "The commands of the local platform as one group."),
    "doctor": ("doctor", "doctor", "Find out what is wrong, and how to fix it."),
    "runs": ("runs", "runs", "List, compare and delete runs."),
    "projects": ("projects", "projects", "List, create, delete and empty projects."),
    "retention": ("retention", "retention", "How long runs of a project are kept."),
    "run": ("runs", "run", "Show or cancel one run, or run a flow file."),
    "logs": ("logs", "logs", "Output of a run, a step or a task, or of the platform."),
    "artifacts": ("artifacts", "artifacts", "List and fetch what steps left behind."),
    "lineage": ("lineage", "lineage", "What something was made from, and what became of it."),
    "flows": ("flows", "flows", "Flows that ran or are deployed."),
    "deploy": ("flows", "deploy", "Deploy a flow, so that events start it."),
    "undeploy": ("flows", "undeploy", "Take a deployed flow away."),
    "deployment": ("limits", "deployment", "Pause and resume a deployed flow."),
    "limits": ("limits", "limits", "How many tasks that name a key run at the same time."),
    "experiments": ("experiments", "experiments", "Compare tracked runs by their metrics."),
    "datasets": ("datasets", "datasets", "Versions of data, built from files and one another."),
    "import": ("transfers", "imports", "Bring in what MLflow has kept."),
    "models": ("models", "models", "Models and their versions."),
    "promote": ("models", "promote", "Point an alias at a model version, with a reason."),
    "gc": ("gc", "gc", "Remove blobs and points that nobody needs."),
    "events": ("events", "events", "Follow and publish events; dead letters."),
    "workers": ("workers", "workers", "Workers and what they are busy with."),
    "token": ("tokens", "token", "Create, list and revoke access tokens."),
}
GROUPS = (
    ("This machine", ("up", "down", "status", "doctor", "env", "stack", "reset")),
    ("Runs", ("runs", "run", "logs", "artifacts", "flows", "deploy", "undeploy", "deployment", "limits", "workers")),
    ("Upkeep", ("projects", "retention", "gc")),
    ("Data, models and metrics", ("datasets", "experiments", "models", "promote", "lineage", "import")),
    ("Events and access", ("events", "token")),
)


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported only when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module, name, _ = COMMANDS[cmd_name]
        return getattr(import_module(f"headwater.cli.{module}"), name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], list(COMMANDS), 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in GROUPS:
            with formatter.section(title):
                formatter.write_dl([(name, COMMANDS[name][2]) for name in names])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(message="headwater %(version)s", package_name="headwater")
def cli() -> None:
    """Run, follow, compare and promote. A server is found by HEADWATER_URL and HEADWATER_TOKEN, or on this machine.

    Every command takes --json and --help. Ids may be cut to a few characters that are unique.
    """


def main(argv: list[str] | None = None) -> None:
    """Entry point of the command; exits the process."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["run"] and len(words) > 1 and words[1].endswith(".py"):
        from headwater.compat.metaflow.run import run_file

        run_file(words[1], words[2:])
    sys.exit(_run(argv))


def _run(argv: list[str] | None) -> int:
    if os.environ.get("HEADWATER_DEBUG"):
        return _invoke(argv)
    try:
        return _invoke(argv)
    except HeadwaterError as error:
        return report(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {where}{error.strerror or error}", err=True)
        return 1
    except Exception as error:
        click.echo(f"Error: {type(error).__name__}: {error}", err=True)
        click.echo("Hint: this is a fault of headwater itself; HEADWATER_DEBUG=1 shows where.", err=True)
        return 1


def _invoke(argv: list[str] | None) -> int:
    if "_HEADWATER_COMPLETE" in os.environ:  # a shell asks for completions
        cli.main(prog_name="headwater")
    try:
        # Not cli.main(): it makes a reader that went away a failure.
        with cli.make_context("headwater", list(sys.argv[1:] if argv is None else argv)) as context:
            cli.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def report(error: HeadwaterError) -> int:
    """Prints an error as one line and a hint; returns the exit status."""
    click.echo(f"{click.style('Error:', fg='red')} {error.message}", err=True)
    if error.hint:
        click.echo(f"{click.style('Hint:', fg='yellow')} {error.hint}", err=True)
    if isinstance(error, NotReachable):
        return 3
    if isinstance(error, NotFound):
        return 4
    return 2 if isinstance(error, InvalidArgument) else 1


if __name__ == "__main__":
    main()
