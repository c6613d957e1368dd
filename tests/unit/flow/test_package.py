"""The code package: determinism, which files belong, and folders that mean harm."""

import hashlib
import io
import os
import tarfile

import pytest

from headwater.errors import FlowError
from headwater.flow import package
from headwater.flow.package import build


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "flow.py").write_text("print(1)\n")
    return root


def _names(root, **options):
    return [member.name for member in build(str(root / "flow.py"), **options).members]


def _archive(data):
    return tarfile.open(fileobj=io.BytesIO(data))


def test_bytes_depend_on_names_contents_and_x_bits_only(folder, tmp_path):
    (folder / "lib").mkdir()
    (folder / "lib" / "a.py").write_text("a")
    first = build(str(folder / "flow.py"))
    copy = tmp_path / "copy"
    (copy / "lib").mkdir(parents=True)
    (copy / "lib" / "a.py").write_text("a")
    (copy / "flow.py").write_text("print(1)\n")
    os.utime(copy / "flow.py", (1, 1))
    (copy / "flow.py").chmod(0o600)
    assert build(str(copy / "flow.py")).data == first.data
    assert first.digest == hashlib.sha256(first.data).hexdigest()
    (copy / "flow.py").chmod(0o700)
    assert build(str(copy / "flow.py")).digest != first.digest


def test_any_tar_reads_it(folder):
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    deep = folder / ("d" * 90) / ("ä" * 40)
    deep.mkdir(parents=True)
    (deep / "x.py").write_text("deep")
    archive = _archive(build(str(folder / "flow.py")).data)
    by_name = {member.name: member for member in archive.getmembers()}
    assert archive.extractfile("flow.py").read() == b"print(1)\n"
    assert by_name["run.sh"].mode == 0o755
    assert by_name["flow.py"].mode == 0o644
    assert archive.extractfile(f"{'d' * 90}/{'ä' * 40}/x.py").read() == b"deep"
    assert {(m.uid, m.mtime) for m in archive.getmembers()} == {(0, 0)}


def test_which_files_belong(folder):
    for name in ("util.py", "fit.R", "conf.yaml", "notes.txt", "model.bin", ".hidden.py", "x.pyc"):
        (folder / name).write_text("x")
    for name in ("__pycache__", ".git", "node_modules", "pkg.egg-info", "sub"):
        (folder / name).mkdir()
        (folder / name / "m.py").write_text("x")
    (folder / "env").mkdir()
    (folder / "env" / "pyvenv.cfg").write_text("")
    (folder / "env" / "m.py").write_text("x")
    assert _names(folder) == ["conf.yaml", "fit.R", "flow.py", "notes.txt", "sub/m.py", "util.py"]
    assert "model.bin" in _names(folder, suffixes=["bin"])


def test_large_data_stays_behind_and_is_named(folder):
    (folder / "big.csv").write_bytes(bytes(package.MAX_DATA_BYTES + 1))
    built = build(str(folder / "flow.py"))
    assert [m.name for m in built.members] == ["flow.py"]
    assert built.left_out == ["big.csv (1.0 MiB; only files up to 1 MiB go along)"]
    assert _names(folder, suffixes=[".csv"]) == ["big.csv", "flow.py"]


def test_links(folder, tmp_path):
    (tmp_path / "secret.py").write_text("secret")
    (folder / "out.py").symlink_to(tmp_path / "secret.py")
    (folder / "up").symlink_to(tmp_path)
    (folder / "gone.py").symlink_to(folder / "nowhere.py")
    (folder / "real").mkdir()
    (folder / "real" / "m.py").write_text("m")
    (folder / "alias").symlink_to("real")
    (folder / "real" / "loop").symlink_to("..")
    (folder / "self").symlink_to(".")
    built = build(str(folder / "flow.py"))
    assert [m.name for m in built.members] == ["alias/m.py", "flow.py", "real/m.py"]
    assert sorted(built.left_out) == [
        "gone.py (a link to nothing)",
        "out.py (a link out of the folder)",
        "up (a link out of the folder)",
    ]


def test_the_flow_file_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "elsewhere.py").write_text("x")
    (folder / "linked.py").symlink_to(tmp_path / "elsewhere.py")
    assert "linked.py" in [m.name for m in build(str(folder / "linked.py")).members]


def test_pipes_and_sockets_are_not_opened(folder):
    os.mkfifo(folder / "pipe.py")
    assert _names(folder) == ["flow.py"]


def test_too_large_lists_the_largest_files(folder, monkeypatch):
    monkeypatch.setattr(package, "MAX_BYTES", 3000)
    (folder / "huge.py").write_bytes(bytes(2900))
    (folder / "small.py").write_bytes(bytes(200))
    with pytest.raises(FlowError) as caught:
        build(str(folder / "flow.py"))
    text = str(caught.value)
    assert text.index("huge.py") < text.index("small.py")
    assert "2.8 KiB  huge.py" in text
    assert "2.9 KiB is the limit" in text


def test_a_folder_of_very_many_files_is_refused(folder, monkeypatch):
    monkeypatch.setattr(package, "MAX_ENTRIES", 10)
    for number in range(11):
        (folder / f"{number}.bin").touch()
    with pytest.raises(FlowError, match="put the flow in a folder of its own"):
        build(str(folder / "flow.py"))


def test_strange_names(folder):
    for name in (b"new\nline.py", b"latin\xe9.py", "ümlaut.py".encode()):
        with open(os.fsencode(folder) + b"/" + name, "w") as file:
            file.write("x")
    archive = _archive(build(str(folder / "flow.py")).data)
    assert len(archive.getnames()) == 4
    assert "ümlaut.py" in archive.getnames()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_is_named(folder):
    (folder / "locked.py").write_text("x")
    (folder / "locked.py").chmod(0)
    with pytest.raises(FlowError, match=r"cannot read .*locked\.py"):
        build(str(folder / "flow.py"))
