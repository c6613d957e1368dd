"""log_artifact and friends: files of a run, in the one tree that MLflow's clients see and write too.

A copy goes to the spool and is uploaded in the background, so user code neither waits for the network nor has to keep
the file. In a step the uploads are over before the step is.
"""

import json
import os
import posixpath
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from headwater.errors import ArtifactError, FailedPrecondition, InvalidArgument
from headwater.tracking.runs import active_run, run_of
from headwater.tracking.sender import artifact_path
from headwater.tracking.session import session
from headwater.tracking.target import step_run_id

_BAD = ("\\", "#", "?")


def log_artifact(local_path: "str | os.PathLike[str]", artifact_path: str = "", *, run_id: str = "") -> None:
    """Logs a local file or folder under artifact_path, a folder of the run's files ("": its root).

    Raises ArtifactError where it cannot be read, InvalidArgument for a path that leads out of the run.
    """
    source = Path(local_path)
    if source.is_dir():
        log_artifacts(source, posixpath.join(artifact_path, source.name), run_id=run_id)
        return
    put(run_id, posixpath.join(artifact_path, source.name), lambda place: shutil.copyfile(source, place))


def log_artifacts(local_dir: "str | os.PathLike[str]", artifact_path: str = "", *, run_id: str = "") -> None:
    """Logs what is in a folder, with its subfolders. Raises as log_artifact."""
    root = Path(local_dir)
    if not root.is_dir():
        raise ArtifactError(f"{root} is not a folder", path=str(root), hint="log_artifact() takes a file")
    for source in sorted(each for each in root.rglob("*") if each.is_file()):
        path = posixpath.join(artifact_path, source.relative_to(root).as_posix())
        put(run_id, path, lambda place, source=source: shutil.copyfile(source, place))


def log_text(text: str, artifact_file: str, *, run_id: str = "") -> None:
    """Logs text as a file, e.g. "notes/first.txt"."""
    put(run_id, artifact_file, lambda place: place.write_text(text, encoding="utf-8"))


def log_dict(dictionary: Any, artifact_file: str, *, run_id: str = "") -> None:
    """Logs a dictionary or list as JSON, or as YAML where the name ends so and PyYAML is installed."""
    if artifact_file.endswith((".yaml", ".yml")):
        yaml = module("yaml", "pip install pyyaml, or name the file .json")
        text: str = yaml.safe_dump(dictionary, sort_keys=False, allow_unicode=True)
    else:
        try:
            text = json.dumps(dictionary, indent=2, default=plain)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"{artifact_file}: {error}", field="dictionary") from None
    log_text(text, artifact_file, run_id=run_id)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None, run_id: str = "") -> None:
    """Logs a figure of matplotlib (as .png, .svg, .pdf …) or of plotly (as .html, else an image by kaleido)."""
    kind = f"{type(figure).__module__}.{type(figure).__name__}"
    suffix = posixpath.splitext(artifact_file)[1].lower()
    options = save_kwargs or {}
    if hasattr(figure, "savefig"):
        put(run_id, artifact_file, lambda place: figure.savefig(place, **{"format": suffix[1:] or "png", **options}))
    elif kind.startswith("plotly.") and suffix in (".html", ""):
        options = {"include_plotlyjs": "cdn", "auto_open": False} | options
        put(run_id, artifact_file, lambda place: place.write_text(figure.to_html(**_but(options, "auto_open"))))
    elif kind.startswith("plotly."):
        put(run_id, artifact_file, lambda place: place.write_bytes(figure.to_image(format=suffix[1:], **options)))
    else:
        raise InvalidArgument(f"figure is a {kind}, not one of matplotlib or plotly", field="figure")


def list_artifacts(artifact_path: str = "", *, run_id: str = "") -> list[str]:
    """Paths of the files and folders (these end with "/") of a run, below a folder of it."""
    from headwater.client.http import connect

    query = {"run_id": run_of_call(run_id).replace("-", ""), "path": artifact_path}
    files = connect().call("GET", "/api/2.0/mlflow/artifacts/list", query=query).get("files", [])
    return [f"{each['path']}/" if each.get("is_dir") else each["path"] for each in files]


def download_artifact(artifact_file: str, dst_path: "str | os.PathLike[str]" = "", *, run_id: str = "") -> bytes:
    """The bytes of a file of a run; also written to dst_path, if that is given. Raises NotFound."""
    from headwater.client.http import connect

    content = connect().get_bytes(artifact_path(run_of_call(run_id), checked(artifact_file)))
    if dst_path:
        Path(dst_path).write_bytes(content)
    return content


def run_of_call(given: str) -> str:
    """The run that is named, else the active one, else the step's. Raises FailedPrecondition."""
    if given:
        return run_of(given).run_id
    run = active_run()
    found = run.run_id if run is not None else step_run_id()
    if not found:
        raise FailedPrecondition(
            "no run: this is neither a step of a flow nor inside of start_run()",
            hint='name one with run_id=, or: with headwater.start_run(experiment="mine"): …',
        )
    return found


def put(run_id: str, path: str, write: Callable[[Path], object]) -> None:
    run, path = run_of_call(run_id), checked(path)
    try:
        session().upload(run, path, write)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArtifactError(f"{path} cannot be logged: {reason} ({error.filename})", path=path) from None


def checked(path: str) -> str:
    parts = [part for part in str(path).replace(os.sep, "/").split("/") if part]
    bad = any(part in (".", "..") for part in parts) or any(char in str(path) for char in _BAD)
    bad = bad or unquote(str(path)) != str(path)  # somewhere on the way it would become another one
    if not parts or bad or str(path).startswith("/") or not str(path).isprintable():
        raise InvalidArgument(
            f"{path!r} is not a path of a file within a run", field="artifact_file", hint='e.g. "plots/loss.png"'
        )
    return "/".join(parts)


def module(name: str, hint: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise InvalidArgument(f"this needs the package {name.partition('.')[0]}", hint=hint) from None


def plain(value: Any) -> Any:
    """Numbers of numpy and what has a natural text."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else str(value)


def _but(options: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}
