"""Files, folders and plug-ins as artifacts: round trips, hostile names, and who cannot read what."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater import File, Folder, register_serializer
from headwater.errors import ArtifactError, DataLoss
from headwater.runtime import codec, folders, serializers
from headwater.runtime.manifest import Entry, Manifest, Writer, seal
from headwater.runtime.store import InputStore

_NAMES = st.text("abcé .-", min_size=1, max_size=6).filter(lambda name: name.strip(". ") == name)


def loaded(tmp_path: Path, add: Any) -> Any:
    """What a reader of another task gets for the entry that `add(writer)` makes."""
    writer = Writer(tmp_path / "out")
    entry: Entry = add(writer)
    data = seal(Manifest({"x": entry}, ["x"]), writer)
    files = {blob.digest: Path(blob.path) for blob in writer.blobs}
    return InputStore(data, files.__getitem__, tmp_path / "files").load("x")


def content(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.lists(_NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=200), max_size=6))
def test_any_folder_comes_back(tmp_path_factory: Any, files: dict[str, bytes]) -> None:
    root = tmp_path_factory.mktemp("folder")
    source = root / "source"
    source.mkdir()
    for name, data in files.items():
        try:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):  # one name is another's folder
            pass
    blob = root / "blob"
    blob.write_bytes(b"".join(folders.pack(source)))
    folders.unpack(blob, root / "copy")
    assert content(root / "copy") == content(source)
    assert b"".join(folders.pack(root / "copy")) == blob.read_bytes()


def test_a_folder_is_an_artifact_and_so_is_a_file(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots" / "empty").mkdir(parents=True)
    (tmp_path / "plots" / "large").write_bytes(os.urandom(3 << 20))
    (tmp_path / "plots" / "run.sh").write_text("#!/bin/sh")
    (tmp_path / "plots" / "run.sh").chmod(0o755)
    found = loaded(tmp_path, lambda writer: writer.add_file(Folder("plots"), "plots"))
    assert found.name == "plots" and content(found) == content(tmp_path / "plots")
    assert os.access(found / "run.sh", os.X_OK) and (found / "large").stat().st_mode & 0o222 == 0
    note = loaded(tmp_path / "f", lambda writer: writer.add_file(File("plots/run.sh"), "run.sh"))
    assert note.name == "run.sh" and note.read_text() == "#!/bin/sh"
    for make, words in (
        (lambda: File("plots"), r"no file 'plots'.* Fix: it is something else: Folder"),
        (lambda: Folder("none"), "no folder 'none'.* Fix: looked for at"),
    ):
        with pytest.raises(ArtifactError, match=words):
            make()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArtifactError, match="pipe in folder .* is neither a file nor a folder"):
        list(folders.pack(tmp_path))
    (tmp_path / "pipe").unlink()
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(ArtifactError, match="links to a folder"):
        list(folders.pack(tmp_path))


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\0b", "", ".", "a//b", "a\\b"])
def test_names_that_lead_out_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "x").write_text("x")
    body = b"".join(folders.pack(tmp_path / "source"))
    at, _, magic = folders._TAIL.unpack(body[-folders._TAIL.size :])
    index = json.dumps([{"path": name, "size": 1, "offset": 0}]).encode()
    blob = tmp_path / "blob"
    blob.write_bytes(body[:at] + index + folders._TAIL.pack(at, len(index), magic))
    with pytest.raises(ArtifactError, match="leads out of it"):
        folders.unpack(blob, tmp_path / "target")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blob", "source"]


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "x").write_text("x" * 1000)
    body, blob = b"".join(folders.pack(tmp_path / "source")), tmp_path / "blob"
    five_tb = body.replace(b'"size":1000', b'"size":9999')
    for wrong in (b"", body[:-1], body[1:], b"x" * 100, five_tb):
        blob.write_bytes(wrong)
        with pytest.raises(DataLoss):
            folders.unpack(blob, tmp_path / "target")
    blob.write_bytes(body)
    folders.unpack(blob, tmp_path / "part", only="x")
    with pytest.raises(ArtifactError, match="no 'y'"):
        folders.unpack(blob, tmp_path / "other", only="y")


class Matrix:
    def __init__(self, text: str) -> None:
        self.text = text


class MatrixSerializer:
    def write(self, value: Matrix, path: Path) -> None:
        if value.text == "bad":
            raise ValueError("cannot be written")
        path.write_text(value.text)

    def read(self, path: Path) -> Matrix:
        return Matrix(path.read_text())


def test_a_plug_in_stores_its_type(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(serializers, "_registered", {})
    register_serializer(Matrix, MatrixSerializer())

    class Sub(Matrix):
        pass

    writer = Writer(tmp_path / "out")
    entry = writer.add(Sub("1 2"))
    name = f"{__name__}.Matrix"
    assert (entry["encoding"], entry["serializer"]) == ("plugin", name) and entry["type"].endswith("Sub")
    assert loaded(tmp_path / "a", lambda other: other.add(Matrix("3 4"))).text == "3 4"
    with pytest.raises(codec.Unpicklable, match="Matrix failed: ValueError"):
        writer.add(Matrix("bad"))
    with pytest.raises(ArtifactError, match=r"has no write\(\)"):
        register_serializer(Matrix, object())  # type: ignore[arg-type]
    serializers._registered.clear()
    with pytest.raises(ArtifactError, match=f"serializer of {name}, which this Python does not have"):
        serializers.named(name)


def test_plug_ins_come_by_entry_point(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(serializers, "_registered", {})
    monkeypatch.setattr(serializers, "_installed", None)
    (tmp_path / "shapes_hw.py").write_text(
        "class Shape: pass\nclass Plug:\n"
        "    def write(self, value, path): path.write_text('shape')\n    def read(self, path): return Shape()\n"
        "class Broken:\n    pass\n"
    )
    info = tmp_path / "shapes_hw-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shapes-hw\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[headwater.serializers]\nshapes_hw.Shape = shapes_hw:Plug\nother.Type = shapes_hw:Broken\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert type(serializers.named("shapes_hw.Shape").read(tmp_path)).__name__ == "Shape"
    with pytest.raises(ArtifactError, match="serializer of other.Type .* cannot be loaded"):
        serializers.named("other.Type")
