"""get_cards(task): the stored cards of a task, their HTML read when it is asked for. Also of a task that still runs."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headwater.errors import InvalidArgument, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from headwater.client.tasks import Task


class CardNotPresentException(NotFound):
    """The task has no card."""


class Card:
    """One stored card. get() is its HTML, view() opens it in a browser.

    hash: the beginning of its digest; type, id: as @card says; final: is it the last page of its task?
    """

    def __init__(self, body: dict[str, Any], pathspec: str, origin_pathspec: str | None) -> None:
        self._body = body
        self._html: str | None = None
        self.digest: str = body["digest"]
        self.hash = self.digest[:20]
        self.type: str = body.get("type", "")
        self.pathspec = pathspec
        self.from_resumed = origin_pathspec is not None
        self.origin_pathspec = origin_pathspec
        self.final = bool(body.get("final", False))
        self.size = int(body.get("size", 0))

    @property
    def id(self) -> str | None:
        return self._body.get("id") or None

    @property
    def path(self) -> str:
        """Names the card among all: its task, type, id and hash."""
        return f"{self.pathspec}/cards/{'-'.join(filter(None, (self.type, self.id, self.hash)))}.html"

    @property
    def slot(self) -> str:
        return self._body["slot"]

    @property
    def updated_at(self) -> datetime | None:
        from headwater.client.resources import timestamp

        return timestamp(self._body.get("updatedAt"))

    def get(self) -> str:
        """The HTML."""
        if self._html is None:
            from headwater.artifacts import blobs

            self._html = blobs.get(self.digest).read_bytes().decode("utf-8", "replace")
        return self._html

    def view(self) -> str:
        """Opens the card in the browser of this machine; the file's path where there is none, else ""."""
        import tempfile
        import webbrowser
        from pathlib import Path

        path = Path(tempfile.mkdtemp(prefix="headwater-card-")) / "card.html"
        path.write_text(self.get(), encoding="utf-8")
        return "" if webbrowser.open(path.as_uri()) else str(path)

    def _repr_html_(self) -> str:
        """In a notebook: a frame in which the card can do nothing but be seen."""
        from html import escape

        style = "width:100%;height:640px;border:1px solid #ccc"
        return f'<iframe sandbox="" style="{style}" srcdoc="{escape(self.get(), quote=True)}"></iframe>'

    def __repr__(self) -> str:
        return f"<Card at '{self.path}'>"


class CardContainer:
    """The cards of a task: len, [index], iteration; a notebook shows them all."""

    def __init__(self, cards: list[Card], origin_pathspec: str | None) -> None:
        self._cards = cards
        self.from_resumed = origin_pathspec is not None
        self.origin_pathspec = origin_pathspec

    def __len__(self) -> int:
        return len(self._cards)

    def __iter__(self) -> Iterator[Card]:
        return iter(self._cards)

    def __getitem__(self, index: int) -> Card:
        return self._cards[index]

    def _repr_html_(self) -> str:
        from headwater.cards.html import text

        return "\n".join(
            f"<h1>Displaying Card Of Type : {text(card.type.title())}</h1>{card._repr_html_()}" for card in self._cards
        )


def get_cards(
    task: str | Task, id: str | None = None, type: str | None = None, follow_resumed: bool = True
) -> CardContainer:
    """The cards of a task, by its pathspec "flow/run/step/task" or the Task itself.

    id, type: only these. follow_resumed: of a task that was taken over from an earlier run, the cards of that one.
    Raises CardNotPresentException when the task has no card at all.

        get_cards(Run("Train/latest")["train"].task)[0].get()
    """
    from headwater.client import Task

    if isinstance(task, str):
        if len(task.split("/")) != 4:
            raise InvalidArgument(
                f"Pathspec {task} is invalid. Pathspec is required of form `flowname/runid/stepname/taskid`"
            )
        task = Task(task)
    elif not isinstance(task, Task):
        kind = builtins.type(task)
        raise InvalidArgument(
            "`get_cards` function requires a `Task` object or pathspec as an argument. "
            f"`task` argument cannot be of type {kind}."
        )
    origin = task.origin_pathspec if follow_resumed else None
    pathspec = origin or task.pathspec
    _, run, step, ident = pathspec.split("/")
    cards = [Card(body, pathspec, origin) for body in list_cards(run, step=step, task_id=ident)]
    if not cards:
        raise CardNotPresentException(f"Card not found for pathspec {pathspec}", field="task")
    found = [c for c in cards if (id is None or c.id == id) and (type is None or c.type == type)]
    return CardContainer(sorted(found, key=lambda card: (len(card.slot), card.slot)), origin)


def list_cards(run_id: str, *, step: str = "", task_id: str = "") -> list[dict[str, Any]]:
    """artifact.v1.Card in JSON of every card of a run, a step or a task."""
    from headwater.client.http import API, connect, segment

    connection = connect()
    query = {"project": connection.project, "step": step, "taskId": task_id}
    return list(connection.pages(f"{API}/runs/{segment(run_id)}/cards", "cards", query))
