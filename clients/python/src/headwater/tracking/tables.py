"""log_table and load_table: a table of a run as one JSON file that grows, as mlflow's clients write and read it."""

import json
import posixpath
from collections.abc import Sequence
from typing import Any

from headwater.errors import InvalidArgument, NotFound
from headwater.tracking.files import checked, download_artifact, log_text, module, plain, run_of_call

_TAG = "mlflow.loggedArtifacts"
# What this process has logged to a table: (run, file) -> {"columns", "data"}.
_tables: dict[tuple[str, str], dict[str, Any]] = {}


def log_table(data: Any, artifact_file: str, *, run_id: str = "") -> None:
    """Appends rows to a table of the run, which is made on first use.

    data: a DataFrame, or {column: [values]} or {column: value}. artifact_file: e.g. "eval.json". Columns that the table
    or the rows lack are filled with null. Raises InvalidArgument.
    """
    path, run = checked(artifact_file), run_of_call(run_id)
    if posixpath.splitext(path)[1] != ".json":
        raise InvalidArgument(f"{artifact_file!r} must end with .json", field="artifact_file")
    columns, rows = _rows(data)
    table = _tables.get((run, path)) or _known(run, path)
    new = [name for name in columns if name not in table["columns"]]
    if new:
        table["columns"] += new
        table["data"] = [row + [None] * len(new) for row in table["data"]]
    place = {name: at for at, name in enumerate(columns)}
    table["data"] += [[row[place[name]] if name in place else None for name in table["columns"]] for row in rows]
    _tables[run, path] = table
    log_text(json.dumps(table, default=plain), path, run_id=run)
    _remember(run, path)


def load_table(artifact_file: str, run_ids: "Sequence[str] | str" = (), extra_columns: Sequence[str] = ()) -> Any:
    """The rows of a table, of the active run or of several, as a DataFrame.

    extra_columns: attributes of the run to add to each row, e.g. ["run_id"]. Raises NotFound.
    """
    pandas = module("pandas", "pip install pandas")
    runs = [run_ids] if isinstance(run_ids, str) else list(run_ids)
    frames: list[Any] = []
    for run in runs or [run_of_call("")]:
        table = json.loads(download_artifact(artifact_file, run_id=run))
        frame = pandas.DataFrame(table["data"], columns=table["columns"])
        for name in extra_columns:
            frame[name] = run if name == "run_id" else getattr(_tracked(run), name)
        frames.append(frame)
    return pandas.concat(frames, ignore_index=True)


def _tracked(run_id: str) -> Any:
    from headwater.tracking.query import get_run

    return get_run(run_id)


def _rows(data: Any) -> tuple[list[str], list[list[Any]]]:
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        return [str(name) for name in data.columns], [list(row) for row in data.itertuples(index=False, name=None)]
    if not isinstance(data, dict) or not data:
        raise InvalidArgument(
            f"data is a {type(data).__name__}, not a DataFrame or a dictionary of columns", field="data"
        )
    given: dict[str, Any] = data
    lists = {name: _column(values) for name, values in given.items()}
    lengths = {len(values) for values in lists.values()}
    if len(lengths) > 1:
        told = ", ".join(f"{name}: {len(values)}" for name, values in lists.items())
        raise InvalidArgument(f"data: the columns differ in length ({told})", field="data")
    return [str(name) for name in lists], [list(row) for row in zip(*lists.values(), strict=True)]


def _column(values: Any) -> list[Any]:
    if hasattr(values, "tolist"):
        values = values.tolist()
    return list(values) if isinstance(values, (list, tuple)) else [values]


def _known(run: str, path: str) -> dict[str, Any]:
    """The table as an earlier process left it, where the run was not begun by this one."""
    from headwater.errors import Unavailable
    from headwater.tracking.runs import run_of

    if not run_of(run).created:
        try:
            return json.loads(download_artifact(path, run_id=run))
        except NotFound:
            pass
        except Unavailable as error:
            error.hint = "a table of an earlier process can only be continued while the server is there"
            raise
    return {"columns": [], "data": []}


def _remember(run: str, path: str) -> None:
    """The tag by which MLflow's UI finds tables."""
    from headwater.tracking.log import set_tag

    mine = sorted(name for each, name in _tables if each == run)
    set_tag(_TAG, json.dumps([{"path": name, "type": "table"} for name in mine]), run_id=run)
