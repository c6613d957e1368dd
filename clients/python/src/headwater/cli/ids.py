"""Runs as people name them on the command line: whole ids, their ends or beginnings, "latest", flow/run."""

from typing import Any

from headwater.client import resources
from headwater.client.pathspec import split_target
from headwater.errors import InvalidArgument, NotFound

SHORT = 8


def short(run_id: str) -> str:
    """The last characters of a run id: enough to name it."""
    return run_id[-SHORT:]


def find_run(text: str) -> dict[str, Any]:
    """The run that `text` names (the server knows ends of ids; a beginning is looked up here). Raises NotFound."""
    run_id, _, _ = split_target(text)
    try:
        return resources.get_run(run_id)
    except NotFound as error:
        if len(run_id) < 4 or run_id == "latest":
            raise
        found = [run for run in resources.list_runs(limit=1000) if run["runId"].startswith(run_id)]
        if len(found) > 1:
            raise InvalidArgument(f"{len(found)} runs begin with {run_id!r}", hint="use the end of the id") from None
        if not found:
            error.hint = error.hint or "`headwater runs` lists what there is"
            raise
        return found[0]
