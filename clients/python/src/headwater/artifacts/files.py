"""Files and folders as artifacts: `self.plots = Folder("out/plots")`. Who loads one gets a Path to a read-only copy.

A plain Path stays what it is: the name of something on the machine where the step ran.
"""

import os
from pathlib import Path

from headwater.errors import ArtifactError
from headwater.runtime.command import OutputFile


def File(path: "str | os.PathLike[str]") -> Path:
    """A file on its way to becoming an artifact: `self.model = File("model.onnx")`. Raises ArtifactError."""
    found = OutputFile(Path(path).absolute())
    if not found.is_file():
        raise ArtifactError(f"there is no file {os.fspath(path)!r}", hint=_hint(found, "Folder", path))
    return found


def Folder(path: "str | os.PathLike[str]") -> Path:
    """A folder with all that is in it on its way to becoming an artifact. Raises ArtifactError."""
    found = OutputFile(Path(path).absolute())
    if not found.is_dir():
        raise ArtifactError(f"there is no folder {os.fspath(path)!r}", hint=_hint(found, "File", path))
    return found


def _hint(found: Path, other: str, path: "str | os.PathLike[str]") -> str:
    return f"it is something else: {other}({os.fspath(path)!r})" if found.exists() else f"looked for at {found}"
