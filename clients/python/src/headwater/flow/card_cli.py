"""`card view|get|list|create|server`: cards of this flow's tasks. Exit status 1 where there is no such card."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError, NotFound
from headwater.flow.arguments import Parser

if TYPE_CHECKING:
    from headwater.cards.read import Card
    from headwater.flow.terminal import Terminal

_FORM = "STEP, RUN/STEP or RUN/STEP/TASK; without a run the latest one of this flow is meant"
_ACTIONS = {
    "view": "open a card in the browser",
    "get": "print the HTML of a card, or write it to a file",
    "list": "list the cards of a task, or of the latest run",
    "create": "make a card of a task that is over",
    "server": "show the cards of a run, also while it runs",
}


def card_command(cls: type, rest: list[str], terminal: Terminal, script: str) -> int:
    """The exit status."""
    options = _parser(script).parse_args(rest)
    if options.action == "server":
        from headwater.cards.server import serve

        return serve(cls.__name__, options, terminal)
    if options.action == "create":
        return _create(cls, options, terminal)
    if options.action == "list":
        return _list(cls.__name__, options, terminal)
    task = resolve_task(cls.__name__, options.pathspec)
    terminal.note(f"Resolving card: {task.pathspec}")
    cards = _wanted(task, options)
    if len(cards) > 1:
        terminal.note(f"{len(cards)} cards fit; say which with --id, --type or --hash:")
        for card in cards:
            terminal.plain(_line(card))
        return 1
    if options.action == "view":
        if path := cards[0].view():
            terminal.note(f"No browser was found; the card is in {path}")
    elif options.path:
        Path(options.path).write_text(cards[0].get(), encoding="utf-8")
    else:
        sys.stdout.write(cards[0].get())
        sys.stdout.flush()
    return 0


def _parser(script: str) -> Parser:
    parser = Parser(prog=f"{script} card", description="Cards: pages that tasks made.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=Parser)
    made = {name: actions.add_parser(name, help=text, description=text) for name, text in _ACTIONS.items()}
    for name in ("view", "get", "create"):
        made[name].add_argument("pathspec", help=_FORM)
    made["get"].add_argument("path", nargs="?", default="", help="file to write instead")
    made["list"].add_argument("pathspec", nargs="?", default="", help=_FORM)
    for name in ("view", "get", "list"):
        _choosing(made[name])
    made["list"].add_argument("--as-json", action="store_true", help="print them as JSON")
    made["list"].add_argument("--file", default="", help="write the list there as JSON")
    _creating(made["create"])
    _serving(made["server"])
    return parser


def _choosing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", default=None, help="only cards of this type")
    parser.add_argument("--id", default=None, help="only the card with this id")
    parser.add_argument("--hash", default=None, help="only the card whose hash begins like this")
    parser.add_argument(
        "--follow-resumed",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="of a task taken over from an earlier run, the cards of that one (default)",
    )


def _creating(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", default="default", help="type of the card (default: default)")
    parser.add_argument("--options", default="", help="options of the type, JSON")
    parser.add_argument("--timeout", type=float, default=0, help="longest time to make it, in seconds")
    parser.add_argument("--render-error-card", action="store_true", help="store a card that says why it failed")
    parser.add_argument("--id", default="", help="id of the card")


def _serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run-id", default="", metavar="RUN", help="the run (default: always the latest)")
    parser.add_argument("--port", type=int, default=8324, help="port on this machine (default: 8324)")
    parser.add_argument("--namespace", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--poll-interval", type=int, default=5, help="seconds between two looks (default: 5)")
    parser.add_argument("--max-cards", type=int, default=30, help="most cards at a time (default: 30)")


def resolve_task(flow: str, pathspec: str) -> Any:
    """The client's Task. Raises FlowError or NotFound."""
    from headwater.client import Run, Task

    parts = pathspec.strip("/").split("/")
    if len(parts) == 4:
        parts = parts[1:]
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise FlowError(
            "The PATHSPEC argument should be of the form 'stepname' Or '<runid>/<stepname>' Or "
            "'<runid>/<stepname>/<taskid>'"
        )
    run = Run(f"{flow}/{parts[0] if len(parts) > 1 else latest_run(flow)}")
    if len(parts) == 3:
        return Task(f"{flow}/{run.id}/{parts[1]}/{parts[2]}")
    step = parts[-1]
    try:
        return run[step].task
    except KeyError:
        raise NotFound(f"run {run.pathspec} has no task of a step {step!r}", field="pathspec") from None


