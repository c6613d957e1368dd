"""One word for the Python environment of this process: interpreter, installed packages, code outside of both.

A step without packages of its own runs in the environment that the worker has. Its results are reused only where this
word is the same as in the process that asks for it.
"""
# os.path costs a fraction of pathlib on the path of every package:
# ruff: noqa: PTH112, PTH113, PTH116, PTH118, PTH119, PTH120, PTH208

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator

# Beyond it an editable package is too large to look through, and counts as changed.
MOST_FILES = 10_000
_SITES = ("site-packages", "dist-packages")
_QUOTED_PATH = re.compile(r"""['"](/[^'"\n]+)['"]""")


def fingerprint(own: str) -> str:
    """own: the folder of the flow, whose code travels with the run."""
    stdlib = os.path.realpath(os.path.dirname(os.__file__))
    known = {os.path.realpath(own), stdlib, f"{stdlib}/lib-dynload"}
    digest = hashlib.sha256(sys.version.encode())
    for folder in dict.fromkeys(map(os.path.realpath, sys.path)):
        if folder in known or not os.path.isdir(folder) or _ours(folder):
            continue
        for line in _site(folder) if os.path.basename(folder) in _SITES else _code(folder):
            digest.update(f"{line}\n".encode())
    return digest.hexdigest()[:16]


def _ours(folder: str) -> bool:
    """A checkout of Headwater itself."""
    return any(os.path.isfile(f"{folder}/{name}/__init__.py") for name in ("headwater", "headwater_server")) and (
        os.path.basename(folder) not in _SITES
    )


def _site(folder: str) -> Iterator[str]:
    """Whatever is installed or removed changes the time of the folder; packages in development lie elsewhere."""
    yield f"{folder} {os.stat(folder).st_mtime_ns}"
    for name in sorted(os.listdir(folder)):
        if name.startswith("__editable__") and name.endswith(".py"):
            with open(os.path.join(folder, name), errors="replace") as finder:
                for path in sorted(set(_QUOTED_PATH.findall(finder.read()))):
                    yield from _code(path)


def _code(folder: str) -> Iterator[str]:
    """Names, sizes and times of the Python files of a folder, or of what it names."""
    count = 0
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for name in sorted(files):
            if not name.endswith((".py", ".so", ".pyd")):
                continue
            count += 1
            if count > MOST_FILES:
                yield os.urandom(8).hex()
                return
            found = os.stat(os.path.join(where, name))
            yield f"{where}/{name} {found.st_size} {found.st_mtime_ns}"
