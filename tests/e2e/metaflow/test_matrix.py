"""Shapes × behaviours: the same files under the real package and under ours leave the same artifacts."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.metaflow.packages import READ, Package

SHAPES = sorted((Path(__file__).parent / "shapes").glob("*_shape.py"))
RETRY = ("--with", "retry:times=1,minutes_between_retries=0")


def retried(package: Package, file: Path, marker: Path) -> str:
    """A step fails at first, and is tried again."""
    marker.write_text("work once")
    return package.run(file, "--marker", str(marker), *RETRY)


def resumed(package: Package, file: Path, marker: Path) -> str:
    """A step fails for good; its cause is removed, and the run goes on in another one."""
    marker.write_text("work")
    package.run(file, "--marker", str(marker), fails=True)
    marker.unlink()
    return package.run(file, command="resume")


def left_by(package: Package, behave: Any, file: Path, marker: Path) -> Any:
    found = package.client(READ, behave(package, file, marker))
    for tasks in found["steps"].values():
        for task in tasks:
            task.pop("marker", None)  # two files, so that the two run side by side
    return found


@pytest.mark.parametrize("behave", [retried, resumed])
@pytest.mark.parametrize("file", SHAPES, ids=lambda file: file.stem)
def test_the_same_artifacts(local: Package, ours: Package, file: Path, behave: Any, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        theirs = pool.submit(left_by, local, behave, file, tmp_path / "theirs")
        mine = pool.submit(left_by, ours, behave, file, tmp_path / "ours")
        assert theirs.result()["successful"] and theirs.result()["steps"]["end"]
        assert mine.result() == theirs.result()
