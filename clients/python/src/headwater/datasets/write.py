"""Makes versions of datasets, moves aliases, tags, deletes."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from headwater.client.http import Connection, connect, segment
from headwater.client.requests import request_id
from headwater.datasets.read import datasets_path, project_path
from headwater.datasets.sources import Content, gather, with_properties
from headwater.datasets.types import (
    DATUM,
    AliasMove,
    Dataset,
    DatasetFile,
    DatasetVersion,
    parse_dataset,
    parse_move,
    parse_reference,
    parse_version,
)
from headwater.errors import ArtifactError, InvalidArgument

TIMEOUT = 120.0
_UPLOADS = 8
_ROUNDS = 3


def create_version(
    dataset: str,
    sources: Any,
    *,
    keep: Sequence[str] = (),
    exclude: Sequence[str] = (),
    name: str = "",
    aliases: Iterable[str] = (),
    tags: Mapping[str, Any] | None = None,
    description: str = "",
    properties: Mapping[str, Mapping[str, Any]] | None = None,
) -> DatasetVersion:
    """Makes the next version of a dataset, which is made with its first. The event dataset.version_created follows.

    sources: one source or a list of them, see Source. A file that is given replaces one of the same path that another
    version brings. keep, exclude: globs for all sources that have none of their own; "*.csv" is a name in any folder,
    "train/*.csv" a path, "raw" a folder with all that is in it. name: beside the number; it may not be taken.
    aliases: moved to the version in the same moment. properties: path → what is to be known of a file, as JSON.
    In a step, a repeated attempt of the task gets the version that the first one made.
    Raises InvalidArgument, AlreadyExists, NotFound, ArtifactError, and what S3 says of adopted objects.

        create_version("digits", ["new/", "dataset://digits/latest"], exclude=["*.tmp"], aliases=["production"])
    """
    several = list(sources) if isinstance(sources, (list, tuple)) else [sources]
    if not several:
        raise InvalidArgument("sources: there is none", field="sources", hint='e.g. ["data/", "dataset://other/3"]')
    parts = [gather(each, keep, exclude) for each in several]
    with_properties(parts, properties or {})
    body: dict[str, Any] = {
        "name": name,
        "sources": [part.body for part in parts],
        "description": description,
        "tags": _texts(tags),
        "aliases": [aliases] if isinstance(aliases, str) else list(aliases),
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    body["requestId"] = request_id("dataset", dataset, digest)
    contents = {digest: content for part in parts for digest, content in part.contents.items()}
    conn = connect()
    for _ in range(_ROUNDS):
        reply = conn.call("POST", f"{datasets_path(conn, dataset)}/versions", body, timeout=TIMEOUT)
        if not reply.get("missingDigests"):
            return parse_version(reply["version"])
        _upload(conn, reply["missingDigests"], contents)
    raise ArtifactError("files were removed from the server while they were stored", hint="try again")


def _upload(conn: Connection, missing: list[str], contents: Mapping[str, Content]) -> None:
    from headwater.artifacts import blobs

    def store(digest: str) -> None:
        content = contents.get(digest)
        if content is None:
            raise ArtifactError(f"the server has lost blob {digest}", hint="make the artifact again")
        if blobs.put(content, conn) != digest:
            raise ArtifactError(f"{content} was changed while it was stored", hint="try again when it is finished")

    with ThreadPoolExecutor(_UPLOADS) as threads:
        list(threads.map(store, missing))


def set_alias(
    dataset: str, alias: str, version: "DatasetVersion | int | str", *, reason: str = "", expected: int | None = None
) -> AliasMove:
    """Points an alias at a version (a DatasetVersion, a number, a name, another alias, or "latest").

    expected: refuse (Aborted) unless it points at that version now; 0: unless it is not set. The event
    dataset.alias_moved follows.
    """
    word = str(version.version if isinstance(version, DatasetVersion) else version)
    body: dict[str, Any] = {"version": word, "reason": reason}
    body["requestId"] = request_id("dataset alias", dataset, alias, word, reason)
    if expected is not None:
        body["expectedVersion"] = expected
    return parse_move(connect().call("PUT", _alias_path(dataset, alias), body)["move"])


def remove_alias(dataset: str, alias: str, *, reason: str = "") -> AliasMove:
    """Takes an alias away. Raises NotFound."""
    return parse_move(connect().call("DELETE", _alias_path(dataset, alias), query={"reason": reason})["move"])


def _alias_path(dataset: str, alias: str) -> str:
    if not alias:
        raise InvalidArgument("alias is empty", field="alias", hint='name one, e.g. alias="production"')
    return f"{datasets_path(connect(), dataset)}/aliases/{segment(alias)}"


def set_datum_alias(alias: str, file: "DatasetFile | str") -> str:
    """Gives a single file a name: datum://ALIAS. file: a DatasetFile or "datum://ID"; returns its datum:// URI."""
    conn = connect()
    uri = file.uri if isinstance(file, DatasetFile) else file
    path = f"{project_path(conn)}/datum-aliases/{segment(alias)}"
    return DATUM + conn.call("PUT", path, {"datum": uri.removeprefix(DATUM)})["datumId"]


def remove_datum_alias(alias: str) -> None:
    """Raises NotFound."""
    conn = connect()
    conn.call("DELETE", f"{project_path(conn)}/datum-aliases/{segment(alias)}")


def tag(
    reference: "str | DatasetVersion", tags: Mapping[str, Any] | None = None, *, delete: Iterable[str] = ()
) -> "Dataset | DatasetVersion":
    """Sets and deletes tags of "NAME/VERSION", or of the dataset "NAME" itself; how it is now."""
    conn = connect()
    body = {"setTags": _texts(tags), "deleteTags": list(delete)}
    text = str(reference).removeprefix("dataset://")
    if "/" not in text:
        return parse_dataset(conn.call("PATCH", datasets_path(conn, text), body)["dataset"])
    asked = parse_reference(reference)
    return parse_version(conn.call("PATCH", datasets_path(conn, asked.dataset, asked.version), body)["version"])


def delete(reference: "str | DatasetVersion") -> None:
    """Deletes the version "NAME/VERSION" with its aliases, or the dataset "NAME" with all versions. Raises NotFound."""
    conn = connect()
    text = str(reference).removeprefix("dataset://")
    if "/" not in text:
        conn.call("DELETE", datasets_path(conn, text))
        return
    asked = parse_reference(reference)
    conn.call("DELETE", datasets_path(conn, asked.dataset, asked.version))


def _texts(tags: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (tags or {}).items()}
