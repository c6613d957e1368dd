"""The real metaflow package, in an environment of its own that is made once per session, and the ways to run it."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Platform
from tests.e2e.metaflow.packages import LOCK, OURS, Package, clean, environment


@pytest.fixture(scope="session")
def metaflow_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the real metaflow; HEADWATER_TEST_METAFLOW names one that is there."""
    if given := os.environ.get("HEADWATER_TEST_METAFLOW"):
        return Path(given)
    folder = tmp_path_factory.mktemp("metaflow-venv")
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    python = folder / "bin" / "python"
    environment(uv, "venv", "-q", "--python", sys.executable, folder)
    environment(uv, "pip", "install", "-q", "--python", python, "--require-hashes", "-r", LOCK)
    return python


@pytest.fixture
def real(metaflow_venv: Path, platform: Platform, tmp_path: Path) -> Package:
    """The real package with the platform as its service and datastore, as `headwater env` connects it."""
    return Package([str(metaflow_venv)], clean(platform.environ, tmp_path) | platform.json("env"), tmp_path)


@pytest.fixture(scope="session")
def local(metaflow_venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The real package by itself: local metadata and datastore."""
    folder = tmp_path_factory.mktemp("metaflow")
    environ = clean(dict(os.environ), folder) | {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}
    return Package([str(metaflow_venv)], environ, folder)


@pytest.fixture(scope="session")
def ours(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Headwater under the name of `metaflow`."""
    folder = tmp_path_factory.mktemp("ours")
    environ = clean(platform.environ, folder) | {"PYTHONPATH": platform.environ["PYTHONPATH"]}
    return Package(OURS, environ, folder)
