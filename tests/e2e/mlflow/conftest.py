"""The real mlflow client, in environments of its own that are made once per session, and the ways to run it.

HEADWATER_TEST_MLFLOW and HEADWATER_TEST_MLFLOW_3_12 name interpreters that have it already.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Platform
from tests.e2e.venvs import interpreter

HERE = Path(__file__).parent
PATIENCE = 300


@pytest.fixture(scope="session")
def mlflow_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("HEADWATER_TEST_MLFLOW")
    return Path(given) if given else interpreter(tmp_path_factory, "mlflow", HERE / "peer.lock")


@pytest.fixture(scope="session")
def old_mlflow_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("HEADWATER_TEST_MLFLOW_3_12")
    return Path(given) if given else interpreter(tmp_path_factory, "mlflow-3-12", HERE / "peer-3.12.lock")


@dataclass
class Client:
    """Runs scripts as a user of MLflow would, whose server is Headwater."""

    python: Path
    environ: dict[str, str]
    folder: Path

    def start(self, script: Path | str, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """more: environment variables."""
        command, pipe = [str(self.python), str(HERE / script), *arguments], subprocess.PIPE
        return subprocess.Popen(
            command,
            env=self.environ | more,
            cwd=self.folder,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )

    def run(self, script: Path | str, *arguments: str, **more: str) -> Any:
        """What a script prints last, as JSON."""
        process = self.start(script, *arguments, **more)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except BaseException:
            process.kill()
            raise
        assert process.returncode == 0, f"{script}: {process.returncode}\n{out}\n{err}"
        return json.loads(out.splitlines()[-1])


def _client(python: Path, platform: Platform, folder: Path) -> Client:
    kept = {name: value for name, value in platform.environ.items() if not name.startswith(("MLFLOW_", "PYTHONPATH"))}
    told = {
        "MLFLOW_TRACKING_URI": platform.json("status")["url"],
        "MLFLOW_TRACKING_TOKEN": (platform.home / "token").read_text().strip(),
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "GIT_PYTHON_REFRESH": "quiet",
        "MPLCONFIGDIR": str(folder),
    }
    return Client(python, kept | told, folder)


@pytest.fixture
def mlflow(mlflow_venv: Path, platform: Platform, tmp_path: Path) -> Client:
    """The newest client."""
    return _client(mlflow_venv, platform, tmp_path)


@pytest.fixture
def old_mlflow(old_mlflow_venv: Path, platform: Platform, tmp_path: Path) -> Client:
    """The client of MLflow 3.12."""
    return _client(old_mlflow_venv, platform, tmp_path)
