"""Parameter and JSONType: values that a run is started with, fixed for its whole life.

Converts text of the command line and values of a run to the declared type; a wrong one is an error that names the
parameter, the value and what was expected.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, cast

from headwater.errors import FlowError

_UNSET: Any = object()
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_TRUE = frozenset(("1", "true", "t", "yes", "y", "on"))
_FALSE = frozenset(("0", "false", "f", "no", "n", "off"))

# Options of `run` that a parameter would hide.
RESERVED_NAMES = frozenset(
    [
        "tag",
        "max-workers",
        "max-num-splits",
        "max-log-size",
        "run-id-file",
        "runner-attribute-file",
        "with",
        "namespace",
        "detach",
        "help",
        "params",
        "origin-run-id",
        "name",
    ]
)


class _JSONType:
    """Type of parameters that hold any JSON value; given as JSON text, seen as Python objects."""

    def __repr__(self) -> str:
        return "JSON"

    __name__ = "JSON"


JSONType = _JSONType()


class DeployTimeContext(NamedTuple):
    """What a function given as `default` is called with."""

    flow_name: str
    user_name: str
    parameter_name: str
    configs: Any = None
    ds_type: str = "headwater"
    logger: Callable[..., None] = print


def user_name() -> str:
    """Who runs the command, as Metaflow finds it."""
    import getpass

    return os.environ.get("METAFLOW_USER") or getpass.getuser()


class ParameterError(FlowError, ValueError):
    """A parameter has a wrong name, type, value or default; the text names all of them."""


class Parameter:
    """A value a flow is started with: `python flow.py run --alpha 0.1`.

    name: on the command line `--name`, in the environment METAFLOW_RUN_NAME or HEADWATER_RUN_NAME.
    default: a value of the type, None, or a function of one argument (see DeployTimeContext) that makes it.
    type: str, int, float, bool or JSONType; by default the type of `default`, else str.
    required: no default, must be given. help, show_default: for `run --help`.
    separator: the text is split there, and the value is a list of str.

    Inside steps `self.alpha` is read-only. Raises ParameterError on a wrong declaration.

        class Train(FlowSpec):
            alpha = Parameter("alpha", default=0.1, help="learning rate")
    """

    IS_CONFIG_PARAMETER = False
    in_package = False  # is the value a file that goes along with the code?

    def __init__(
        self,
        name: str,
        default: Any = _UNSET,
        type: Any = None,
        help: str | None = None,
        required: bool | None = None,
        show_default: bool | None = None,
        separator: str | None = None,
        **unknown: Any,
    ) -> None:
        self.name = name
        if default.__class__.__name__ == "Delayed":
            default = _known_already(default)
        self.type = type if type is not None else _type_of(default)
        self.help = help or ""
        self.required = bool(required)
        self.show_default = show_default is None or show_default
        self.separator = separator
        self.default = None if default is _UNSET else default
        self.attribute = name
        self._check_declaration(unknown)

    def _check_declaration(self, unknown: dict[str, Any]) -> None:
        name = self.name
        if not isinstance(cast(object, name), str) or not _NAME.match(name):
            raise ParameterError(f"parameter name {name!r}: use letters, digits, - and _, starting with a letter")
        if name.replace("_", "-").lower() in RESERVED_NAMES:
            raise ParameterError(f"parameter name {name!r} is taken by an option of `run`; choose another name")
        if unknown:
            raise ParameterError(f"parameter {name!r}: unknown argument {', '.join(sorted(unknown))}")
        if self.type not in (str, int, float, bool, JSONType):
            raise ParameterError(
                f"parameter {name!r}: type {self.type!r} is not one of str, int, float, bool, JSONType"
            )
        if self.separator and self.type is not str:
            raise ParameterError(f"parameter {name!r}: separator needs type str")
        if self.required and self.default is not None:
            raise ParameterError(f"parameter {name!r} is required and has a default; choose one of them")
        if self.default is not None and not callable(self.default):
            self._default(self.default)

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        try:
            return instance._parameters[self.name]
        except KeyError:
            raise AttributeError(f"parameter {self.name!r} has a value only inside a run") from None

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(f"self.{self.attribute} is a parameter, which is read-only; rename the artifact")

    @property
    def type_name(self) -> str:
        return "list of str" if self.separator else str(self.type.__name__)

    def from_text(self, text: str, origin: str = "") -> Any:
        """The value that text stands for, as it travels to the server. origin: the option or variable it came from."""
        if self.type is str:
            return text
        try:
            return _parse(self.type, text)
        except ValueError as error:
            why = f" ({error})" if self.type is JSONType else ""
            raise self._wrong(text, origin, why) from None

    def from_run(self, values: dict[str, Any]) -> Any:
        """The value a step sees, from the parameters of a run, which others than this command may have given."""
        value = values[self.name] if self.name in values else self.resolve_default("")
        if value is None:
            return None
        if self.type is JSONType:
            return value
        if self.type is str:
            text = value if isinstance(value, str) else _plain(value)
            return text.split(self.separator) if self.separator else text
        if isinstance(value, str):
            return self.from_text(value)
        return self._convert(value)

    def resolve_default(self, flow_name: str) -> Any:
        """The value without any given one: the default, or what its function returns; raises when there is none."""
        if self.required:
            raise ParameterError(f"parameter {self.name!r} is required: give --{self.name} VALUE")
        if not callable(self.default):
            return self._default(self.default)
        try:
            value = self.default(DeployTimeContext(flow_name, user_name(), self.name, config_values()))
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise ParameterError(f"parameter {self.name!r}: the function of its default failed: {why}") from error
        return self._default(value)

    def to_wire(self, value: Any) -> Any:
        """The value as JSON. Infinities and NaN, for which it has no word, are text; deep inside, a ParameterError."""
        if isinstance(value, float) and not math.isfinite(value):
            return repr(value)
        if not _is_finite(value):
            raise ParameterError(
                f"parameter {self.name!r}: {value!r} holds a number that JSON cannot say",
                hint="NaN and infinities as text, or as a parameter of type float",
            )
        return value

    def _default(self, value: Any) -> Any:
        if value is None:
            return None
        if self.type is JSONType:
            return self.from_text(value, "its default") if isinstance(value, str) else value
        if isinstance(value, (list, tuple)) and self.separator:
            return self.separator.join(str(each) for each in cast("list[Any]", value))
        if isinstance(value, str):
            return self.from_text(value, "its default")
        return self._convert(value, "its default")

    def _convert(self, value: Any, origin: str = "") -> Any:
        wanted = self.type
        if isinstance(value, bool) is (wanted is bool):
            if wanted is bool or (wanted is float and isinstance(value, (int, float))):
                return wanted(value)
            if wanted is int and (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
                return int(value)
        raise self._wrong(value, origin)

    def _wrong(self, value: Any, origin: str, why: str = "") -> ParameterError:
        given = f"{origin} " if origin else ""
        return ParameterError(f"parameter {self.name!r}: {given}{value!r} is not {_EXPECTED[self.type]}{why}")


_EXPECTED: dict[Any, str] = {
    str: "text",
    int: "an int, for example 3",
    float: "a float, for example 0.5",
    bool: "a bool: true or false",
    JSONType: 'JSON, for example {"a": 1}',
}


def config_values() -> Any:
    module = sys.modules.get("headwater.flow.config")
    return module.ConfigValue(module.known_values()) if module else {}


def _known_already(default: Any) -> Any:
    """The value of an expression whose config is there already, so that the type of the parameter follows from it."""
    try:
        return default()
    except FlowError:
        return default


def _type_of(default: Any) -> Any:
    if isinstance(default, (dict, list)):
        return JSONType
    return type(default) if isinstance(default, (bool, int, float)) else str


def _parse(wanted: Any, text: str) -> Any:
    if wanted is bool:
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise ValueError
        return word in _TRUE
    if wanted is JSONType:
        import json

        return json.loads(text)
    return wanted(text)


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_finite(each) for each in cast("dict[str, Any]", value).values())
    if isinstance(value, (list, tuple)):
        return all(_is_finite(each) for each in cast("list[Any]", value))
    return not isinstance(value, float) or math.isfinite(value)


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def parameters_of(cls: type) -> dict[str, Parameter]:
    """The parameters of a flow class by attribute, inherited ones first."""
    found: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__):
        for attribute, value in vars(base).items():
            if isinstance(value, Parameter):
                found[attribute] = value
            else:
                found.pop(attribute, None)
    return found


def environment_value(name: str, environ: dict[str, str] | Any) -> tuple[str, str] | None:
    """(variable, text) of a parameter given in the environment, Headwater's own variable first."""
    suffix = name.replace("-", "_").upper()
    for variable in (f"HEADWATER_RUN_{suffix}", f"METAFLOW_RUN_{suffix}"):
        if variable in environ:
            return variable, environ[variable]
    return None


