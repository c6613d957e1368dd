"""MetaflowCode: the code package of a run, read like Metaflow's. Downloads it when something of it is asked for."""

import io
import tarfile
from tempfile import TemporaryDirectory
from typing import Any


class MetaflowCode:
    """`run.code`: path (the sha256 of the package), script_name, flowspec (source of the flow file), tarball, info.

    >>> with run.code.extract() as folder: ...
    """

    def __init__(self, flow_name: str, code: dict[str, Any]) -> None:
        self._flow, self._code = flow_name, code
        self._data: bytes | None = None

    @property
    def path(self) -> str:
        return self._code.get("package", "")

    @property
    def script_name(self) -> str:
        return self._code.get("entrypoint", "")

    @property
    def info(self) -> dict[str, str]:
        """What is known about it without reading it."""
        found = {
            "flow_name": self._flow,
            "flow_class": self._code.get("flowClass", ""),
            "script": self.script_name,
            "python": self._code.get("python", ""),
            "code_package": self.path,
        }
        return {name: value for name, value in found.items() if value}

    @property
    def tarball(self) -> tarfile.TarFile:
        """The package, opened for reading."""
        if self._data is None:
            from headwater.artifacts import blobs

            self._data = blobs.get(self.path).read_bytes()
        return tarfile.open(fileobj=io.BytesIO(self._data))

    @property
    def flowspec(self) -> str:
        """Source of the flow file."""
        with self.tarball as archive:
            file = archive.extractfile(self.script_name)
            return file.read().decode() if file is not None else ""

    def extract(self) -> "TemporaryDirectory[str]":
        """Unpacks it into a new folder, which is removed when the result is closed or collected."""
        folder = TemporaryDirectory(prefix="headwater-code-")
        with self.tarball as archive:
            archive.extractall(folder.name, filter="data")
        return folder

    def __repr__(self) -> str:
        return f"MetaflowCode({self.script_name!r}, {self.path[:12]})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MetaflowCode) and self._code == other._code

    def __hash__(self) -> int:
        return hash(self.path)
