"""Code packages, unpacked on the node's disk by the digest of their tar.

An archive is hostile input: nothing of it may land outside of its own directory. Appears whole by rename.
"""

import asyncio
import os
import shutil
import tarfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePosixPath

from headwater_server.executor.node import outcomes
from headwater_server.executor.node.children import CannotStart
from headwater_server.executor.node.transfers import Transfers
from headwater_server.kit.errors import ServiceError

MOST_FILES = 100_000
MOST_BYTES = 4 << 30
_KEPT = 64
_UNUSED_FOR = 86400.0


class BadPackage(Exception):
    """An archive that is none of ours; the message says why."""


class Packages:
    def __init__(self, root: Path, transfers: Transfers) -> None:
        self._root, self._transfers = root, transfers
        self._ready: set[str] = set()
        self._under_way: dict[str, asyncio.Task[Path]] = {}
        self._numbers = count(1)

    def find(self, digest: str) -> Path | None:
        """The directory of a package that this agent has used before."""
        return self._root / digest if digest in self._ready else None

    async def ensure(self, project: str, digest: str) -> Path:
        """The directory of a package. Raises CannotStart with the failure of the task."""
        if (found := self.find(digest)) is not None:
            return found
        task = self._under_way.get(digest)
        if task is None:
            task = self._under_way[digest] = asyncio.create_task(self._make(project, digest))
            task.add_done_callback(lambda _: self._under_way.pop(digest, None))
        try:
            return await asyncio.shield(task)
        except BadPackage as error:
            problem = outcomes.failure("CODE_PACKAGE", f"code package {digest}: {error}", retryable=False)
            raise CannotStart(problem) from None
        except ServiceError as error:
            problem = outcomes.failure("CODE_PACKAGE", f"code package {digest}: {error.message}", hint=error.hint)
            raise CannotStart(problem) from None
        except OSError as error:
            problem = outcomes.failure(
                "CODE_PACKAGE", f"code package {digest} cannot be unpacked on this worker: {error}"
            )
            raise CannotStart(problem) from None

    async def _make(self, project: str, digest: str) -> Path:
        target = self._root / digest
        if target.is_dir():
            with suppress(OSError):
                os.utime(target)
        else:
            archive = await self._transfers.get(project, digest)
            await asyncio.to_thread(self._unpack, archive, target)
        self._ready.add(digest)
        return target

    def _unpack(self, archive: Path, target: Path) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        temporary = self._root / f".{os.getpid()}-{next(self._numbers)}"
        try:
            unpack(archive, temporary)
            try:
                temporary.rename(target)
            except OSError:
                if not target.is_dir():  # else another agent was first
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def trim(self, in_use: set[str]) -> None:
        """Removes packages that nobody has used for a day, beyond the newest. Blocks."""
        with suppress(OSError):
            folders = sorted((path.stat().st_mtime, path) for path in self._root.iterdir() if path.is_dir())
            for used, path in folders[:-_KEPT]:
                if used < time.time() - _UNUSED_FOR and path.name not in in_use:
                    self._ready.discard(path.name)
                    shutil.rmtree(path, ignore_errors=True)


def unpack(archive: Path, target: Path) -> None:
    """Unpacks a tar of files, directories and links within it. Raises BadPackage before anything odd is written."""
    target.mkdir()
    try:
        with tarfile.open(archive, "r:") as tar:
            members = tar.getmembers()
            _check(members)
            for member in members:
                tar.extract(member, target, filter=_plain)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BadPackage(f"not a tar archive that can be used: {error}") from None


def _check(members: list[tarfile.TarInfo]) -> None:
    if len(members) > MOST_FILES:
        raise BadPackage(f"{len(members)} files; at most {MOST_FILES} are allowed")
    if sum(member.size for member in members) > MOST_BYTES:
        raise BadPackage(f"more than {MOST_BYTES >> 30} GiB")
    links: set[PurePosixPath] = set()
    for member in members:
        path = _inside(member.name, member.name)
        if not (member.isreg() or member.isdir() or member.issym()):
            raise BadPackage(f"{member.name!r} is neither a file nor a directory nor a symbolic link")
        if any(parent in links for parent in (path, *path.parents)):
            raise BadPackage(f"{member.name!r} would be written through a link")
        if member.issym():
            if member.linkname.startswith("/"):
                raise BadPackage(f"{member.name!r} links to the absolute path {member.linkname!r}")
            _inside(os.path.normpath(path.parent / member.linkname), member.name)
            links.add(path)


def _inside(name: str, shown: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise BadPackage(f"{shown!r} leads out of the package")
    return path


def _plain(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    """Owner and odd modes stay behind; files are read-only, as the next task shares them."""
    mode = (0o555 if member.mode & 0o100 else 0o444) if member.isreg() else 0o755
    return member.replace(mode=mode, uid=os.getuid(), gid=os.getgid(), uname="", gname="", deep=False)
