"""Config: configuration of a flow, read before its decorators and fixed for the run.

From `--config NAME FILE`, `--config-value NAME TEXT`, METAFLOW_FLOW_CONFIG[_VALUE], or its default; in a task from the
code package (choices.py).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, cast

from headwater.flow.choices import chosen
from headwater.flow.debugging import debug
from headwater.flow.delayed import Delayed
from headwater.flow.parameters import DeployTimeContext, ParameterError, user_name

OPTIONS = ("--config", "--config-value")
_KNOWN: dict[str, Config] = {}


class ConfigError(ParameterError):
    """A config has no value, or one that cannot be read."""


class ConfigValue(dict[Any, Any]):
    """A mapping that can be read as attributes too, `config.model.depth`, and cannot be changed."""

    def __init__(self, data: Mapping[Any, Any]) -> None:
        super().__init__({key: _wrapped(value) for key, value in data.items()})

    @classmethod
    def fromkeys(cls, iterable: Any, value: Any = None) -> ConfigValue:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cls(dict.fromkeys(iterable, value))

    def to_dict(self) -> dict[Any, Any]:
        """Plain dictionaries all the way down."""
        return _plain(self)

    def copy(self) -> ConfigValue:
        return ConfigValue(self)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"the config has no {name!r}; it has {', '.join(map(str, self)) or 'nothing'}"
            ) from None

    def _fixed(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("ConfigValue is immutable")

    __setattr__ = __delattr__ = __setitem__ = __delitem__ = __ior__ = _fixed  # pyright: ignore[reportAssignmentType]
    clear = update = setdefault = pop = popitem = _fixed  # pyright: ignore[reportAssignmentType]

    def __reduce__(self) -> Any:
        return ConfigValue, (self.to_dict(),)


class Config:
    """Configuration of a flow, given as `python flow.py --config NAME FILE run`.

    default: path of a file; default_value: text, a dict, or (as default may be) a function of the context that makes
    it. parser: a function from text to a mapping, or the name of one, "package.module.function" (those that begin with
    a dot are Metaflow's: ".plugins.parsers.yaml_parser"); by default JSON. plain: the parser's result as it is.
    Raises ConfigError when a value is missing or cannot be read.

        class Train(FlowSpec):
            config = Config("config", default="train.json")

            @resources(cpu=config.cpu)
            @step
            def start(self):
                print(self.config.model.depth)
    """

    IS_CONFIG_PARAMETER = True

    def __init__(
        self,
        name: str,
        default: str | Callable[[Any], str] | None = None,
        default_value: Any = None,
        help: str | None = None,
        required: bool | None = None,
        parser: str | Callable[[str], Any] | None = None,
        plain: bool = False,
        show_default: bool | None = None,
    ) -> None:
        if default is not None and default_value is not None:
            raise ConfigError(f"For config '{name}', you can only specify default or default_value, not both")
        self.name = name
        self.help = help or ""
        self.required = bool(required)
        self.plain = plain
        self._default = default
        self._default_value = default_value
        self._parser = parser
        self._value: Any = None
        self._text: str | None = None
        self._read = False
        self._attribute = name
        _KNOWN[name] = self

    def __set_name__(self, owner: type, attribute: str) -> None:
        self._attribute = attribute

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else self.value()

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(f"self.{self._attribute} is a config, which is read-only; rename the artifact")

    def value(self) -> Any:
        """A ConfigValue, what the parser made when `plain`, or None. Raises ConfigError."""
        if not self._read:
            self._value = self._load()
            self._read = True
        return self._value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return getattr(self.value(), name)
        except (ConfigError, AttributeError):
            return getattr(Delayed(self.name), name)  # whoever uses it gets the reason

    def __getitem__(self, key: Any) -> Any:
        try:
            return self.value()[key]
        except (ConfigError, LookupError, TypeError):
            return Delayed(self.name)[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value())

    def keys(self) -> Any:
        try:
            return self.value().keys()
        except (ConfigError, AttributeError):
            return Delayed(self.name).keys()

    def __repr__(self) -> str:
        return f"Config({self.name!r})"

    def travelling(self) -> dict[str, Any]:
        """What a task needs to have the same value."""
        value = self.value()
        import json

        try:
            return {"value": json.loads(json.dumps(_plain(value)))}
        except (TypeError, ValueError):
            return {"text": self._text}

    def _load(self) -> Any:
        if self.name in chosen.configs:
            given = chosen.configs[self.name]
            return self._made(given["value"]) if "value" in given else self._parsed(given["text"])
        found = self._given()
        if found is None and self.required:
            raise ConfigError(f"missing configuration for '{self.name}': give --config {self.name} FILE")
        if found is None or isinstance(found, str):
            return None if found is None else self._parsed(found)
        return self._made(found)

    def _given(self) -> Any:
        """Text or a mapping: from the command line, the environment, the default."""
        files, values = command_line(sys.argv)
        if self.name in files and self.name in values:
            raise ConfigError(
                "Cannot provide both a value and a file for the same configuration. "
                f"Found such values for '{self.name}'"
            )
        if not (self.name in files or self.name in values):
            files, values = _environment("METAFLOW_FLOW_CONFIG"), _environment("METAFLOW_FLOW_CONFIG_VALUE")
        if self.name in files:
            return self._file(files[self.name], "configuration file")
        if self.name in values:
            return values[self.name]
        if self._default is not None:
            return self._file(self._called(self._default), "default configuration file")
        return self._called(self._default_value)

    def _called(self, default: Any) -> Any:
        if not callable(default):
            return default
        return default(DeployTimeContext(flow_name="", user_name=user_name(), parameter_name=self.name))

    def _file(self, path: Any, what: str) -> str:
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigError(f"{what} '{path}' could not be read for '{self.name}': {why}") from None

    def _parsed(self, text: str) -> Any:
        debug("userconf", f"Loaded config {self.name} as: {text}")
        self._text = text
        if self._parser is None:
            import json

            try:
                return self._made(json.loads(text))
            except ValueError as error:
                raise ConfigError(f"configuration value for '{self.name}' is not valid JSON: {error}") from None
        try:
            return self._made(load_parser(self._parser)(text))
        except ConfigError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise ConfigError(f"configuration value for '{self.name}' could not be parsed: {why}") from error

    def _made(self, value: Any) -> Any:
        if self.plain or value is None:
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(f"configuration value for '{self.name}' is {type(value).__name__}, not a mapping")
        return ConfigValue(cast("Mapping[Any, Any]", value))


def load_parser(parser: str | Callable[[str], Any]) -> Callable[[str], Any]:
    """A parser by itself or by name. Raises ConfigError."""
    if callable(parser):
        return parser
    from importlib import import_module

    name = f"headwater.compat.metaflow.names{parser}" if parser.startswith(".") else parser
    path, _, function = name.rpartition(".")
    try:
        found = getattr(import_module(path), function)
    except (ImportError, ValueError, AttributeError):
        raise ConfigError(f"Cannot locate parser {parser}") from None
    return cast("Callable[[str], Any]", found)


def configs_of(cls: type) -> dict[str, Config]:
    """The configs of a flow class by attribute, inherited ones first."""
    found: dict[str, Config] = {}
    for base in reversed(cls.__mro__):
        for attribute, value in vars(base).items():
            if isinstance(value, Config):
                found[attribute] = value
            else:
                found.pop(attribute, None)
    return found


def values_of(cls: type) -> dict[str, Any]:
    """Values of the configs of a flow class by their names, for expressions."""
    return {config.name: config.value() for config in configs_of(cls).values()}


def known_values() -> dict[str, Any]:
    return {name: config.value() for name, config in _KNOWN.items()}


def command_line(argv: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """(name → file, name → text) of the options of a command line; classes are made before anybody parses it."""
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for position, word in enumerate(argv):
        if word in OPTIONS and len(argv) > position + 2:
            found[OPTIONS.index(word)][argv[position + 1]] = argv[position + 2]
    return found


def _environment(variable: str) -> dict[str, Any]:
    text = os.environ.get(variable)
    if not text:
        return {}
    import json

    try:
        given = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{variable} is not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise ConfigError(f'{variable} must be JSON like {{"config": …}}')
    return cast("dict[str, Any]", given)


def _wrapped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return ConfigValue(cast("Mapping[Any, Any]", value))
    return type(value)(_wrapped(each) for each in value) if isinstance(value, (list, tuple)) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in cast("Mapping[Any, Any]", value).items()}
    return type(value)(_plain(each) for each in value) if isinstance(value, (list, tuple)) else value
