"""@pypi, @pypi_base, @conda, @conda_base: which packages the tasks of a step run with. Only records what is asked for.

environments.py resolves it before a run starts; the worker builds the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from headwater.errors import FlowError
from headwater.flow.card import step_function
from headwater.flow.declare import flow_decorator, step_decorator
from headwater.flow.options import options_of, own_flow_options

_VERSION = re.compile(r"^\d+(\.\d+){0,2}$")
_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._, -]+\])?$")
OLDEST = (3, 11)


class PackageSet(NamedTuple):
    """Packages by name with their versions as they were written, the version of Python ("": that of the one who starts
    the run), and whether it is turned off (None: not said)."""

    kind: str
    packages: dict[str, str]
    python: str = ""
    disabled: bool | None = None

    def over(self, base: PackageSet) -> PackageSet:
        """This set, with what it does not say taken from `base`."""
        disabled = self.disabled if self.disabled is not None else base.disabled
        return PackageSet(self.kind, {**base.packages, **self.packages}, self.python or base.python, disabled)


@step_decorator
def pypi(*, packages: Mapping[str, str] | None = None, python: str | None = None, disabled: bool | None = None) -> Any:
    """Packages of the step from the package index: @pypi(packages={"pandas": "2.3.3", "scipy": ">=1.15"}).

    python: version of the interpreter, which must be on the worker. disabled: the step uses the worker's environment.
    """
    return _for_step(_made("pypi", packages, python, disabled))


@step_decorator
def conda(
    *,
    packages: Mapping[str, str] | None = None,
    libraries: Mapping[str, str] | None = None,
    python: str | None = None,
    disabled: bool | None = None,
) -> Any:
    """As @pypi, with the names of conda: packages are taken from the package index where it has the same.

    libraries: the old name of packages.
    """
    return _for_step(_made("conda", {**(libraries or {}), **(packages or {})}, python, disabled))


@flow_decorator
def pypi_base(
    *, packages: Mapping[str, str] | None = None, python: str | None = None, disabled: bool | None = None
) -> Any:
    """@pypi for all steps of the flow; a step's own @pypi adds to it and overrides it."""
    return _for_flow("pypi_base", _made("pypi", packages, python, disabled))


@flow_decorator
def conda_base(
    *,
    packages: Mapping[str, str] | None = None,
    libraries: Mapping[str, str] | None = None,
    python: str | None = None,
    disabled: bool | None = None,
) -> Any:
    """@conda for all steps of the flow; a step's own @conda adds to it and overrides it."""
    return _for_flow("conda_base", _made("conda", {**(libraries or {}), **(packages or {})}, python, disabled))


def _for_step(wanted: PackageSet) -> Any:
    def record(function: Any) -> Any:
        options = options_of(step_function(wanted.kind, function))
        options.packages.insert(0, wanted)
        options.decorators.insert(0, wanted.kind)
        return function

    return record


def _for_flow(name: str, wanted: PackageSet) -> Any:
    def record(cls: Any) -> Any:
        from headwater.flow.spec import FlowSpec

        if not isinstance(cls, type) or not issubclass(cls, FlowSpec):
            raise FlowError(f"@{name} is put on {cls!r}. Fix: put it above the class of a flow")
        options = own_flow_options(cls)
        options.packages.insert(0, wanted)
        options.decorators.append(name)
        return cls

    return record


def _made(kind: str, packages: Any, python: Any, disabled: Any) -> PackageSet:
    """Raises FlowError."""
    if packages is not None and not isinstance(packages, Mapping):
        raise FlowError(f'@{kind}: packages={packages!r} is not a dict. Fix: packages={{"pandas": "2.3.3"}}')
    found: dict[str, str] = {}
    for name, version in (packages or {}).items():
        plain = str(name).rpartition("::")[2] if kind == "conda" else str(name)
        if not _NAME.match(plain) and not plain.startswith("git+"):
            raise FlowError(f"@{kind}: {name!r} is not the name of a package")
        if "\n" in str(version) or ";" in str(version):
            raise FlowError(f"@{kind}: {name}: {version!r} is not a version")
        found[plain] = str(version)
    return PackageSet(kind, found, _python(kind, python), disabled if disabled is None else bool(disabled))


def _python(kind: str, given: Any) -> str:
    if given in (None, ""):
        return ""
    text = str(given)
    if not _VERSION.match(text):
        raise FlowError(f'@{kind}: python={given!r} is not a version. Fix: python="3.12"')
    numbers = tuple(int(part) for part in text.split("."))
    if len(numbers) == 1 or numbers[:2] < OLDEST:
        raise FlowError(f"@{kind}: python={text} is not possible: steps need Python 3.11 or newer")
    return text
