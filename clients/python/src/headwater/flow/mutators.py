"""FlowMutator and StepMutator: code of the user that changes a flow, its parameters and decorators before it runs.

Runs wherever the class is made: on the command line and in every process of tasks, from the same configs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from headwater.errors import FlowError
from headwater.flow.delayed import resolve
from headwater.flow.options import FlowOptions, Spec, StepOptions, own_flow_options, step_options
from headwater.flow.parameters import Parameter, parameters_of
from headwater.flow.user_steps import StepDecoratorBase

FLOW_MUTATORS: dict[str, type] = {}


class _Duplicates:
    IGNORE = 1
    ERROR = 2
    OVERRIDE = 3


class StepMutator(StepDecoratorBase):
    """Derive from it to change a step: pre_mutate() once configs are read, mutate() after `--with` was applied.

    class Careful(StepMutator):
        def mutate(self, mutable_step):
            mutable_step.add_decorator("retry", deco_kwargs={"times": 2})
    """

    _list = "mutators"

    def pre_mutate(self, mutable_step: MutableStep) -> None:
        """Called once the configs are read."""

    def mutate(self, mutable_step: MutableStep) -> None:
        """Called after the decorators of `--with` are there."""


class _BareFlow(type):
    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> None:
        super().__init__(name, bases, body)
        cls.decorator_name = f"{cls.__module__}.{cls.__qualname__}"
        FLOW_MUTATORS[name] = FLOW_MUTATORS[cls.decorator_name] = cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        from headwater.flow.spec import FlowSpec

        if args and isinstance(args[0], type) and issubclass(args[0], FlowSpec):
            return super().__call__(*args[1:], **kwargs)(args[0])
        return super().__call__(*args, **kwargs)


class FlowMutator(metaclass=_BareFlow):
    """Derive from it to change a flow: pre_mutate() may add parameters and decorators of the flow and of its steps,
    mutate() those of its steps.

        @Careful
        class Train(FlowSpec): ...
    """

    decorator_name: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._args = args
        self._kwargs = kwargs
        self._ready = False
        self.statically_defined = True
        self.inserted_by: str | None = None

    def __call__(self, cls: Any) -> Any:
        from headwater.flow.spec import FlowSpec

        if not isinstance(cls, type) or not issubclass(cls, FlowSpec):
            raise FlowError("A FlowMutator can only be applied to a FlowSpec")
        options = own_flow_options(cls)
        options.mutators.append(self)
        options.decorators.append(type(self).__name__)
        return cls

    def init(self, *args: Any, **kwargs: Any) -> None:
        """Receives the arguments of the decorator."""

    def pre_mutate(self, mutable_flow: MutableFlow) -> None:
        """Called once the configs are read."""

    def mutate(self, mutable_flow: MutableFlow) -> None:
        """Called after the decorators of `--with` are there."""

    def add_to_package(self) -> Any:
        return []

    def make_ready(self, configs: dict[str, Any]) -> None:
        if not self._ready:
            self._args, self._kwargs = resolve(self._args, configs), resolve(self._kwargs, configs)
            if (self._args or self._kwargs) and type(self).init is FlowMutator.init:
                raise FlowError(f"{self.decorator_name} is used with arguments but does not implement init")
            self.init(*self._args, **self._kwargs)
            self._ready = True


class _Mutable(_Duplicates):
    """What a mutator may do with the decorators of a flow or of a step."""

    _kind: str
    _what: str

    def __init__(self, cls: Any, by: str, early: bool) -> None:
        self._cls = cls
        self._inserted_by = by
        self._early = early

    def _options(self) -> StepOptions | FlowOptions:
        raise NotImplementedError

    @property
    def decorator_specs(self) -> Iterator[tuple[str, str, list[Any], dict[str, Any]]]:
        """(name, full name, arguments, keyword arguments) of each decorator."""
        from headwater.flow.registry import full_name

        options = self._options()
        for name, args, kwargs in options.specs:
            yield name, full_name(name), list(args), dict(kwargs)
        own = {id(each): each for each in [*options.mutators, *getattr(options, "wrappers", ())]}
        for each in own.values():
            yield type(each).__name__, each.decorator_name, list(each._args), dict(each._kwargs)

    def has_decorator(self, name: str) -> bool:
        return bool(self.get_decorator_specs(name))

    def get_decorator_specs(self, name: str) -> list[tuple[str, str, list[Any], dict[str, Any]]]:
        return [spec for spec in self.decorator_specs if name in spec[:2]]

    def add_decorator(
        self,
        deco_type: Any,
        deco_args: list[Any] | None = None,
        deco_kwargs: dict[str, Any] | None = None,
        duplicates: int = _Duplicates.IGNORE,
    ) -> Any:
        """Adds a decorator, given as such or as text, "retry:times=2". None when it was there, and `duplicates` says
        to leave it."""
        from headwater.flow.registry import find, parse

        self._may_change(deco_type)
        if isinstance(deco_type, str):
            name, given = parse(deco_type)
            if given and (deco_args or deco_kwargs):
                raise FlowError(f"add_decorator({deco_type!r}) got arguments twice: in the text and beside it")
            deco_type, deco_kwargs = find(name, self._kind), given or deco_kwargs
        name = getattr(deco_type, "__name__", type(deco_type).__name__)
        if self.has_decorator(name) and name not in ("card", "exit_hook", "trigger"):
            if duplicates == self.IGNORE:
                return None
            if duplicates == self.ERROR:
                raise FlowError(f"{self._what} already has a decorator {name!r}")
            self.remove_decorator(name)
        made: Any = deco_type
        if not isinstance(deco_type, (StepDecoratorBase, FlowMutator)):
            made = deco_type(*(deco_args or []), **(deco_kwargs or {}))
        made(self._target())
        if isinstance(made, (StepDecoratorBase, FlowMutator)):
            made.inserted_by = self._inserted_by
        return made

    def remove_decorator(
        self, deco_name: str, deco_args: list[Any] | None = None, deco_kwargs: dict[str, Any] | None = None
    ) -> bool:
        """Removes the decorators of a name, with arguments only those that were given the same; were there any?"""
        self._may_change(deco_name)
        options = self._options()

        def meant(spec: Spec) -> bool:
            same = (deco_args is None and deco_kwargs is None) or (
                list(spec[1]) == (deco_args or []) and spec[2] == (deco_kwargs or {})
            )
            return spec[0] == deco_name.rpartition(".")[2] and same

        before = len(options.specs) + len(options.mutators) + len(getattr(options, "wrappers", ()))
        options.specs = [spec for spec in options.specs if not meant(spec)]
        for kept in ("mutators", "wrappers"):
            if hasattr(options, kept):
                left = [
                    each
                    for each in getattr(options, kept)
                    if not meant((type(each).__name__, each._args, each._kwargs))
                ]
                setattr(options, kept, left)
        after = len(options.specs) + len(options.mutators) + len(getattr(options, "wrappers", ()))
        if after < before:
            self._forget(options, deco_name.rpartition(".")[2])
        return after < before

    def _forget(self, options: Any, name: str) -> None:
        from headwater.flow.registry import FIELDS

        options.decorators = [each for each in options.decorators if each != name]
        blank: Any = StepOptions(self._what) if self._kind == "step" else FlowOptions()
        for field in FIELDS.get(name, ()):
            setattr(options, field, getattr(blank, field))
        if name in ("trigger", "trigger_on_finish", "schedule"):
            kind = {"trigger": "event", "trigger_on_finish": "finish", "schedule": "cron"}[name]
            options.triggers = [
                each
                for each in options.triggers
                if kind not in each.get("all", {"of": [each]})["of"][0] and each.get("decorator") != name
            ]

    def _target(self) -> Any:
        raise NotImplementedError

    def _may_change(self, what: Any) -> None:
        """Raises where it is too late."""


class MutableFlow(_Mutable):
    """A flow in the hands of a mutator. Its steps are attributes: `mutable_flow.start.add_decorator(...)`."""

    _kind = "flow"
    _what = "the flow"

    @property
    def configs(self) -> Iterator[tuple[str, Any]]:
        from headwater.flow.config import values_of

        yield from values_of(self._cls).items()

    @property
    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        yield from parameters_of(self._cls).items()

    @property
    def steps(self) -> Iterator[tuple[str, MutableStep]]:
        from headwater.flow.spec import step_names

        for name in step_names(self._cls):
            yield name, MutableStep(self._cls, self._inserted_by, self._early, name)

    def add_parameter(self, name: str, value: Parameter, overwrite: bool = False) -> None:
        """Adds a parameter to the flow, in pre_mutate() only."""
        self._may_change(name)
        if hasattr(self._cls, name) and not overwrite:
            raise FlowError(
                f"Flow '{self._cls.__name__}' already has a class member '{name}'",
                hint="set overwrite=True in add_parameter to overwrite it",
            )
        if not isinstance(cast(object, value), Parameter):
            raise FlowError(f"Only a Parameter or an IncludeFile can be added using add_parameter; got {type(value)}")
        setattr(self._cls, name, value)
        value.__set_name__(self._cls, name)

    def remove_parameter(self, parameter_name: str) -> bool:
        """Removes a parameter by its name, in pre_mutate() only; was there one?"""
        self._may_change(parameter_name)
        for attribute, parameter in parameters_of(self._cls).items():
            if parameter.name == parameter_name:
                setattr(self._cls, attribute, None)  # hides an inherited one, too
                return True
        return False

    def __getattr__(self, name: str) -> Any:
        for found, step in self.steps:
            if found == name:
                return step
        value = getattr(self._cls, name, None)
        if isinstance(value, Parameter):
            return value
        for found, config in self.configs:
            if found == name:
                return config
        raise AttributeError(f"flow {self._cls.__name__} has no step, parameter or config {name!r}")

    def _options(self) -> FlowOptions:
        return own_flow_options(self._cls)

    def _target(self) -> Any:
        return self._cls

    def _may_change(self, what: Any) -> None:
        if not self._early:
            raise FlowError(
                f"{self._inserted_by} changes the flow ({what!r}) in mutate()", hint="do that in pre_mutate()"
            )


class MutableStep(_Mutable):
    """A step in the hands of a mutator."""

    _kind = "step"

    def __init__(self, cls: Any, by: str, early: bool, name: str) -> None:
        super().__init__(cls, by, early)
        self.name = name
        self._what = f"step {name}"

    @property
    def flow(self) -> MutableFlow:
        return MutableFlow(self._cls, self._inserted_by, self._early)

    def _options(self) -> StepOptions:
        return cast("StepOptions", step_options(self._target()))

    def _target(self) -> Any:
        return getattr(self._cls, self.name)
