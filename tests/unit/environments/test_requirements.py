"""From what decorators say to what a resolver is asked, and from its answer to a lock and to words for a user."""

import json

import pytest

from headwater import FlowSpec, conda, conda_base, pypi, pypi_base, step
from headwater.environments import lock, steps, uv
from headwater.environments.requirements import requirement
from headwater.errors import FlowError
from headwater.flow.graph import flow_graph
from headwater.flow.packages import PackageSet


@pytest.mark.parametrize(
    ("kind", "name", "version", "line"),
    [
        ("pypi", "pandas", "2.3.3", "pandas==2.3.3"),
        ("pypi", "pandas", "", "pandas"),
        ("pypi", "pandas", "*", "pandas"),
        ("pypi", "pandas", ">=1.5, <3", "pandas>=1.5, <3"),
        ("pypi", "pandas", "2.*", "pandas==2.*"),
        ("pypi", "torch[opt]", "~=2.1", "torch[opt]~=2.1"),
        ("pypi", "tool", "@ git+https://example.org/tool", "tool @ git+https://example.org/tool"),
        ("pypi", "git+https://example.org/tool", "@main", "git+https://example.org/tool@main"),
        ("conda", "pytorch", "2.1.0", "torch==2.1.0"),
        ("conda", "numpy", "=1.26", "numpy==1.26.*"),
        ("conda", "numpy", "1.26.4=py311_0", "numpy==1.26.4"),
        ("conda", "numpy", ">=1.26", "numpy>=1.26"),
    ],
)
def test_versions_as_people_write_them(kind, name, version, line):
    assert requirement(kind, name, version) == line


def test_a_lock_is_named_by_what_it_says():
    text = (
        "iniconfig==2.0.0 \\\n    --hash=sha256:aa\ntool[x]==1.0 ; python_version < '3.13'\nours @ https://x.y/z.whl\n"
    )
    made = lock.make("3.12", text)
    assert json.loads(made.data)["packages"] == {"iniconfig": "2.0.0", "tool": "1.0", "ours": "https://x.y/z.whl"}
    assert made == lock.make("3.12", text) and made.digest != lock.make("3.13", text).digest
    assert json.loads(lock.resolve(PackageSet("pypi", {}, "3.12")).data)["requirements"] == ""


def test_the_reason_of_the_resolver_without_its_decoration():
    head = "No solution found when resolving dependencies"
    wrapped = f"  × {head}:\n  ╰─▶ Because nope was not found, we can\n      conclude that you are lost.\n"
    assert uv.reason(wrapped) == "Because nope was not found, we can conclude that you are lost."
    warned = f"warning: odd\n  cause: shim\nerror: {head}\n  cause: Because nope was not found\n"
    assert uv.reason(warned) == "Because nope was not found"
    assert uv.reason("") == "uv failed without a word"


@conda_base(packages={"c": "1"})
@pypi_base(packages={"a": "1", "b": "1"}, python="3.12")
class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.own)

    @pypi(packages={"b": "2"})
    @step
    def own(self):
        self.next(self.end)

    @pypi(disabled=True)
    @step
    def end(self): ...


def test_a_step_adds_to_its_flow_and_overrides_it():
    assert steps.wanted(Base, "own") == PackageSet("pypi", {"a": "1", "b": "2", "c": "1"}, "3.12")
    assert steps.wanted(Base, "start") == PackageSet("conda", {"a": "1", "b": "1", "c": "1"}, "3.12")
    assert steps.wanted(Base, "end") is None


def test_each_set_is_resolved_once_and_lands_in_the_graph(monkeypatch):
    asked = []

    def resolve(wanted):
        asked.append(wanted)
        return lock.make(wanted.python, "\n".join(f"{n}=={v}" for n, v in wanted.packages.items()))

    monkeypatch.delenv(steps.VARIABLE, raising=False)
    monkeypatch.setattr(lock, "resolve", resolve)
    graph = flow_graph(Base)
    steps.lock_steps(Base, graph, __file__)
    found = {step["name"]: step.get("environment") for step in graph["steps"]}
    assert len(asked) == 2 and found["end"] is None
    assert found["own"]["kind"] == "pypi" and found["own"]["python"] == "3.12" and len(found["own"]["lock"]) == 64
    monkeypatch.setenv(steps.VARIABLE, "local")
    graph = flow_graph(Base)
    steps.lock_steps(Base, graph, __file__)
    assert not any("environment" in step for step in graph["steps"])


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: pypi(packages=["pandas"]), "is not a dict"),
        (lambda: pypi(packages={"pan das": "1"}), "not the name of a package"),
        (lambda: pypi(packages={"pandas": "1\n--no-index"}), "is not a version"),
        (lambda: conda(python="3.9"), "steps need Python 3.11"),
        (lambda: conda(python="three"), "is not a version"),
        (lambda: pypi(package={"pandas": "1"}), "did you mean 'packages'"),
        (lambda: pypi_base()(test_versions_as_people_write_them), "put it above the class"),
        (lambda: steps.choose("docker"), "there is no such environment"),
    ],
)
def test_what_cannot_be_meant_is_refused(make, why):
    with pytest.raises(FlowError, match=why):
        make()


def test_a_flow_without_a_project_of_uv(tmp_path):
    with pytest.raises(FlowError, match=r"there is no uv\.lock"):
        lock.of_project(str(tmp_path / "flow.py"))
