"""Data by its name, wherever it is: get() gives a path on this machine, open() a file to read.

    with open("dataset://digits/production/labels.csv") as file: ...

A name is dataset://NAME/VERSION[/PATH] or datum://ID; see headwater.datasets. headwater.artifacts.blobs puts and gets
content-addressed bytes.
"""

import os
from pathlib import Path
from typing import IO, Any


def get(reference: Any, to: "str | os.PathLike[str] | None" = None) -> Path:
    """A file or folder with the data: a read-only one of the cache or, with `to`, a copy there.

    Raises NotFound, InvalidArgument, DataLoss.
    """
    from headwater.datasets.download import download

    return download(reference, to)


def open(reference: Any, mode: str = "r", encoding: str | None = None) -> IO[Any]:
    """Opens a single file for reading: as UTF-8 text or, with mode "rb", as bytes. Raises as get(), ArtifactError."""
    from headwater.errors import ArtifactError

    if mode not in ("r", "rt", "rb"):
        raise ArtifactError(f"mode {mode!r}: data never changes", hint='mode "r" or "rb"')
    path = get(reference)
    if path.is_dir():
        raise ArtifactError(f"{reference} is a folder", hint=f"name a file in it: {reference}/PATH")
    return path.open(mode, encoding=None if mode == "rb" else encoding or "utf-8")
