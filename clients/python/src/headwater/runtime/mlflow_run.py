"""What the environment of a step says to the mlflow package: the server is Headwater, the run is the step's own.

The run is where headwater.log_metric logs too: that of the flow's run, or of one task of a foreach a nested one.
"""

import uuid
from collections.abc import Mapping

from headwater.runtime.task import Task


def variables(task: Task, environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing for a step that is told of another MLflow server, or of none."""
    url = environ.get("HEADWATER_URL", "")
    if not url or not task.token or environ.get("MLFLOW_TRACKING_URI", url) != url:
        return {}
    return {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_TRACKING_TOKEN": task.token,
        "MLFLOW_RUN_ID": run_id(task),
        # Runs that the step begins itself, below its own.
        "MLFLOW_EXPERIMENT_NAME": task.flow,
    }


def run_id(task: Task) -> str:
    """32 hex digits, as the server computes them."""
    run = uuid.UUID(task.key.run_id)
    return (uuid.uuid5(run, f"{task.key.step}/{task.task_id}") if task.frames else run).hex
