"""Names of requests, so that one that is repeated happens once."""

import os
import uuid

_repeats: dict[tuple[str, ...], int] = {}


def request_id(*what: str) -> str:
    """Names a request. A task that runs again because its worker was lost repeats its requests under the same names, so
    what it did before happens once; the n-th equal request of one task has a name of its own."""
    run_id = os.environ.get("HEADWATER_RUN_ID", "")
    if not run_id:
        return str(uuid.uuid4())
    where = (run_id, os.environ.get("HEADWATER_STEP", ""), os.environ.get("HEADWATER_TASK_ID", ""))
    _repeats[what] = _repeats.get(what, 0) + 1
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join((*where, *what, str(_repeats[what])))))
