"""What decorators say about a step or a flow, as plain values that the graph, the runtime and the command line read.

StepOptions hangs on the function of a step, FlowOptions on the class. Nothing here acts on them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

STEP_ATTRIBUTE = "__headwater_step__"
FLOW_ATTRIBUTE = "__headwater_flow__"


class Retry(NamedTuple):
    """Extra attempts after the first, and the seconds between two of them."""

    times: int = 3
    delay_seconds: float = 120.0


class Catch(NamedTuple):
    """The artifact that receives the exception of a failed step, and whether it is printed too."""

    var: str | None = None
    print_exception: bool = True


class ResourceRequest(NamedTuple):
    """What a step asks of a machine; memory in MiB. enforce: cpu and memory are no hints."""

    cpu: float = 1.0
    gpu: float = 0.0
    memory_mb: int = 4096
    enforce: bool = False


class CommandSpec(NamedTuple):
    """A shell command that does the work of a step; inputs and outputs map artifact names to file names."""

    command: str
    inputs: dict[str, str]
    outputs: dict[str, str]


class SecretSources(NamedTuple):
    """Where environment variables of a step come from that nobody shall see."""

    sources: tuple[Any, ...]
    role: str | None = None
    allow_override: bool = False


Spec = tuple[str, tuple[Any, ...], dict[str, Any]]


class StepOptions:
    """Everything that decorators said about one step. `is_step` is false until @step itself was there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_step = False
        self.is_start = False
        self.is_end = False
        self.retry: Retry | None = None
        self.catch: Catch | None = None
        self.timeout_seconds: float | None = None
        self.resources: ResourceRequest | None = None
        self.environment: dict[str, str] = {}
        self.command: CommandSpec | None = None
        self.pool = ""
        self.isolation = ""
        self.concurrency: list[str] = []
        self.no_cache = False
        self.secrets: SecretSources | None = None
        # What compute decorators asked for that nothing here acts on: "@kubernetes": ["image"].
        self.ignored: dict[str, list[str]] = {}
        # Pages: headwater.api.scheduler.v1.CardSpec in JSON, in the order of the source.
        self.cards: list[dict[str, Any]] = []
        # PackageSets (packages.py) of the step.
        self.packages: list[Any] = []
        self.decorators: list[str] = []
        # (name, arguments, keyword arguments) of each decorator, for mutators to look at.
        self.specs: list[Spec] = []
        # Decorators that wait for the value of a config: they are applied when the class is there.
        self.deferred: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []
        self.mutators: list[Any] = []
        self.wrappers: list[Any] = []

    def __repr__(self) -> str:
        return f"StepOptions({self.name!r}, decorators={self.decorators})"


class FlowOptions:
    """Everything that decorators said about a flow class: what starts it when deployed, and its project."""

    def __init__(self, parent: "FlowOptions | None" = None) -> None:
        self.triggers: list[dict[str, Any]] = list(parent.triggers) if parent else []
        self.project = parent.project if parent else ""
        self.branch: str | None = parent.branch if parent else None
        self.production: bool | None = parent.production if parent else None
        self.on_success: list[Any] = list(parent.on_success) if parent else []
        self.on_error: list[Any] = list(parent.on_error) if parent else []
        self.mutators: list[Any] = list(parent.mutators) if parent else []
        self.specs: list[Spec] = list(parent.specs) if parent else []
        self.packages: list[Any] = list(parent.packages) if parent else []
        self.decorators: list[str] = list(parent.decorators) if parent else []


def options_of(function: Callable[..., Any]) -> StepOptions:
    """The options of a step function, made on first use."""
    found = getattr(function, STEP_ATTRIBUTE, None)
    if found is None:
        found = StepOptions(getattr(function, "__name__", "?"))
        setattr(function, STEP_ATTRIBUTE, found)
    return cast(StepOptions, found)


def step_options(function: object) -> StepOptions | None:
    """The options of a function that carries @step, else None."""
    found = getattr(function, STEP_ATTRIBUTE, None)
    return found if isinstance(found, StepOptions) and found.is_step else None


def flow_options(cls: type) -> FlowOptions:
    """The options of a flow class, those of its base classes included."""
    return getattr(cls, FLOW_ATTRIBUTE, None) or FlowOptions()


def own_flow_options(cls: type) -> FlowOptions:
    """The options of a flow class for a decorator to add to, without touching those of its base classes."""
    if FLOW_ATTRIBUTE not in cls.__dict__:
        setattr(cls, FLOW_ATTRIBUTE, FlowOptions(getattr(cls, FLOW_ATTRIBUTE, None)))
    return cast(FlowOptions, cls.__dict__[FLOW_ATTRIBUTE])