def latest_run(flow: str) -> str:
    """The id of the latest run of a flow. Raises NotFound."""
    from headwater.client.resources import list_runs

    found = next(iter(list_runs(flow=flow, limit=1)), None)
    if found is None:
        raise NotFound(f"flow {flow} has no run yet", hint="start one with `run`")
    return found["runId"]


def _wanted(task: Any, options: argparse.Namespace) -> list[Card]:
    from headwater.cards.read import get_cards

    found = get_cards(task, id=options.id, type=options.type, follow_resumed=options.follow_resumed)
    cards = [card for card in found if not options.hash or card.digest.startswith(options.hash)]
    if not cards:
        asked = "".join(f" with {name} {value!r}" for name in ("id", "type", "hash") if (value := vars(options)[name]))
        raise NotFound(f"Card{asked} not found for pathspec {found.origin_pathspec or task.pathspec}", field="pathspec")
    return cards


def _list(flow: str, options: argparse.Namespace, terminal: Terminal) -> int:
    if options.pathspec:
        task = resolve_task(flow, options.pathspec)
        groups = {task.pathspec: _wanted(task, options)}
    else:
        groups = _all_of_run(flow, options)
    listed = [{"pathspec": path, "cards": [_json(card) for card in cards]} for path, cards in groups.items()]
    body = json.dumps(listed[0] if options.pathspec else listed, indent=4)
    if options.file:
        Path(options.file).write_text(body, encoding="utf-8")
    if options.as_json:
        terminal.plain(body)
        return 0
    if not groups:
        terminal.note("No cards found.")
    for path, cards in groups.items():
        terminal.plain(f"{path}:")
        for card in cards:
            terminal.plain(f"  {_line(card)}")
    return 0


def _all_of_run(flow: str, options: argparse.Namespace) -> dict[str, list[Card]]:
    from headwater.cards.read import Card, list_cards

    run, groups = latest_run(flow), dict[str, list[Card]]()
    for body in list_cards(run):
        path = f"{flow}/{run}/{body['key']['step']}/{body.get('taskId') or '0'}"
        card = Card(body, path, None)
        fits = (options.id is None or card.id == options.id) and (options.type is None or card.type == options.type)
        if fits and (not options.hash or card.digest.startswith(options.hash)):
            groups.setdefault(path, []).append(card)
    return groups


def _json(card: Card) -> dict[str, Any]:
    filename = card.path.rsplit("/", 1)[-1]
    return {"id": card.id, "hash": card.hash, "type": card.type, "filename": filename, "final": card.final}


def _line(card: Card) -> str:
    ident = f" id={card.id}" if card.id else ""
    return f"type={card.type}{ident} hash={card.hash}{'' if card.final else ' (the task may go on)'}"


def _create(cls: type, options: argparse.Namespace, terminal: Terminal) -> int:
    from headwater.cards.create import create

    try:
        given = json.loads(options.options) if options.options else {}
    except ValueError as error:
        raise FlowError(f"--options is not JSON: {error}") from None
    task = resolve_task(cls.__name__, options.pathspec)
    card = create(cls, task, options.type, given, options.id, options.timeout, options.render_error_card)
    terminal.plain(f"Card created with type: {card['type']} and hash: {card['digest'][:20]}")
    return 0