def resolve(cls: type, given: dict[str, str], environ: Any, filled: Collection[str] = ()) -> dict[str, Any]:
    """Values of all parameters for a new run: the command line, else the environment, else the default.

    filled: names that get their value later; they may lack one.
    """
    values: dict[str, Any] = {}
    known = [parameter.name for parameter in parameters_of(cls).values()]
    if unknown := [name for name in given if name not in known]:
        raise ParameterError(
            f"flow {cls.__name__} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    for parameter in parameters_of(cls).values():
        name = parameter.name
        if name in given:
            value = parameter.from_text(given[name], f"--{name}")
        elif found := environment_value(name, environ):
            value = parameter.from_text(found[1], found[0])
        elif parameter.required and name in filled:
            continue
        else:
            value = parameter.resolve_default(cls.__name__)
        values[name] = parameter.to_wire(value)
    return values


def stored_with_tasks(cls: type) -> list[str]:
    """Attributes that tasks keep as artifacts, because the parameters of a run do not show them: included files,
    configs, parameters with another name than their attribute or split into lists, and constants of the class."""
    parameters = parameters_of(cls).items()
    found = [key for key, each in parameters if each.in_package or each.separator or each.name != key]
    config = sys.modules.get("headwater.flow.config")
    return [*found, *(config.configs_of(cls) if config else ()), *_constants(cls)]


def shown_otherwise(flow: Any, given: dict[str, Any]) -> list[str]:
    """Parameters that a step sees as something else than its run shows, such as 2.0 for a 2 that an event gave."""
    known = dict.items(flow._parameters)  # without a note that they were read
    changed = [name for name, value in known if name not in given or not _is_same(value, given[name])]
    return [name for name in changed if isinstance(getattr(type(flow), name, None), Parameter)]


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and one == other)


def _constants(cls: type) -> list[str]:
    """Plain values in the body of a flow class: `learning_rate = 0.1`."""
    names: dict[str, None] = {}
    for base in reversed(cls.__mro__):
        if "__getattr__" not in vars(base) and base is not object:  # FlowSpec itself
            for name, value in vars(base).items():
                names.pop(name, None)
                if not (name.startswith("_") or callable(value) or hasattr(type(value), "__get__")):
                    names[name] = None
    return list(names)
