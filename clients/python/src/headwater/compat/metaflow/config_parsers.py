"""Parsers for Config and IncludeFile that Metaflow ships: YAML, requirements.txt, pyproject.toml, environment.yml.

The three of packages return {"packages": {name: version}, "python": version or None}.
"""

from __future__ import annotations

import re
from typing import Any

from headwater.flow.config import ConfigError

_COMMENT = re.compile(r"\s+#.*$")
_CONDA = re.compile(r"([A-Za-z0-9_.-]+)(\s*[=<>!~].+\s*)?$")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[(?P<extras>[^\]]*)\])?\s*"
    r"(?:@\s*(?P<url>\S+)|\(?(?P<versions>(?:\s*(?:===|~=|==|!=|<=|>=|<|>)\s*[^\s,;()]+\s*,?)*)\)?)\s*(?P<marker>;.*)?$"
)


def yaml_parser(content: str) -> Any:
    """YAML text as Python values. Needs PyYAML."""
    try:
        import yaml
    except ImportError:
        raise ConfigError("a config in YAML needs PyYAML", hint="pip install pyyaml") from None
    return yaml.safe_load(content)


def toml_parser(content: str) -> dict[str, Any]:
    """TOML text as a dictionary."""
    import tomllib

    return tomllib.loads(content)


def requirements_txt_parser(content: str) -> dict[str, Any]:
    """The lines of a requirements.txt; options, markers and a second version of Python are refused."""
    parsed: dict[str, Any] = {"packages": {}, "python": None}
    for line in _lines(content):
        if line != "-e file:.":
            _requirement(line, parsed)
    return parsed


def pyproject_toml_parser(content: str) -> dict[str, Any]:
    """`requires-python` and `dependencies` of the [project] table."""
    project = toml_parser(content).get("project", {})
    python = project.get("requires-python")
    parsed: dict[str, Any] = {"packages": {}, "python": python.lstrip("=").strip() if python is not None else None}
    for line in project.get("dependencies", []):
        _requirement(line.strip(), parsed)
    return parsed


def conda_environment_yml_parser(content: str) -> dict[str, Any]:
    """The list below `dependencies:` of an environment.yml, without nested sections."""
    parsed: dict[str, Any] = {"packages": {}, "python": None}
    inside = False
    for line in _lines(content):
        if line.lower().startswith("dependencies:"):
            inside = True
        elif inside and not line.startswith("-"):
            inside = False
        elif inside:
            _conda(line.lstrip("-").strip(), parsed)
    return parsed


def _conda(text: str, parsed: dict[str, Any]) -> None:
    if text.endswith(":"):
        raise ConfigError(f"Unsupported subsection '{text}' in environment.yml.")
    found = _CONDA.match(text)
    if found is None:
        raise ConfigError(f"Line '{text}' is not a valid conda package specifier.")
    _add(found.group(1), found.group(1), (found.group(2) or "").strip().lstrip("=").strip(), parsed, text)


def _requirement(line: str, parsed: dict[str, Any]) -> None:
    found = _REQUIREMENT.match(line)
    if found is None:
        raise ConfigError(f"Not a valid PEP 508 requirement: '{line}'")
    if found["marker"]:
        raise ConfigError(f"Environment markers are not supported for line: '{line}'")
    extras = ",".join(sorted(filter(None, (each.strip() for each in (found["extras"] or "").split(",")))))
    key = found["name"] + (f"[{extras}]" if extras else "") + (f"@{found['url']}" if found["url"] else "")
    parts = sorted(filter(None, (re.sub(r"\s", "", each) for each in (found["versions"] or "").split(","))))
    _add(found["name"], key, ",".join(parts).lstrip(" ="), parsed, line)


def _add(name: str, key: str, version: str, parsed: dict[str, Any], line: str) -> None:
    if name.lower() != "python":
        parsed["packages"][key] = version
        return
    if parsed["python"] is not None and version:
        raise ConfigError(f"Multiple Python version specs not allowed: '{line}'")
    parsed["python"] = version or None


def _lines(content: str) -> list[str]:
    """Without comments and empty lines."""
    stripped = (_COMMENT.sub("", line.strip()).strip() for line in content.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]
