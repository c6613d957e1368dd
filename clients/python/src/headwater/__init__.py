"""Headwater: author a flow, run it, track it, version its data and models, promote a model.

Everything here is loaded on first use, so `import headwater` costs a few milliseconds. It never talks to a server by
itself.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.artifacts.files import File as File
    from headwater.artifacts.files import Folder as Folder
    from headwater.client import DataArtifact as DataArtifact
    from headwater.client import Flow as Flow
    from headwater.client import Metaflow as Metaflow
    from headwater.client import MetaflowCode as MetaflowCode
    from headwater.client import Run as Run
    from headwater.client import Step as Step
    from headwater.client import Task as Task
    from headwater.client import default_metadata as default_metadata
    from headwater.client import default_namespace as default_namespace
    from headwater.client import get_metadata as get_metadata
    from headwater.client import get_namespace as get_namespace
    from headwater.client import inspect_spin as inspect_spin
    from headwater.client import metadata as metadata
    from headwater.client import namespace as namespace
    from headwater.client.lineage import lineage as lineage
    from headwater.events import ArgoEvent as ArgoEvent
    from headwater.events import MetaflowEvent as MetaflowEvent
    from headwater.flow.card import card as card
    from headwater.flow.compute import batch as batch
    from headwater.flow.compute import kubernetes as kubernetes
    from headwater.flow.config import Config as Config
    from headwater.flow.config import ConfigValue as ConfigValue
    from headwater.flow.current import current as current
    from headwater.flow.decorators import catch as catch
    from headwater.flow.decorators import command as command
    from headwater.flow.decorators import environment as environment
    from headwater.flow.decorators import pool as pool
    from headwater.flow.decorators import resources as resources
    from headwater.flow.decorators import retry as retry
    from headwater.flow.decorators import secrets as secrets
    from headwater.flow.decorators import timeout as timeout
    from headwater.flow.delayed import config_expr as config_expr
    from headwater.flow.exit_hooks import exit_hook as exit_hook
    from headwater.flow.include import IncludeFile as IncludeFile
    from headwater.flow.multicore import parallel_imap_unordered as parallel_imap_unordered
    from headwater.flow.multicore import parallel_map as parallel_map
    from headwater.flow.mutators import FlowMutator as FlowMutator
    from headwater.flow.mutators import StepMutator as StepMutator
    from headwater.flow.packages import conda as conda
    from headwater.flow.packages import conda_base as conda_base
    from headwater.flow.packages import pypi as pypi
    from headwater.flow.packages import pypi_base as pypi_base
    from headwater.flow.parameters import JSONType as JSONType
    from headwater.flow.parameters import Parameter as Parameter
    from headwater.flow.profile import profile as profile
    from headwater.flow.projects import project as project
    from headwater.flow.scheduling import concurrency as concurrency
    from headwater.flow.scheduling import isolation as isolation
    from headwater.flow.scheduling import no_cache as no_cache
    from headwater.flow.scheduling import parallel as parallel
    from headwater.flow.spec import FlowSpec as FlowSpec
    from headwater.flow.spec import step as step
    from headwater.flow.triggers import schedule as schedule
    from headwater.flow.triggers import trigger as trigger
    from headwater.flow.triggers import trigger_on_finish as trigger_on_finish
    from headwater.flow.triggers import trigger_on_promotion as trigger_on_promotion
    from headwater.flow.user_steps import USER_SKIP_STEP as USER_SKIP_STEP
    from headwater.flow.user_steps import UserStepDecorator as UserStepDecorator
    from headwater.flow.user_steps import user_step_decorator as user_step_decorator
    from headwater.models import ModelVersion as ModelVersion
    from headwater.models import load_model as load_model
    from headwater.models import promote as promote
    from headwater.models import register_model as register_model
    from headwater.runner import DeployedFlow as DeployedFlow
    from headwater.runner import Deployer as Deployer
    from headwater.runner import NBDeployer as NBDeployer
    from headwater.runner import NBRunner as NBRunner
    from headwater.runner import Runner as Runner
    from headwater.runtime.serializers import register_serializer as register_serializer
    from headwater.s3 import S3 as S3
    from headwater.tracking import active_run as active_run
    from headwater.tracking import delete_run as delete_run
    from headwater.tracking import download_artifact as download_artifact
    from headwater.tracking import end_run as end_run
    from headwater.tracking import flush as flush
    from headwater.tracking import get_metric_history as get_metric_history
    from headwater.tracking import get_run as get_run
    from headwater.tracking import list_artifacts as list_artifacts
    from headwater.tracking import load_table as load_table
    from headwater.tracking import log_artifact as log_artifact
    from headwater.tracking import log_artifacts as log_artifacts
    from headwater.tracking import log_dict as log_dict
    from headwater.tracking import log_figure as log_figure
    from headwater.tracking import log_image as log_image
    from headwater.tracking import log_input as log_input
    from headwater.tracking import log_inputs as log_inputs
    from headwater.tracking import log_metric as log_metric
    from headwater.tracking import log_metrics as log_metrics
    from headwater.tracking import log_param as log_param
    from headwater.tracking import log_params as log_params
    from headwater.tracking import log_table as log_table
    from headwater.tracking import log_text as log_text
    from headwater.tracking import restore_run as restore_run
    from headwater.tracking import search_experiments as search_experiments
    from headwater.tracking import search_runs as search_runs
    from headwater.tracking import set_experiment as set_experiment
    from headwater.tracking import set_tag as set_tag
    from headwater.tracking import set_tags as set_tags
    from headwater.tracking import start_run as start_run

__version__ = "0.1.0"

_HOMES = {
    "headwater.flow.spec": ("FlowSpec", "step"),
    "headwater.flow.parameters": ("Parameter", "JSONType"),
    "headwater.flow.current": ("current",),
    "headwater.flow.decorators": (
        "retry",
        "catch",
        "timeout",
        "resources",
        "environment",
        "secrets",
        "command",
        "pool",
    ),
    "headwater.flow.compute": ("kubernetes", "batch"),
    "headwater.flow.card": ("card",),
    "headwater.flow.packages": ("pypi", "pypi_base", "conda", "conda_base"),
    "headwater.flow.scheduling": ("parallel", "concurrency", "isolation", "no_cache"),
    "headwater.flow.config": ("Config", "ConfigValue"),
    "headwater.flow.delayed": ("config_expr",),
    "headwater.flow.exit_hooks": ("exit_hook",),
    "headwater.flow.include": ("IncludeFile",),
    "headwater.flow.multicore": ("parallel_map", "parallel_imap_unordered"),
    "headwater.flow.mutators": ("FlowMutator", "StepMutator"),
    "headwater.flow.profile": ("profile",),
    "headwater.flow.projects": ("project",),
    "headwater.flow.user_steps": ("UserStepDecorator", "user_step_decorator", "USER_SKIP_STEP"),
    "headwater.flow.triggers": ("trigger", "trigger_on_finish", "trigger_on_promotion", "schedule"),
    "headwater.tracking": (
        "active_run",
        "delete_run",
        "download_artifact",
        "end_run",
        "flush",
        "get_metric_history",
        "get_run",
        "list_artifacts",
        "load_table",
        "log_artifact",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_image",
        "log_input",
        "log_inputs",
        "log_metric",
        "log_metrics",
        "log_param",
        "log_params",
        "log_table",
        "log_text",
        "restore_run",
        "search_experiments",
        "search_runs",
        "set_experiment",
        "set_tag",
        "set_tags",
        "start_run",
    ),
    "headwater.models": ("register_model", "promote", "load_model", "ModelVersion"),
    "headwater.client": (
        "Metaflow",
        "Flow",
        "Run",
        "Step",
        "Task",
        "DataArtifact",
        "MetaflowCode",
        "namespace",
        "get_namespace",
        "default_namespace",
        "metadata",
        "get_metadata",
        "default_metadata",
        "inspect_spin",
    ),
    "headwater.client.lineage": ("lineage",),
    "headwater.runner": ("Runner", "NBRunner", "Deployer", "NBDeployer", "DeployedFlow"),
    "headwater.events": ("ArgoEvent", "MetaflowEvent"),
    "headwater.s3": ("S3",),
    "headwater.artifacts.files": ("File", "Folder"),
    "headwater.runtime.serializers": ("register_serializer",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME_OF]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'headwater' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
