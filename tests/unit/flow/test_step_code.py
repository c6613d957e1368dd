"""Which edits of a package change the code of a step, and what changes the word for an environment."""

import importlib.util
import sys

import pytest

from headwater.environments import fingerprint as environment
from headwater.flow.package import build
from headwater.flow.step_code import digests

FLOW = """
from headwater import FlowSpec, step


def shared():
    return 1


class Edited(FlowSpec):
    @step
    def start(self):
        self.x = shared()
        self.next(self.middle)

    @step
    def middle(self):
        self.y = 2
        self.next(self.end)

    @step
    def end(self):
        print("the end")
"""


@pytest.fixture
def codes(tmp_path, monkeypatch):
    """The digests of the steps of a flow file with this text."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "edited_flow.py"

    def codes(text: str = FLOW, **others: str) -> dict[str, str]:
        file.write_text(text)
        for name, content in others.items():
            (tmp_path / f"{name}.py").write_text(content)
        spec = importlib.util.spec_from_file_location("edited_flow", file)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "edited_flow", module)
        importlib.invalidate_caches()
        exec(compile(text, str(file), "exec"), module.__dict__)
        return digests(module.Edited, str(file), build(str(file)).rest)

    return codes


def changed(one: dict[str, str], other: dict[str, str]) -> set[str]:
    return {name for name in one if one[name] != other[name]}


def test_an_edit_changes_the_steps_that_can_reach_it(codes):
    first = codes()
    assert codes() == first
    assert len(set(first.values())) == 3
    assert changed(first, codes(FLOW.replace("self.y = 2", "self.y = 3"))) == {"middle"}
    assert changed(first, codes(FLOW.replace("return 1", "return 2"))) == {"start", "middle", "end"}
    # The text "end" is in `middle` now, so it could run it by getattr.
    named = FLOW.replace("self.y = 2", 'self.y = "end"')
    assert changed(codes(named), codes(named.replace('print("the end")', "pass"))) == {"middle", "end"}
    called = FLOW.replace("self.x = shared()", "self.x = self.middle")
    assert changed(codes(called), codes(called.replace("self.y = 2", "self.y = 3"))) == {"start", "middle"}
    assert changed(codes(), codes(helper="A = 1\n")) == {"start", "middle", "end"}


def test_installed_code_and_code_in_development_change_the_environment(tmp_path, monkeypatch):
    site, own, development = tmp_path / "site-packages", tmp_path / "own", tmp_path / "development"
    for folder in (site, own, development):
        folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(own), str(site)])
    first = environment.fingerprint(str(own))
    (own / "flow.py").touch()
    assert environment.fingerprint(str(own)) == first, "the flow's own folder is in the package"
    (site / "thing-2.0.dist-info").mkdir()
    second = environment.fingerprint(str(own))
    assert second != first
    (development / "package.py").write_text("A = 1\n")
    (site / "__editable___thing_finder.py").write_text(f"MAPPING = {{'thing': {str(development)!r}}}\n")
    third = environment.fingerprint(str(own))
    (development / "package.py").write_text("A = 10\n")
    assert environment.fingerprint(str(own)) not in (second, third)
