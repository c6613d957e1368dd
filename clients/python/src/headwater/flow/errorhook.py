"""One line in place of a stack trace when a flow file is wrong while Python reads it: a bad decorator or parameter.

Acts on Headwater's own errors only, and only where nobody else has replaced sys.excepthook.
"""

from __future__ import annotations

import sys
from types import TracebackType

from headwater.errors import FlowError

_OURS = __file__.rpartition("flow")[0]


def install_error_hook() -> None:
    """Makes an uncaught FlowError print as `file:line: message`."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _hook


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, FlowError):
        sys.__excepthook__(kind, error, trace)
        return
    where = ""
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_OURS):
            where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}: "
        trace = trace.tb_next
    print(f"{where}{error}", file=sys.stderr)
    if type(error).__name__ == "ConfigError":  # wrong usage
        raise SystemExit(2)
