"""Parameters, metrics, tags and files of a run: log_metric and friends, start_run outside of a flow, search_runs.

Inside a step everything lands on the step's run without a word; outside, on the run that start_run() began. Names are
those that users of mlflow's fluent API expect.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.tracking.datasets import log_input as log_input
    from headwater.tracking.datasets import log_inputs as log_inputs
    from headwater.tracking.files import download_artifact as download_artifact
    from headwater.tracking.files import list_artifacts as list_artifacts
    from headwater.tracking.files import log_artifact as log_artifact
    from headwater.tracking.files import log_artifacts as log_artifacts
    from headwater.tracking.files import log_dict as log_dict
    from headwater.tracking.files import log_figure as log_figure
    from headwater.tracking.files import log_text as log_text
    from headwater.tracking.images import log_image as log_image
    from headwater.tracking.log import log_metric as log_metric
    from headwater.tracking.log import log_metrics as log_metrics
    from headwater.tracking.log import log_param as log_param
    from headwater.tracking.log import log_params as log_params
    from headwater.tracking.log import set_tag as set_tag
    from headwater.tracking.log import set_tags as set_tags
    from headwater.tracking.query import ExperimentInfo as ExperimentInfo
    from headwater.tracking.query import MetricPoint as MetricPoint
    from headwater.tracking.query import TrackedRun as TrackedRun
    from headwater.tracking.query import delete_run as delete_run
    from headwater.tracking.query import get_metric_history as get_metric_history
    from headwater.tracking.query import get_run as get_run
    from headwater.tracking.query import restore_run as restore_run
    from headwater.tracking.query import search_experiments as search_experiments
    from headwater.tracking.query import search_runs as search_runs
    from headwater.tracking.runs import ActiveRun as ActiveRun
    from headwater.tracking.runs import active_run as active_run
    from headwater.tracking.runs import end_run as end_run
    from headwater.tracking.runs import flush as flush
    from headwater.tracking.runs import set_experiment as set_experiment
    from headwater.tracking.runs import start_run as start_run
    from headwater.tracking.tables import load_table as load_table
    from headwater.tracking.tables import log_table as log_table

_HOMES = {
    "headwater.tracking.datasets": ("log_input", "log_inputs"),
    "headwater.tracking.files": (
        "download_artifact",
        "list_artifacts",
        "log_artifact",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_text",
    ),
    "headwater.tracking.images": ("log_image",),
    "headwater.tracking.log": ("log_metric", "log_metrics", "log_param", "log_params", "set_tag", "set_tags"),
    "headwater.tracking.query": (
        "ExperimentInfo",
        "MetricPoint",
        "TrackedRun",
        "delete_run",
        "get_metric_history",
        "get_run",
        "restore_run",
        "search_experiments",
        "search_runs",
    ),
    "headwater.tracking.runs": ("ActiveRun", "active_run", "end_run", "flush", "set_experiment", "start_run"),
    "headwater.tracking.tables": ("load_table", "log_table"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'headwater.tracking' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value
