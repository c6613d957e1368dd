"""Plumbing shared by all services, without business words. Imports no service."""

import sys


def _import_structlog_alone() -> None:
    """structlog imports rich where it is installed (the SDK brings it), for coloured tracebacks that we do not print:
    0.2 s and 9 MB in every process."""
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]


_import_structlog_alone()
