"""Components of a card that are text, tables and bars: Artifact, Table, Error, Markdown, ProgressBar, PythonCode."""

from __future__ import annotations

import inspect
import pprint
import reprlib
import textwrap
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from headwater.cards import code, markdown
from headwater.cards.component import MOST_TEXT, MetaflowCardComponent, UserComponent, markup, problem
from headwater.cards.html import Html, shorten, tag, text

MOST_ROWS = 100
MOST_CELLS = 200_000


class Artifact(UserComponent):
    """A value, printed for people.

    compressed: cut what is long in the way `reprlib` does.
    """

    def __init__(self, artifact: Any, name: str | None = None, compressed: bool = True) -> None:
        self._artifact = artifact
        self._name = name
        self._compressed = compressed

    def update(self, artifact: Any) -> None:
        self._artifact = artifact

    def render(self) -> Html:
        head = tag("th", self._name) if self._name is not None else ""
        kind = type_name(self._artifact)
        shown = represent(self._artifact, self._compressed)
        return tag("table", tag("tr", head, tag("td", tag("code", shown)), tag("td", kind, class_="dim")))


def represent(value: Any, compressed: bool = True) -> str:
    """The repr of a value, cut where it is long. Never raises."""
    try:
        if not compressed:
            return shorten(pprint.pformat(value, width=100, sort_dicts=False), MOST_TEXT)
        short = reprlib.Repr()
        short.maxstring = short.maxother = 200
        short.maxdict = short.maxlist = short.maxtuple = short.maxset = 10
        short.maxlevel = 4
        return short.repr(value)
    except Exception as error:
        return f"<{type_name(value)} whose repr() raises {type(error).__name__}>"


def type_name(value: Any) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


class Table(UserComponent):
    """Rows of text, numbers and other components: Table([["a", 1], ["plot", Image(png)]], headers=["what", "is"])."""

    def __init__(
        self,
        data: list[list[Any]] | None = None,
        headers: list[str] | None = None,
        disable_updates: bool = False,
    ) -> None:
        self._data = [list(row) for row in data or []]
        self._headers = list(headers or [])
        self._left_out = 0
        if disable_updates:
            self.REALTIME_UPDATABLE = False

    @classmethod
    def from_dataframe(cls, dataframe: Any = None, truncate: bool = True) -> Table:
        """The rows of a pandas (or polars) data frame; of a long one, with `truncate`, the first 100."""
        columns = getattr(dataframe, "columns", None)
        if columns is None or not hasattr(dataframe, "head"):
            return cls(headers=[f"Object type {type_name(dataframe)} not supported"], disable_updates=True)
        part = dataframe.head(MOST_ROWS) if truncate else dataframe
        if hasattr(part, "itertuples"):
            named = part.index.name or ""
            rows = [
                [index, *row] for index, row in zip(part.index, part.itertuples(index=False, name=None), strict=True)
            ]
            table = cls(rows, [str(named), *map(str, columns)], disable_updates=True)
        else:
            table = cls([list(row) for row in part.rows()], [str(name) for name in columns], disable_updates=True)
        table._left_out = len(dataframe) - len(part)
        return table

    def update(self, *args: Any, **kwargs: Any) -> None:
        """The components inside can be updated, the table itself cannot."""
        raise NotImplementedError("a Table cannot be updated; update the components in it, or append another")

    def render(self) -> Html:
        head = [tag("tr", *(tag("th", name) for name in self._headers))] if self._headers else []
        cells, rows = 0, []
        for row in self._data:
            cells += len(row)
            if cells > MOST_CELLS:
                self._left_out += len(self._data) - len(rows)
                break
            rows.append(tag("tr", *(tag("td", _cell(cell), class_=_kind(cell)) for cell in row)))
        more = tag("p", f"… and {self._left_out:,} more rows", class_="dim") if self._left_out else ""
        return tag("div", tag("table", *head, *rows), more, class_="scroll")


def _cell(value: Any) -> Html:
    if isinstance(value, (MetaflowCardComponent, Html)):
        return markup(value)
    return text(value if isinstance(value, str) else represent(value))


def _kind(value: Any) -> str | None:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class Error(UserComponent):
    """An exception with its traceback, under a title."""

    def __init__(self, exception: Any, title: str | None = None) -> None:
        self._exception = exception
        self._title = title

    def render(self) -> Html:
        error = self._exception
        details = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
        return problem(self._title or type_name(error), details if details.strip() else repr(error))


class Markdown(UserComponent):
    """Text in Markdown, its indentation taken off. HTML in it is shown as text."""

    def __init__(self, text: str | None = None) -> None:
        self._text = text

    def update(self, text: str | None = None) -> None:
        self._text = text

    def render(self) -> Html:
        return tag("div", markdown.render(dedent(self._text or "")), class_="markdown")


def dedent(source: Any) -> str:
    """Without the indentation that all lines share; the first, right after the quotes, does not count."""
    first, newline, rest = str(source).partition("\n")
    if first.strip() and newline:
        return f"{first}\n{textwrap.dedent(rest)}"
    return textwrap.dedent(str(source))


class ProgressBar(UserComponent):
    """How far something is: ProgressBar(max=100, label="epochs", unit="%"), then bar.update(12)."""

    def __init__(
        self,
        max: float = 100,
        label: str | None = None,
        value: float = 0,
        unit: str | None = None,
        metadata: str | None = None,
    ) -> None:
        self._max = max
        self._label = label
        self._value = value
        self._unit = unit
        self._metadata = metadata

    def update(self, new_value: float, metadata: str | None = None) -> None:
        self._value = new_value
        if metadata is not None:
            self._metadata = metadata

    def render(self) -> Html:
        most = float(self._max) or 1.0
        part = min(max(float(self._value) / most, 0.0), 1.0)
        amount = f"{self._value}{self._unit or ''}" if self._unit else f"{self._value} / {self._max}"
        return tag(
            "div",
            tag("span", self._label or ""), tag("span", amount, class_="amount"),
            tag("div", tag("div", style=f"width:{100 * part:.1f}%"), class_="bar"),
            tag("div", self._metadata, class_="dim") if self._metadata else "",
            class_="progress", role="progressbar", aria_valuenow=self._value, aria_valuemax=self._max,
        )  # fmt: skip


class PythonCode(UserComponent):
    """Python code with its words coloured: of a function, or given as text."""

    def __init__(self, code_func: Callable[..., Any] | None = None, code_string: str | None = None) -> None:
        self._code = inspect.getsource(code_func) if code_func is not None else code_string

    def render(self) -> Html:
        if self._code is None:
            return problem("`PythonCode` component requires a `code_func` or `code_string` argument.")
        return code.python(textwrap.dedent(self._code))


class PageComponent(UserComponent):
    """A titled part of a card with components in it."""

    def __init__(self, title: str | None = None, subtitle: str | None = None, contents: Iterable[Any] = ()) -> None:
        self._title = title
        self._subtitle = subtitle
        self._contents = list(contents)

    def render(self) -> Html:
        return tag(
            "section",
            tag("h2", self._title) if self._title else "",
            tag("p", self._subtitle, class_="dim") if self._subtitle else "",
            *(markup(each) for each in self._contents),
        )
