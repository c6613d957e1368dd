"""UserStepDecorator and @user_step_decorator: code of the user before and after a step, or in its place.

call() runs a step with all of its decorators around it; the result is that the flow knows where it goes next.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

from headwater.errors import FlowError
from headwater.flow.delayed import resolve
from headwater.flow.options import STEP_ATTRIBUTE, options_of

USER_SKIP_STEP: dict[str, Any] = {}
REGISTERED: dict[str, type] = {}


class _Bare(type):
    """Lets `@Timing` stand above a step as `@Timing()` does, and knows every decorator by name for `--with`."""

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> None:
        super().__init__(name, bases, body)
        cls.decorator_name = body.get("_decorator_name", f"{cls.__module__}.{cls.__qualname__}")
        REGISTERED[cls.decorator_name] = cls
        REGISTERED[cls.decorator_name.rpartition(".")[2]] = cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if args and hasattr(args[0], STEP_ATTRIBUTE):
            return super().__call__(*args[1:], **kwargs)(args[0])
        return super().__call__(*args, **kwargs)


class StepDecoratorBase(metaclass=_Bare):
    """What UserStepDecorator and StepMutator share: arguments go to init(), which subclasses define."""

    decorator_name: str
    _list = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._args = args
        self._kwargs = kwargs
        self._ready = False
        self.statically_defined = True
        self.inserted_by: str | None = None

    def __call__(self, step: Any) -> Any:
        if not hasattr(step, STEP_ATTRIBUTE):
            raise FlowError(f"{self.decorator_name} can only be applied to a step function")
        options = options_of(step)
        for base in {each.__dict__.get("_list") for each in type(self).__mro__} - {None, ""}:
            getattr(options, cast("str", base)).append(self)
        options.decorators.insert(0, self.decorator_name.rpartition(".")[2])
        return step

    def init(self, *args: Any, **kwargs: Any) -> None:
        """Receives the arguments of the decorator."""

    def get_args_kwargs(self) -> tuple[list[Any], dict[str, Any]]:
        return list(self._args), dict(self._kwargs)

    def add_to_package(self) -> Any:
        return []

    def make_ready(self, configs: dict[str, Any]) -> None:
        """Calls init() once, with the values of configs in place."""
        if self._ready:
            return
        self._args, self._kwargs = resolve(self._args, configs), resolve(self._kwargs, configs)
        defined = any("init" in vars(each) for each in type(self).__mro__ if each.__module__ != __name__)
        if (self._args or self._kwargs) and not defined and not isinstance(self, _Generator):
            raise FlowError(f"{self.decorator_name} is used with arguments but does not implement init")
        self.init(*self._args, **self._kwargs)
        self._ready = True


class UserStepDecorator(StepDecoratorBase):
    """Derive from it to run code around steps: pre_step() before, post_step() after, in the process of the task.

    class Timing(UserStepDecorator):
        def pre_step(self, step_name, flow, inputs=None):
            self.begin = time.time()

        def post_step(self, step_name, flow, exception=None):
            flow.seconds = time.time() - self.begin
            return exception
    """

    _list = "wrappers"
    skip_step: bool | dict[str, Any] = False

    def pre_step(self, step_name: str, flow: Any, inputs: Any = None) -> Any:
        """None, or a function of (flow[, inputs]) that runs in place of the step. Setting self.skip_step to True, or
        to arguments of self.next(), skips the step."""
        return None

    def post_step(self, step_name: str, flow: Any, exception: Exception | None = None) -> Any:
        """The exception to raise (None: the step succeeded), or (exception, arguments of self.next() or None)."""
        return (exception, None)


class _Generator(UserStepDecorator):
    """A generator function as a decorator: up to its `yield` before the step, the rest after it."""

    function: Any = None

    def init(self, *args: Any, **kwargs: Any) -> None:
        if args:
            raise FlowError(f"{self.decorator_name} does not allow arguments, only keyword arguments")

    def pre_step(self, step_name: str, flow: Any, inputs: Any = None) -> Any:
        extra = (self._kwargs,) if len(inspect.signature(type(self).function).parameters) == 4 else ()
        self._running = type(self).function(step_name, flow, inputs, *extra)
        try:
            yielded = next(self._running)
        except StopIteration:
            self.skip_step = True
            return None
        if isinstance(yielded, dict):
            self.skip_step = yielded or True
            return None
        return yielded

    def post_step(self, step_name: str, flow: Any, exception: Exception | None = None) -> Any:
        try:
            if exception is not None:
                self._running.throw(exception)
            else:
                next(self._running)
        except StopIteration as end:
            return end.value
        except Exception as error:
            return error
        raise FlowError(f"{self.decorator_name} should only yield once")


def user_step_decorator(function: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """Makes a decorator of steps from a generator: what stands before `yield` runs before the step, the rest after.

    The generator takes (step_name, flow, inputs[, attributes]). It may yield a function that runs in place of the
    step, or a dict to skip it (USER_SKIP_STEP, or arguments of self.next()). An exception of the step comes out of
    the `yield`.

        @user_step_decorator
        def timing(step_name, flow, inputs, attributes):
            begin = time.time()
            yield
            flow.seconds = time.time() - begin
    """
    if function is None:
        return lambda given: user_step_decorator(given, **kwargs)
    if not inspect.isgeneratorfunction(function):
        raise FlowError("@user_step_decorator can only decorate generator functions")
    if len(inspect.signature(function).parameters) not in ((4,) if kwargs else (3, 4)):
        raise FlowError(
            "@user_step_decorator can only decorate generator functions with 3 or 4 arguments "
            "(step_name, flow, inputs [, attributes])"
        )
    name = f"{function.__module__}.{function.__name__}"
    body = {"function": staticmethod(function), "_decorator_name": name, "__module__": function.__module__}
    return _Bare(function.__name__, (_Generator,), body)


def call(flow: Any, name: str, function: Callable[..., Any], wrappers: list[Any], arguments: list[Any]) -> None:
    """Runs a step inside its decorators; calls self.next() as its source says where the step itself did not come to."""
    inputs = arguments[0] if arguments else None
    entered: list[Any] = []
    told: Any = None  # arguments of self.next(), True for the usual ones
    replacement: Any = None
    failure: BaseException | None = None
    for wrapper in reversed(wrappers):
        wrapper.make_ready({})
        replacement = wrapper.pre_step(name, flow, inputs)
        entered.append(wrapper)
        if wrapper.skip_step:
            told = wrapper.skip_step
            break
        if replacement:
            break
    failed = False
    if not told:
        try:
            told = (replacement(flow, *arguments) or None) if replacement else function(*arguments)
        except Exception as error:
            failure, failed = error, True
        if not replacement:
            told = None
    for wrapper in reversed(entered):
        try:
            outcome = wrapper.post_step(name, flow, failure)
        except Exception as error:
            outcome = error
        failure, told = _outcome(outcome, told)
    if failure is not None:
        raise failure
    if (told is not None and told is not False) or failed:
        _go_on(flow, name, told)


def _outcome(outcome: Any, told: Any) -> tuple[BaseException | None, Any]:
    if outcome is None or isinstance(outcome, BaseException):
        return outcome, told
    if isinstance(outcome, tuple) and len(cast("tuple[Any, ...]", outcome)) == 2:
        return cast("tuple[Any, Any]", outcome)
    raise FlowError(
        f"post_step of a UserStepDecorator returned {outcome!r}",
        hint="return an exception, None, or (exception, arguments of self.next)",
    )


def _go_on(flow: Any, name: str, told: Any) -> None:
    from headwater.flow.source import Sources

    calls = Sources().step(getattr(type(flow), name)).nexts
    if not calls:
        return
    usual, options = calls[-1], cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    steps: list[Any] = [getattr(flow, target) for target in usual.targets]
    if usual.condition:
        import json

        steps = [{json.loads(value): getattr(flow, target) for value, target in usual.cases}]
        options = options or {"condition": usual.condition}
    elif usual.gang and not options:
        raise FlowError(f"step {name} is skipped before num_parallel is known", hint='skip it with {"num_parallel": 4}')
    elif usual.foreach and not options:
        options = {"foreach": usual.foreach}
    flow._next = None
    flow.next(*steps, **options)
