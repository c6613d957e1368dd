"""The scripted gateway of the client's tests, and the command as a function."""

from collections.abc import Callable

import pytest

from headwater.cli import main
from tests.unit.client.conftest import api  # noqa: F401

Headwater = Callable[..., tuple[int, str, str]]


@pytest.fixture
def headwater(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Headwater:
    """headwater("runs", "--json") → (exit status, stdout, stderr)."""
    monkeypatch.delenv("HEADWATER_DEBUG", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main._run(list(arguments))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
