"""Pylint before a run: what counts of what it says, and what becomes of the command. A stand-in says it."""

import sys
import types

import pytest

from headwater.flow.pylint_check import PylintUnhappy, examine
from headwater.flow.terminal import Terminal

SAID = """************* Module flow
flow.py:3:0: E0611: No name 'pypi' in module 'metaflow' (no-name-in-module)
flow.py:6:8: E1101: Instance of 'Parameter' has no 'items' member (no-member)
flow.py:7:8: E1101: Instance of 'Current' has no 'card' member (no-member)
flow.py:8:8: E1102: self.next is not callable (not-callable)

-----------------------------------
Your code has been rated at 9.00/10
"""
FOUND = "flow.py:9:14: E0602: Undefined variable 'x' (undefined-variable)"


@pytest.fixture
def says(monkeypatch):
    """says(text): pylint is there and says this; what it was called with. None: it is not there."""

    def says(text, error=None):
        words: list[str] = []

        def run(args, reporter, leave):
            words.extend(args)
            print(text)
            if error:
                raise error

        package, module = types.ModuleType("pylint"), types.ModuleType("pylint.lint")
        module.Run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pylint", package if text is not None else None)
        monkeypatch.setitem(sys.modules, "pylint.lint", module if text is not None else None)
        return words

    return says


def test_complaints_about_how_flows_are_made_do_not_count(says, capsys):
    words = says(SAID)
    examine("flow.py", Terminal())
    assert capsys.readouterr().err == "Running pylint...\n    Pylint is happy!\n"
    assert words[0] == "flow.py" and words[-1] == "--errors-only"


def test_what_counts_ends_the_command(says, capsys):
    words = says(f"{SAID}{FOUND}\n")
    with pytest.raises(PylintUnhappy, match=r"Fix Pylint warnings listed above or say --no-pylint\."):
        examine("flow.py", Terminal(quiet=True), warnings=True)
    assert capsys.readouterr().err == f"    {FOUND}\n"
    assert "--errors-only" not in words


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(32)])
def test_one_that_fails_stops_nothing(says, capsys, error):
    says("", error)
    examine("flow.py", Terminal())
    said = capsys.readouterr().err
    assert f"Pylint couldn't analyze your code.\n\tPylint exception: {error!r}\n" in said
    assert "Skipping Pylint checks." in said


def test_without_pylint(says, capsys):
    says(None)
    examine("flow.py", Terminal())
    assert "Pylint not found, so extra checks are disabled." in capsys.readouterr().err
