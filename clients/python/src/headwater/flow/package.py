"""The code package: an uncompressed tar of the flow's folder; its bytes depend on names, contents and x bits only.

Owns which files belong to a flow. Never follows a link out of the folder, never runs anything, uploads nothing.
"""
# os.path costs a fraction of pathlib on the path of every run:
# ruff: noqa: PTH100, PTH110, PTH116, PTH118, PTH119, PTH120

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from headwater.errors import FlowError
from headwater.flow.choices import FILE as CHOICES_FILE
from headwater.flow.debugging import debug

MAX_BYTES = 100 << 20
MAX_ENTRIES = 50_000
# Files that are not code go along while they are small: configuration and test data, not data sets.
MAX_DATA_BYTES = 1 << 20

CODE_SUFFIXES = (
    ".py", ".pyi", ".pyx", ".R", ".r", ".RDS", ".Rmd", ".ipynb", ".sh", ".bash", ".sql", ".jl", ".js", ".mjs", ".ts",
    ".lua", ".pl", ".rb", ".go", ".rs", ".c", ".h", ".cc", ".cpp", ".hpp", ".java", ".scala", ".stan",
)  # fmt: skip
DATA_SUFFIXES = (
    ".json", ".jsonl", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".conf", ".txt", ".md", ".csv", ".tsv", ".xml",
    ".html", ".css", ".j2", ".jinja", ".jinja2", ".tmpl", ".proto",
)  # fmt: skip
SKIPPED_FOLDERS = frozenset(("__pycache__", "node_modules", "site-packages", "__MACOSX"))
VENV_MARKS = ("pyvenv.cfg", "conda-meta")


class Member(NamedTuple):
    """One file of a package: its name inside, where it lies, its size, whether it may be executed."""

    name: str
    path: str
    size: int
    executable: bool


class Package(NamedTuple):
    """A built package. `left_out` names files a user may miss, with the reason; `rest` is the digest of all but the
    flow file."""

    data: bytes
    digest: str
    root: str
    members: list[Member]
    left_out: list[str]
    rest: str


def build(
    flow_file: str, suffixes: Iterable[str] = (), included: Iterable[tuple[str, str]] = (), choices: bytes = b""
) -> Package:
    """Packs the folder of a flow file. suffixes: more endings of files to take, whatever their size; included: other
    files, as (name in the package, path); choices: what choices.py wants to tell the tasks.

    Raises FlowError when the package would be larger than 100 MiB, or a file cannot be read.
    """
    root = os.path.realpath(os.path.dirname(os.path.abspath(flow_file)))
    scan = _Scan(root, os.path.basename(flow_file), tuple(_dotted(each) for each in suffixes))
    members = sorted(scan.members(), key=lambda m: os.fsencode(m.name))
    members += [Member(name, path, os.stat(path).st_size, False) for name, path in sorted(included)]
    total = sum(member.size for member in members)
    if total > MAX_BYTES:
        raise _too_large(root, total, members)
    debug("package", f"{len(members)} files, {total} bytes:", *(member.name for member in members))
    data, rest = _tar(members, {CHOICES_FILE: choices} if choices else {}, os.path.basename(flow_file))
    return Package(data, hashlib.sha256(data).hexdigest(), root, members, scan.left_out, rest)


