"""Parameters, metrics and tags of a run: log_metric and friends, start_run for code outside of a flow, search_runs.

Inside a step everything lands on the flow's run without a word; outside, on the run that start_run() began.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.tracking.log import log_metric as log_metric
    from headwater.tracking.log import log_metrics as log_metrics
    from headwater.tracking.log import log_param as log_param
    from headwater.tracking.log import log_params as log_params
    from headwater.tracking.log import set_tag as set_tag
    from headwater.tracking.log import set_tags as set_tags
    from headwater.tracking.query import MetricPoint as MetricPoint
    from headwater.tracking.query import TrackedRun as TrackedRun
    from headwater.tracking.query import get_metric_history as get_metric_history
    from headwater.tracking.query import get_run as get_run
    from headwater.tracking.query import search_runs as search_runs
    from headwater.tracking.session import ActiveRun as ActiveRun
    from headwater.tracking.session import active_run as active_run
    from headwater.tracking.session import end_run as end_run
    from headwater.tracking.session import flush as flush
    from headwater.tracking.session import start_run as start_run

_HOMES = {
    "headwater.tracking.log": ("log_metric", "log_metrics", "log_param", "log_params", "set_tag", "set_tags"),
    "headwater.tracking.query": ("MetricPoint", "TrackedRun", "get_metric_history", "get_run", "search_runs"),
    "headwater.tracking.session": ("ActiveRun", "active_run", "end_run", "flush", "start_run"),
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
