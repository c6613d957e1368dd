"""Looks at datasets. A task that gets a version notes that it has read it (runtime/reads.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headwater.client.http import API, connect, segment
from headwater.datasets.types import (
    DATUM,
    AliasMove,
    Dataset,
    DatasetFile,
    DatasetVersion,
    parse_dataset,
    parse_file,
    parse_move,
    parse_reference,
    parse_version,
)

if TYPE_CHECKING:
    from headwater.client.http import Connection

PAGE = 1000
# URLs are good for some minutes: fewer of them at a time.
PAGE_WITH_URLS = 200


def project_path(conn: "Connection") -> str:
    return f"{API}/projects/{segment(conn.project)}"


def datasets_path(conn: "Connection", name: str = "", version: str = "") -> str:
    base = f"{project_path(conn)}/datasets"
    base = f"{base}/{segment(name)}" if name else base
    return f"{base}/versions/{segment(version)}" if version else base


def get(reference: "str | DatasetVersion") -> DatasetVersion:
    """The version that "dataset://NAME/VERSION" stands for now; "NAME" alone is its latest.

    VERSION: a number, a name, an alias or latest. Raises NotFound, InvalidArgument.
    """
    asked = parse_reference(reference)
    conn = connect()
    found = parse_version(conn.call("GET", datasets_path(conn, asked.dataset, asked.version))["version"])
    used(found, str(reference))
    return found


def get_dataset(name: str) -> Dataset:
    """A dataset with its aliases. Raises NotFound."""
    conn = connect()
    return parse_dataset(conn.call("GET", datasets_path(conn, name))["dataset"])


def list_datasets() -> list[Dataset]:
    """Every dataset of the project, by name."""
    conn = connect()
    return [parse_dataset(body) for body in conn.pages(datasets_path(conn), "datasets")]


def list_versions(name: str) -> list[DatasetVersion]:
    """Versions of a dataset, newest first. Raises NotFound."""
    conn = connect()
    return [parse_version(body) for body in conn.pages(f"{datasets_path(conn, name)}/versions", "versions")]


def list_moves(name: str, alias: str = "") -> list[AliasMove]:
    """Every move of the aliases of a dataset, newest first."""
    conn = connect()
    return [parse_move(body) for body in conn.pages(f"{datasets_path(conn, name)}/moves", "moves", {"alias": alias})]


def files(reference: "str | DatasetVersion", path: str = "") -> Iterator[DatasetFile]:
    """The files of a version, in the order of their paths; path: only this file, or those of this folder.

    Raises NotFound. Alias and latest are looked up once: all files are of one version.
    """
    asked = parse_reference(reference)
    version = get(f"{asked.dataset}/{asked.version}")
    return pages(version, path or asked.path)


def pages(version: DatasetVersion, path: str = "", *, urls: bool = False) -> Iterator[DatasetFile]:
    """urls: with the URLs to read them."""
    conn = connect()
    where = f"{datasets_path(conn, version.dataset, str(version.version))}/files"
    size = PAGE_WITH_URLS if urls else PAGE
    for body in conn.pages(where, "files", {"path": path, "urls": urls or None}, page_size=size):
        yield parse_file(body)


def datum(reference: str) -> tuple[DatasetFile, str]:
    """(the file that "datum://ID" stands for, the URI of a version that has it; "" for a blob alone). ID: of a file of
    a dataset, an alias of one, or the sha256 of a blob. Raises NotFound."""
    conn = connect()
    ident = reference.removeprefix(DATUM)
    reply = conn.call("GET", f"{project_path(conn)}/datums/{segment(ident)}")
    file = parse_file(reply["file"])
    home = f"dataset://{reply['dataset']}/{reply['version']}" if reply.get("dataset") else ""
    note({"uri": file.uri, "digest": file.digest or file.etag, **({"dataset": home} if home else {})}, reference)
    return file, home


def resolve(*references: str) -> list[str]:
    """The same references, naming one version or one file for good. Raises NotFound, InvalidArgument."""
    conn = connect()
    body: dict[str, Any] = {"uris": list(references)}
    return conn.call("POST", f"{project_path(conn)}/references", body, repeatable=True).get("uris", [])


def used(version: DatasetVersion, asked: str) -> None:
    note({"uri": version.uri, "digest": version.digest}, asked)


def note(entry: dict[str, str], asked: str) -> None:
    """A task has read this. `asked` names it otherwise: by an alias, say, which is another version tomorrow."""
    from headwater.runtime.reads import read_data

    known = asked if "://" in asked else f"dataset://{asked}"
    pinned = known == entry["uri"] or known.startswith(f"{entry['uri']}/")
    read_data(entry if pinned else {**entry, "asked": known})