class _Scan:
    """A walk through the folder that a hostile or huge one cannot lead astray."""

    def __init__(self, root: str, flow_file: str, suffixes: tuple[str, ...]) -> None:
        self.root = root
        self.flow_file = flow_file
        self.code = (*CODE_SUFFIXES, *suffixes)
        self.left_out: list[str] = []
        self._entries = 0

    def members(self) -> Iterator[Member]:
        yield from self._folder(self.root, "", (self.root,))

    def _folder(self, folder: str, prefix: str, above: tuple[str, ...]) -> Iterator[Member]:
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if not prefix:
                raise FlowError(f"cannot read the folder of the flow, {folder}: {error.strerror}") from None
            self.left_out.append(f"{prefix} (cannot be read: {error.strerror})")
            return
        if prefix and any(entry.name in VENV_MARKS for entry in listed):
            return
        self._count(len(listed))
        for entry in listed:
            name = f"{prefix}/{entry.name}" if prefix else entry.name
            if not entry.name.startswith(".") or name == self.flow_file:
                yield from self._entry(entry, name, above)

    def _entry(self, entry: os.DirEntry[str], name: str, above: tuple[str, ...]) -> Iterator[Member]:
        path = entry.path
        if entry.is_symlink():
            path = os.path.realpath(path)
            inside = path == self.root or path.startswith(os.path.join(self.root, ""))
            if not inside and name != self.flow_file:
                self.left_out.append(f"{name} (a link out of the folder)")
                return
            if not os.path.exists(path):
                self.left_out.append(f"{name} (a link to nothing)")
                return
        try:
            info = os.stat(path)
        except OSError as error:
            self.left_out.append(f"{name} (cannot be read: {error.strerror})")
            return
        if stat.S_ISDIR(info.st_mode):
            if entry.name not in SKIPPED_FOLDERS and not entry.name.endswith(".egg-info") and path not in above:
                yield from self._folder(path, name, (*above, path))
        elif stat.S_ISREG(info.st_mode) and self._wanted(name, info):
            yield Member(name, path, info.st_size, bool(info.st_mode & stat.S_IXUSR))

    def _wanted(self, name: str, info: os.stat_result) -> bool:
        if name == self.flow_file or name.endswith(self.code):
            return True
        if not name.endswith(DATA_SUFFIXES) and not info.st_mode & stat.S_IXUSR:
            return False
        if info.st_size > MAX_DATA_BYTES:
            self.left_out.append(f"{name} ({readable(info.st_size)}; only files up to 1 MiB go along)")
            return False
        return True

    def _count(self, more: int) -> None:
        self._entries += more
        if self._entries > MAX_ENTRIES:
            raise FlowError(
                f"the folder of the flow, {self.root}, holds more than {MAX_ENTRIES} files",
                hint="put the flow in a folder of its own: all code in its folder is packaged with it",
            )


def _dotted(suffix: str) -> str:
    return suffix if suffix.startswith(".") else f".{suffix}"


def _too_large(root: str, total: int, members: list[Member]) -> FlowError:
    largest = sorted(members, key=lambda m: -m.size)[:5]
    listed = "\n".join(f"  {readable(m.size):>10}  {m.name}" for m in largest)
    return FlowError(
        f"the code package of {root} would have {readable(total)}, and {readable(MAX_BYTES)} is the limit. "
        f"The largest files:\n{listed}\n",
        hint="move them out of the folder of the flow, or drop them from --package-suffixes",
    )


def readable(size: int) -> str:
    """Bytes for people: "3.2 MiB"."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _tar(members: list[Member], made: dict[str, bytes], flow_file: str) -> tuple[bytes, str]:
    """ustar, with a pax header where a name is long: the same bytes from every Python and platform. And the digest of
    what is not the flow file."""
    parts: list[bytes] = []
    rest = hashlib.sha256()
    for member in members:
        before = len(parts)
        try:
            with open(member.path, "rb") as file:
                content = file.read()
        except OSError as error:
            raise FlowError(f"cannot read {member.path} for the code package: {error.strerror}") from None
        name = os.fsencode(member.name)
        if len(name) > 100:
            record = _pax_record(name)
            parts += [_header(b"././@PaxHeader", len(record), b"x", 0o644), _padded(record)]
        parts += [_header(name[:100], len(content), b"0", 0o755 if member.executable else 0o644), _padded(content)]
        if member.name != flow_file:
            for part in parts[before:]:
                rest.update(part)
    for short_name, content in made.items():
        parts += [_header(short_name.encode(), len(content), b"0", 0o644), _padded(content)]
        rest.update(content)
    parts.append(bytes(1024))
    return b"".join(parts), rest.hexdigest()


def _pax_record(name: bytes) -> bytes:
    body = b" path=" + name + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def _header(name: bytes, size: int, kind: bytes, mode: int) -> bytes:
    fields = (
        name.ljust(100, b"\0"), b"%07o\0" % mode, b"0000000\0", b"0000000\0", b"%011o\0" % size, b"00000000000\0",
        b" " * 8, kind, bytes(100), b"ustar\x0000", bytes(64), b"0000000\0", b"0000000\0", bytes(167),
    )  # fmt: skip
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)
