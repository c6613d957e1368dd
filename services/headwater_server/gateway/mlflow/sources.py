"""Where the files of a model version may lie: hostile input, for whoever loads the version goes there. Pure.

Never on this server's disk, never above of what it names; below mlflow-artifacts only in the run or logged model that
the request names.
"""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote_plus, urlsplit

from headwater_server.gateway.mlflow import artifact_paths as paths
from headwater_server.gateway.mlflow.errors import MlflowError

PLACEHOLDERS = ("dummy-source", "prompt-template")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*\Z")
_MODEL_ID = re.compile(r"models:/(m-[^/@]+)\Z")
_VERSION = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))\Z")
# Hosts that a URI names itself, rather than storage that somebody has set up.
_HOSTED = ("http", "https", "ftp", "sftp")


@dataclass(frozen=True)
class OfModel:
    """models:/<name>/<version or stage> or models:/<name>@<alias>; version: as the registry takes it."""

    name: str
    version: str


def logged_model_of(source: str) -> str:
    """The id in models:/m-…; "": it is something else."""
    found = _MODEL_ID.match(source)
    return found[1] if found else ""


def version_of(source: str) -> OfModel | None:
    """Raises MlflowError for a models: URI that is none."""
    if urlsplit(source).scheme.lower() != "models" or logged_model_of(source):
        return None
    found = _VERSION.match(source)
    if found is None:
        raise _mismatch(source, "model_id")
    return OfModel(found["name"], f"@{found['alias']}" if found["alias"] else found["version"])


def check_source(source: str, run_id: str, model_id: str) -> None:
    """Of a version whose files are not those of another version. Raises MlflowError."""
    parts = _parts(source)
    scheme = parts.scheme.lower()
    if scheme in ("", "file") or not _SCHEME.match(scheme):
        raise _local(source, "model_id" if model_id else "run_id")
    _check_relative(source)
    if scheme in ("runs", "models", paths.SCHEME) and parts.netloc:
        raise _mismatch(source, "model_id" if model_id or scheme == "models" else "run_id")
    if scheme == "runs":
        if model_id or parts.path.lstrip("/").partition("/")[0] != run_id or not run_id:
            raise _mismatch(source, "model_id" if model_id else "run_id")
    elif scheme == "models":
        if not model_id or logged_model_of(source) != model_id:
            raise _mismatch(source, "model_id")
    elif scheme == paths.SCHEME:
        root = paths.model_root(model_id) if model_id else paths.run_root(run_id) if run_id else ""
        place = paths.of_uri(source) or ""
        if not root or (place != root and not place.startswith(f"{root}/")):
            raise _mismatch(source, "model_id" if model_id else "run_id")
    elif scheme in _HOSTED:
        raise MlflowError(
            f"'source' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a host other than the "
            "tracking server's configured artifact storage."
        )


def check_prompt(source: str) -> None:
    if source not in PLACEHOLDERS:
        raise MlflowError(f"Invalid prompt source: '{source[:300]}'. Prompt sources must use an MLflow placeholder.")


def _parts(source: str) -> SplitResult:
    try:
        return urlsplit(source)
    except ValueError:
        raise MlflowError(f"Invalid model version source: '{source[:300]}'.") from None


def _check_relative(source: str) -> None:
    text, rounds = source, 0
    while (decoded := unquote_plus(text)) != text:
        text, rounds = decoded, rounds + 1
        if rounds > 20:
            raise _relative(source)
    bad = "\\" in text or "#" in text or any(ord(c) < 32 or ord(c) == 127 for c in text)
    steps = re.split(r"[/?&=;]", text)
    if bad or any(step in (".", "..") for step in steps) or not text.strip():
        raise _relative(source)


def _relative(source: str) -> MlflowError:
    return MlflowError(
        f"Invalid model version source: '{source[:300]}'. If supplying a source as an http, https, local file path, "
        "ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path "
        "references present. Please provide an absolute path."
    )


def _local(source: str, what: str) -> MlflowError:
    owner = "model_id" if what == "model_id" else "run_id"
    return MlflowError(
        f"Invalid model version source: '{source[:300]}'. To use a local path as a model version source, the {owner} "
        "request parameter has to be specified and the local path has to be contained within the artifact directory "
        f"of the run specified by the {owner}."
    )


def _mismatch(source: str, what: str) -> MlflowError:
    return MlflowError(
        f"Invalid model version source: '{source[:300]}'. The {what} request parameter must identify the resource "
        "that contains the source."
    )
