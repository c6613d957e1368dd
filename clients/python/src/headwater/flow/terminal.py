"""How the command line of a flow looks: lines with time and task, colours on a terminal, plain text in a pipe.

Writes to stdout what belongs to the run, to stderr what the command itself has to say. Decides nothing.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TextIO

RED, GREEN, YELLOW, BLUE, MAGENTA, BOLD, DIM = "31", "32", "33", "34", "35", "1", "2"


class Terminal:
    """Prints lines. quiet: only the output of tasks and what went wrong."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._out_colours = _colours(sys.stdout)
        self._err_colours = _colours(sys.stderr)

    def note(self, text: str) -> None:
        """Something the command says about itself."""
        if not self.quiet:
            self._write(sys.stderr, text)

    def warn(self, text: str) -> None:
        self._write(sys.stderr, self._paint(text, YELLOW, self._err_colours))

    def error(self, text: str) -> None:
        self._write(sys.stderr, self._paint(text, RED, self._err_colours))

    def line(self, text: str, *, time: str = "", task: str = "", colour: str = "", always: bool = False) -> None:
        """A line of the run: `2026-11-23 20:10:11.123 [run/step/task] text`."""
        if self.quiet and not always:
            return
        head = self._paint(clock(time), DIM, self._out_colours)
        where = self._paint(f"[{task}] ", BLUE, self._out_colours) if task else ""
        self._write(sys.stdout, f"{head} {where}{self._paint(text, colour, self._out_colours)}")

    def plain(self, text: str) -> None:
        self._write(sys.stdout, text)

    def _paint(self, text: str, colour: str, colours: bool) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if colours and colour else text

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text + "\n")
            stream.flush()
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        except BrokenPipeError:
            # The reader is gone, the run is not: go on without a voice.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def clock(text: str = "") -> str:
    """An RFC 3339 time, or now, as local time with milliseconds."""
    try:
        moment = datetime.fromisoformat(text).astimezone() if text else datetime.now()
    except ValueError:
        moment = datetime.now()
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def _colours(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()
