"""`package info|list|save` and `init`: what code a run would take along, and its upload ahead of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.errors import FlowError
from headwater.flow import start
from headwater.flow.arguments import Parser
from headwater.flow.package import Package, readable

if TYPE_CHECKING:
    from headwater.flow.terminal import Terminal

ACTIONS = {
    "info": "say what the code package is made of",
    "list": "list the files of the code package",
    "save": "write the code package, a tar file, to PATH",
}


def package_command(cls: type, rest: list[str], suffixes: list[str], terminal: Terminal, script: str) -> int:
    """The exit status."""
    listed = "\n".join(f"  {name:<5} {text}" for name, text in ACTIONS.items())
    parser = Parser(prog=f"{script} package", description=f"The code package of the flow.\n\n{listed}")
    parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS", help="accepted; packing is local")
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(ACTIONS), parser_class=Parser)
    for name, text in ACTIONS.items():
        actions.add_parser(name, description=f"{text[:1].upper()}{text[1:]}.")
    actions.choices["list"].add_argument("--archive", action="store_true", help="names in the package, not on disk")
    actions.choices["list"].add_argument("--no-archive", dest="archive", action="store_false")
    actions.choices["save"].add_argument("path", metavar="PATH")
    options = parser.parse_args(rest)
    package = start.pack(cls, suffixes, terminal, {})
    if options.action == "save":
        _save(package, options.path, terminal)
    elif options.action == "list":
        terminal.note("Files in the code package (change with --package-suffixes):")
        for member in package.members:
            terminal.plain(member.name if options.archive else member.path)
    else:
        _info(cls, package, terminal)
    return 0


def init_command(cls: type, rest: list[str], suffixes: list[str], terminal: Terminal, script: str) -> int:
    """Checks the flow and uploads its code package, so that the next run of the same code need not."""
    text = "Checks the flow and uploads its code package, without starting a run."
    Parser(prog=f"{script} init", description=text).parse_args(rest)
    from headwater.artifacts import blobs
    from headwater.client.http import connect

    start.checked_graph(cls)
    package = start.pack(cls, suffixes, terminal, {})
    digest = blobs.put(package.data, connect(start=True))
    terminal.note(f"The code package of {cls.__name__} is stored.")
    terminal.plain(digest)
    return 0


def _info(cls: type, package: Package, terminal: Terminal) -> None:
    total = sum(member.size for member in package.members)
    terminal.plain(f"Flow:     {cls.__name__} in {start.flow_file(cls)}")
    terminal.plain(f"Folder:   {package.root}")
    terminal.plain(f"Files:    {len(package.members)}, {readable(total)}")
    terminal.plain(f"Package:  {readable(len(package.data))}, sha256 {package.digest}")
    for left_out in package.left_out:
        terminal.plain(f"Left out: {left_out}")


def _save(package: Package, path: str, terminal: Terminal) -> None:
    try:
        with open(path, "wb") as file:
            file.write(package.data)
    except OSError as error:
        raise FlowError(f"cannot write the code package to {path}: {error.strerror}") from None
    terminal.note(f"The code package is in {path}: {len(package.members)} files, sha256 {package.digest}.")
