"""What Metaflow's variables for looking inside show here: METAFLOW_DEBUG_<KIND>=1 and METAFLOW_PROFILE_FROM_START=1.

Kinds: s3client, userconf, conda, package; docs/metaflow.md has those that there is nothing for. Decides nothing.
"""

from __future__ import annotations

import os
import sys
import time

_OFF = ("", "0", "false", "no", "off")
_started: list[float] = []


def wanted(kind: str) -> bool:
    return os.environ.get(f"METAFLOW_DEBUG_{kind.upper()}", "").strip().lower() not in _OFF


def debug(kind: str, *words: object) -> None:
    """A line on stderr, if that kind is asked for: `debug[s3client headwater/s3/wire.py:61]: GET …`."""
    if wanted(kind):
        frame = sys._getframe(1)
        _, inside, file = frame.f_code.co_filename.rpartition("headwater/")
        where = f"{inside}{file}:{frame.f_lineno}"
        print(f"debug[{kind} {where}]: {' '.join(map(str, words))}", file=sys.stderr, flush=True)


def from_start(text: str) -> None:
    """How long it took from the first call to here, if that is asked for."""
    if os.environ.get("METAFLOW_PROFILE_FROM_START", "").strip().lower() not in _OFF:
        now = time.monotonic()
        if not _started:
            _started.append(now)
        print(f"From start: {text} took {int((now - _started[0]) * 1000)}ms", flush=True)
