"""`headwater stack …`: the commands of the local platform under one name, where `logs` means its processes."""

import click

from headwater.cli.stack import COMMANDS


@click.group(commands={command.name or "": command for command in COMMANDS})
def stack() -> None:
    """The platform on this machine: up, down, status, logs, reset, env."""
