"""Runs the same flow files and client scripts under the real `metaflow` package and under ours."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
READ = HERE / "read.py"
LOCK = HERE / "peer.lock"
PATIENCE = 300
OURS = [sys.executable, "-m", "headwater.compat.metaflow"]


@dataclass
class Package:
    """One of the two: runs flow files, and scripts of its client."""

    python: list[str]
    environ: dict[str, str]
    folder: Path
    _made: int = field(default=0)

    def start(self, file: Path | str, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """more: environment variables."""
        command = [*self.python, str(file), *arguments]
        environ, pipe = self.environ | more, subprocess.PIPE
        return subprocess.Popen(
            command, env=environ, cwd=self.folder, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def flow(self, file: Path | str, *arguments: str, fails: bool = False, **more: str) -> str:
        """Runs it; its exit status must be 0, or with `fails` another. Returns what it wrote."""
        process = self.start(file, *arguments, **more)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert (process.returncode != 0) == fails, f"{file} {arguments}: {process.returncode}\n{out}\n{err}"
        return err + out

    def run(self, file: Path | str, *arguments: str, command: str = "run", fails: bool = False, **more: str) -> str:
        """The pathspec of the run that it makes: the flow is named like the file."""
        self._made += 1
        ident = self.folder / f"run-id-{self._made}"
        words = ["--no-pylint", command, *arguments, "--run-id-file", str(ident)]
        self.flow(file, *words, fails=fails, **more)
        return f"{flow_of(Path(file))}/{ident.read_text()}"

    def client(self, script: Path | str, *arguments: str) -> Any:
        """What a script of the client prints last, as JSON."""
        return json.loads(self.flow(script, *arguments).splitlines()[-1])


def flow_of(file: Path) -> str:
    return "".join(word.capitalize() for word in file.stem.split("_"))


def clean(environ: dict[str, str], folder: Path) -> dict[str, str]:
    """An environment without settings of either package."""
    ours = ("METAFLOW_", "AWS_", "PYTHONPATH")
    kept = {name: value for name, value in environ.items() if not name.startswith(ours)}
    return kept | {"METAFLOW_HOME": str(folder), "METAFLOW_USER": "tester", "USERNAME": "tester"}


def environment(*command: str | Path) -> None:
    """Runs uv."""
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run([*map(str, command)], check=True, env=environ, timeout=600)
