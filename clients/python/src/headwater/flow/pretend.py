"""`--trigger FLOW/RUN`: a run started by hand acts as if the end of another had started it.

To try @trigger_on_finish."""

from __future__ import annotations

import json
from typing import Any

from headwater.errors import FlowError
from headwater.flow.choices import chosen


def pretend(pathspecs: list[str]) -> None:
    """Takes the runs over into the choices of this process. Raises FlowError, NotFound."""
    sources = [_source(each) for each in pathspecs]
    chosen.trigger = sources[-1] | ({"events": sources} if len(sources) > 1 else {})


def _source(pathspec: str) -> dict[str, Any]:
    from headwater.client import Run
    from headwater.client.http import connect

    if len(pathspec.split("/")) != 2 or not all(pathspec.split("/")):
        raise FlowError(
            f"Incorrect format for run pathspec for --trigger: {pathspec!r}. Supported format is flow_name/run_id."
        )
    connect(start=True)
    run = Run(pathspec, _namespace_check=False)
    if not run.successful:
        raise FlowError(f"--trigger does not support runs that are not successful yet: {pathspec}")
    finished = run.finished_at
    return {
        "eventName": "run.succeeded",
        "eventId": run.pathspec,
        "eventTime": finished.astimezone().isoformat() if finished else "",
        "payloadJson": json.dumps({"flow": run.path_components[0], "runId": run.id}),
    }
