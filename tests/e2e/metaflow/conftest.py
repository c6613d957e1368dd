"""The real metaflow package, in an environment of its own that is made once per session, and the ways to run it."""

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import Platform
from tests.e2e.metaflow.packages import LOCK, OURS, Package, clean
from tests.e2e.venvs import interpreter


@pytest.fixture(scope="session")
def metaflow_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the real metaflow; HEADWATER_TEST_METAFLOW names one that is there."""
    given = os.environ.get("HEADWATER_TEST_METAFLOW")
    return Path(given) if given else interpreter(tmp_path_factory, "metaflow", LOCK)


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
