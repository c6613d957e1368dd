"""FlowSpec and @step: the class a user writes, and what `self` offers inside a step.

Records what a step assigned and where it goes next. It never runs a flow: the command line starts runs, the runtime
runs steps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar, cast, overload

from headwater.errors import FlowError
from headwater.flow.errorhook import install_error_hook
from headwater.flow.options import options_of, step_options
from headwater.flow.parameters import parameters_of

install_error_hook()

F = TypeVar("F", bound=Callable[..., Any])

# (step, var, index, width) of each open foreach, outermost first.
Frame = tuple[str, str, int, int]


class ArtifactStore(Protocol):
    """Where inherited artifacts come from: the runtime gives one, tests a dictionary behind the same two methods."""

    def load(self, name: str) -> Any: ...

    def names(self) -> Iterable[str]: ...


class NextCall(NamedTuple):
    """What self.next(...) was told."""

    steps: tuple[str, ...]
    foreach: str | None = None
    # Tasks of a gang; 0: none.
    gang: int = 0


@overload
def step(function: F, /) -> F: ...
@overload
def step(*, start: bool = False, end: bool = False, node_info: dict[str, Any] | None = None) -> Callable[[F], F]: ...
def step(
    function: Any = None, /, *, start: bool = False, end: bool = False, node_info: dict[str, Any] | None = None
) -> Any:
    """Marks a method of a FlowSpec as a step of the flow.

    The method takes `self`, a join takes `self, inputs`; its last statement is `self.next(...)`, except in the last.
    A flow begins with the step `start` and stops after `end`; where it has none of these names, with the one that
    nothing leads to and the one that leads nowhere. start=True, end=True say it outright. node_info is accepted for
    flows written for Metaflow.

        @step
        def start(self):
            self.x = 1
            self.next(self.end)
    """

    def mark(function: F) -> F:
        options = options_of(function)
        options.name = function.__name__
        options.is_step, options.is_start, options.is_end = True, start, end
        return function

    return mark if function is None else mark(function)


class FlowSpec:
    """Base class of flows. Each method marked with @step is a step; whatever a step assigns to `self` is an artifact,
    visible in all later steps and through the client ever after.

        class Hello(FlowSpec):
            @step
            def start(self):
                self.x = 1
                self.next(self.end)

            @step
            def end(self):
                print(self.x)

        if __name__ == "__main__":
            Hello()

    `Hello()` runs the command line: `python hello.py run`, `resume`, `show`, `check`, `dump`, `logs`, `deploy`.
    """

    _store: ArtifactStore | None = None
    _frames: tuple[Frame, ...] = ()
    _next: NextCall | None = None
    _step_name: str = ""
    _is_join: bool = False
    _load_input: Callable[[], Any] | None = None
    _parameters: dict[str, Any] = {}

    def __init__(self, use_cli: bool = True) -> None:
        if use_cli and _called_by_script():
            from headwater.flow.cli import main

            main(type(self))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or self._store is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        try:
            value = self._store.load(name)
        except KeyError:
            if name == "name":  # what Metaflow calls the flow, unless a step has made it an artifact
                return type(self).__name__
            raise AttributeError(self._missing(name)) from None
        self.__dict__[name] = value
        return value

    def __iter__(self) -> Iterator[Any]:
        """The steps as bound methods, in the order of the source."""
        return (getattr(self, name) for name in step_names(type(self)))

    @property
    def input(self) -> Any:
        """The item of the innermost open foreach; None outside of a foreach."""
        return self._load_input() if self._load_input is not None else None

    @property
    def index(self) -> int | None:
        """The position of `input` in the list of the innermost open foreach, from 0; None outside of a foreach."""
        return self._frames[-1][2] if self._frames else None

    def foreach_stack(self) -> list[tuple[int, int, Any]]:
        """(index, number of items, item) of each open foreach, outermost first."""
        if not self._frames:
            return []
        outer = [(index, width, _item(getattr(self, var, None), index)) for _, var, index, width in self._frames[:-1]]
        _, _, index, width = self._frames[-1]
        if (whole := getattr(self._load_input, "whole", None)) is not None:
            whole()
        return [*outer, (index, width, self.input)]

    def next(
        self,
        *destinations: Any,
        foreach: str | None = None,
        num_parallel: int | None = None,
        condition: str | None = None,
        **unknown: Any,
    ) -> None:
        """Says which step follows: the last statement of every step except the last one.

        self.next(self.b)                                        one step
        self.next(self.a, self.b)                                both, side by side; a later join takes `inputs`
        self.next(self.work, foreach="xs")                       once per item of self.xs
        self.next(self.train, num_parallel=4)                    four tasks that start together, of a @parallel step
        self.next({"x": self.a, "y": self.b}, condition="kind")  the one that self.kind names; it may be this step again

        Raises FlowError for anything else, and when it is called twice.
        """
        if self._next is not None:
            raise _error(
                f"Multiple self.next() calls detected in step {self._step_name}. Call self.next() only once.",
                "call it as the last statement",
            )
        if unknown:
            raise self._invalid(f"it passes an unknown keyword argument '{sorted(unknown)[0]}'")
        if sum(given is not None for given in (foreach, num_parallel, condition)) > 1:
            raise self._invalid("foreach, num_parallel and condition cannot be combined")
        if condition is not None or any(isinstance(each, dict) for each in destinations):
            self._next = NextCall((self._case(destinations, condition),))
            return
        if not destinations:
            raise self._invalid("it names no step")
        steps = tuple(self._destination(each) for each in destinations)
        if foreach is not None:
            self._check_foreach(steps, foreach)
        self._next = NextCall(steps, foreach, self._gang(steps, num_parallel) if num_parallel is not None else 0)

    def _case(self, destinations: tuple[Any, ...], condition: object) -> str:
        """The step that a switch chooses."""
        from headwater.flow.switch import choose

        return self._destination(choose(self, destinations, condition))

    def _gang(self, steps: tuple[str, ...], num_parallel: object) -> int:
        if not isinstance(num_parallel, int) or num_parallel < 1:
            raise _error(f"num_parallel must be a whole number from 1, got {num_parallel!r}", "num_parallel=4")
        if len(steps) != 1:
            raise self._invalid("only one destination allowed when num_parallel used in self.next()")
        return num_parallel

    def merge_artifacts(
        self, inputs: Iterable[FlowSpec], exclude: Iterable[str] = (), include: Iterable[str] = ()
    ) -> None:
        """In a join: takes over every artifact that is the same in all inputs that have it and is not set here yet.

        exclude: names to leave out; include: the only names to take. Raises FlowError when values differ: set such a
        name yourself before the call, or exclude it.
        """
        from headwater.flow.merge import merge_artifacts

        merge_artifacts(self, list(inputs), list(exclude), list(include))

    def _exit_hook(self) -> None:
        """The only step of the run that the scheduler starts for the exit hooks of another."""
        from headwater.flow.exit_hooks import run_hooks

        run_hooks(type(self))

    def _set_parameters(self, values: dict[str, Any]) -> None:
        """Fixes the parameters of this run, converted to their types; they are read-only attributes."""
        self._parameters = {p.name: p.from_run(values) for p in parameters_of(type(self)).values()}

    def _destination(self, target: Any) -> str:
        function = getattr(target, "__func__", None)
        options = step_options(function)
        if options is None or getattr(target, "__self__", None) is not self:
            raise self._invalid(f"{target!r} is not a step of this flow")
        return options.name

    def _check_foreach(self, steps: tuple[str, ...], foreach: object) -> None:
        if not isinstance(foreach, str):
            raise self._invalid(f"the argument to 'foreach' must be a string, got {type(foreach).__name__}")
        if len(steps) != 1:
            raise self._invalid("specify exactly one target for 'foreach'")
        try:
            items = getattr(self, foreach)
        except AttributeError:
            raise _error(
                f"Foreach variable self.{foreach} in step {self._step_name} does not exist. Check your variable.",
                f"assign self.{foreach} before self.next",
            ) from None
        if not hasattr(items, "__iter__"):
            raise _error(
                f"Foreach variable self.{foreach} in step {self._step_name} is {type(items).__name__}, not iterable.",
                "make it a list or any iterable",
            )

    def _invalid(self, problem: str) -> FlowError:
        return _error(f"Step {self._step_name} has an invalid self.next() transition: {problem}.", _NEXT_HELP)

    def _missing(self, name: str) -> str:
        names = sorted(self._store.names()) if self._store else []
        names += [n for n in self.__dict__ if not n.startswith("_")]
        text = f"flow {type(self).__name__} has no artifact {name!r}: no step before this one assigned self.{name}"
        if self._is_join:
            return f"{text}; in a join, inputs hold what the branches made: self.merge_artifacts(inputs) takes it over"
        from difflib import get_close_matches

        close = get_close_matches(name, names, 1)
        return f"{text}; did you mean self.{close[0]}?" if close else text


_NEXT_HELP = (
    "use self.next(self.a), self.next(self.a, self.b), self.next(self.a, foreach='items'), "
    "self.next(self.a, num_parallel=4) or self.next({'x': self.a, 'y': self.b}, condition='name')"
)

# Names that mean something on `self`: neither a step, a parameter nor an artifact may take them.
RESERVED = frozenset(name for name in vars(FlowSpec) if not name.startswith("_"))


def step_names(cls: type) -> list[str]:
    """Names of the steps of a flow class, inherited ones first, in the order of the source."""
    names: dict[str, None] = {}
    for base in reversed(cls.__mro__):
        names.update((name, None) for name, value in vars(base).items() if step_options(value) is not None)
    return [name for name in names if step_options(getattr(cls, name, None)) is not None]


def step_function(cls: type, name: str) -> Callable[..., Any]:
    """The plain function of a step."""
    return cast("Callable[..., Any]", getattr(cls, name))


def _called_by_script() -> bool:
    """Is the file that is being run the one that makes the flow? Not so where a worker imports a flow file without
    `if __name__ == "__main__"`."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_code.co_name != "<module>" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals.get("__name__") == "__main__"


def _item(items: Any, index: int) -> Any:
    try:
        return items[index]
    except (TypeError, IndexError, KeyError):
        return None


def _error(text: str, fix: str) -> FlowError:
    return FlowError(text, hint=fix)
