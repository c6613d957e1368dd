"""Which files a new version has: globs that keep and exclude, sources on top of one another, what may not be. Pure."""

import fnmatch
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from headwater_server.artifact.datasets.names import check_file
from headwater_server.artifact.paths import parents
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

MOST_FILES = 200_000
MOST_GLOBS = 200
MAX_GLOB = 500
Test = Callable[[str], object] | None


class File(NamedTuple):
    """A file of a version: a blob, or an object that lies elsewhere (uri, etag, object_version)."""

    path: str
    datum: uuid.UUID
    digest: bytes | None
    size: int
    uri: str | None = None
    etag: str | None = None
    object_version: str | None = None
    properties: dict[str, Any] | None = None


class Part(NamedTuple):
    """What one source brings. given: file by file, by whoever asks; else by a dataset."""

    uri: str
    files: list[File]
    given: bool


class Selected(NamedTuple):
    """In the order of paths; counts: how many files each source has brought in the end."""

    files: list[File]
    counts: list[int]


def select(parts: Sequence[Part]) -> Selected:
    """Raises InvalidArgument where a path has two files, or is a file and a folder."""
    found: dict[str, tuple[int, File]] = {}
    for number, part in enumerate(parts):
        for file in part.files:
            before = found.get(file.path)
            if before is not None and not _replaces(part, parts[before[0]], file, before[1]):
                continue
            found[file.path] = (number, file)
    if len(found) > MOST_FILES:
        raise InvalidArgument(f"sources: {len(found):,} files, at most {MOST_FILES:,} fit into a version",
                              field="sources", hint="pack small files together")  # fmt: skip
    for path in found:
        for folder in parents(path):
            if folder in found:
                text = f"path: {folder!r} would be both a file and a folder, because of {path!r}"
                raise InvalidArgument(text, field="path", hint="rename one of them, or put it elsewhere with `to`")
    counts = [0] * len(parts)
    for number, _ in found.values():
        counts[number] += 1
    return Selected([found[path][1] for path in sorted(found, key=str.encode)], counts)


def _replaces(part: Part, other: Part, file: File, before: File) -> bool:
    """Does a file take the place of one that came before? Raises InvalidArgument where neither gives way."""
    if _content(file) == _content(before) and file.properties == before.properties:
        return False
    if part.given != other.given:
        return part.given
    text = f"path: {file.path!r} is there twice, from {shown(other.uri)} and {shown(part.uri)}"
    hint = "leave one out with `exclude`, or put one source into a folder with `to`"
    raise InvalidArgument(text, field="path", hint=hint, reason="DUPLICATE_PATH")


def _content(file: File) -> tuple[Any, ...]:
    return file.digest, file.size, file.uri, file.etag, file.object_version


def datum_id(project: str, path: str, content: Sequence[Any], properties: dict[str, Any] | None) -> uuid.UUID:
    """Equal for equal files of a project: a file that a version repeats keeps its id."""
    text = msgspec.json.encode([project, path, *(str(each or "") for each in content), properties], order="sorted")
    return uuid.uuid5(uuid.NAMESPACE_URL, text.decode())


def digest_of(files: Iterable[File]) -> bytes:
    """sha256 of paths and contents."""
    found = hashlib.sha256()
    for each in files:
        content = (
            each.digest.hex()
            if each.digest
            else "\0".join((each.uri or "", each.etag or "", each.object_version or ""))
        )
        found.update(f"{each.path}\0{content}\0{each.size}\n".encode())
    return found.digest()


def picked(files: Iterable[File], keep: Sequence[str], exclude: Sequence[str], to: str) -> list[File]:
    """Those that the globs leave, below the folder `to`."""
    kept, excluded = matcher(keep, "keep"), matcher(exclude, "exclude")
    left = [each for each in files if (not keep or kept(each.path)) and not excluded(each.path)]
    return [each._replace(path=check_file(f"{to}/{each.path}")) for each in left] if to else left


def matcher(globs: Sequence[str], field: str) -> Callable[[str], bool]:
    """The test whether a path matches one of the globs. Raises InvalidArgument for what is no glob."""
    if len(globs) > MOST_GLOBS:
        raise InvalidArgument(f"{field}: {len(globs)} globs, at most {MOST_GLOBS} are allowed", field=field)
    tests = [segments(each, field) for each in globs]

    def matches(path: str) -> bool:
        names = path.split("/")
        return any(_matches(test, names) for test in tests)

    return matches


@lru_cache(1000)
def segments(glob: str, field: str) -> tuple[Test, ...]:
    """The tests of a glob, segment by segment; None is `**`. `*`, `?` and `[…]` stay inside of a segment; a glob
    without a slash is a name in any folder; the name of a folder stands for all that is in it."""
    text = glob.rstrip("/")
    names = text.split("/")
    if not text or len(glob) > MAX_GLOB or not glob.isprintable() or any(name in ("", ".", "..") for name in names):
        hint = 'e.g. "*.csv" (in any folder), "train/*.csv", "raw/**"'
        raise InvalidArgument(f"{field}: {shown(glob)} is not a glob of paths", field=field, hint=hint)
    tests: list[Test] = [None if name == "**" else re.compile(fnmatch.translate(name)).match for name in names]
    return (*([None] if len(names) == 1 else []), *tests, None)


def _matches(tests: tuple[Test, ...], names: list[str]) -> bool:
    """In time of tests times names, whatever they are."""
    at, name, star, mark = 0, 0, -1, 0
    while name < len(names):
        test = tests[at] if at < len(tests) else _never
        if test is None:
            star, mark, at = at, name, at + 1
        elif test(names[name]):
            at, name = at + 1, name + 1
        elif star >= 0:
            mark += 1
            at, name = star + 1, mark
        else:
            return False
    return all(test is None for test in tests[at:])


def _never(name: str) -> None:
    return None
