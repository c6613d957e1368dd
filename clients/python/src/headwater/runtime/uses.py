"""What a task has loaded from elsewhere: artifacts of other runs, model versions, datasets. Kept with its result, for
lineage. docs/formats.md is the reference.

Noted by whatever loads; outside of a task, and after a fork, nothing is.
"""

from typing import Any

MOST = 500
_noted: dict[tuple[Any, ...], dict[str, Any]] | None = None


def begin() -> None:
    """From now on uses are those of the task that begins."""
    global _noted
    _noted = {}


def note(**use: Any) -> None:
    """run, artifact, digest: a value of another run; model, modelUid, version: a registered model; dataset, version."""
    if _noted is not None and len(_noted) < MOST:
        _noted.setdefault(tuple(sorted(use.items())), use)


def noted() -> list[dict[str, Any]]:
    """Each once, in their order."""
    return list((_noted or {}).values())
