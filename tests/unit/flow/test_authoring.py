"""Configs, included files, mutators, user decorators, secrets, projects, hooks and machines, without a server."""

import sys
from pathlib import Path

import pytest

from headwater import (
    Config,
    FlowMutator,
    FlowSpec,
    IncludeFile,
    Parameter,
    StepMutator,
    UserStepDecorator,
    batch,
    catch,
    config_expr,
    current,
    exit_hook,
    kubernetes,
    parallel_imap_unordered,
    parallel_map,
    project,
    resources,
    retry,
    secrets,
    step,
    user_step_decorator,
)
from headwater.compat.metaflow import config_parsers
from headwater.errors import FlowError
from headwater.flow import choices, compute, exit_hooks, include, projects, user_steps
from headwater.flow.config import ConfigError, ConfigValue
from headwater.flow.current import Trigger
from headwater.flow.finish import complete
from headwater.flow.graph import flow_graph
from headwater.flow.lint import lint
from headwater.flow.multicore import MulticoreException
from headwater.flow.options import SecretSources, flow_options, options_of, step_options
from headwater.flow.parameters import ParameterError, parameters_of, stored_with_tasks
from headwater.flow.pretend import pretend
from headwater.flow.secrets import hidden, variables


@pytest.fixture(autouse=True)
def chosen(monkeypatch):
    fresh = choices.Choices()
    for module in [m for name, m in sys.modules.items() if name.startswith("headwater.") and hasattr(m, "chosen")]:
        if isinstance(module.chosen, choices.Choices):
            monkeypatch.setattr(module, "chosen", fresh)
    return fresh


def _options(cls, name):
    return step_options(getattr(cls, name))


# Configs


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Config("c", default="a", default_value="b"), "only specify default or default_value"),
        (lambda: Config("c", required=True).value(), "missing configuration for 'c'"),
        (lambda: Config("c", default="/absent").value(), "default configuration file '/absent' could not be read"),
        (lambda: Config("c", default_value="[1]").value(), "is list, not a mapping"),
        (lambda: Config("c", default_value="x", parser="no.such.parser").value(), "Cannot locate parser no.such"),
        (lambda: Config("c", default_value="x", parser=lambda text: 1 / 0).value(), "ZeroDivisionError"),
    ],
)
def test_configs_without_a_value(make, text):
    with pytest.raises(ConfigError, match=text):
        make()


def test_where_a_config_comes_from(monkeypatch, tmp_path):
    file = tmp_path / "c.json"
    file.write_text('{"from": "file"}')
    assert Config("c", default=str(file)).value() == {"from": "file"}
    monkeypatch.setenv("METAFLOW_FLOW_CONFIG_VALUE", '{"c": {"from": "environment"}}')
    assert Config("c", default=str(file)).value() == {"from": "environment"}
    monkeypatch.setattr(sys, "argv", ["flow.py", "--config-value", "c", '{"from": "option"}', "run"])
    assert Config("c", default=str(file)).value() == {"from": "option"}
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--config", "c", str(file)])
    with pytest.raises(ConfigError, match="both a value and a file"):
        Config("c").value()


def test_config_values_are_attributes_and_stay_as_they_are():
    value = ConfigValue({"a": {"b": [{"c": 1}]}})
    assert value.a.b[0].c == 1
    assert value.to_dict() == {"a": {"b": [{"c": 1}]}}
    with pytest.raises(TypeError, match="immutable"):
        value["a"] = 2
    with pytest.raises(AttributeError, match="has no 'z'; it has a"):
        _ = value.z


def test_configs_in_decorators_wherever_they_stand():
    @project(name=config_expr("c")["name"])
    class Configured(FlowSpec):
        @retry(times=config_expr("c.times + 1"), minutes_between_retries=0)
        @step
        def start(self):
            self.next(self.end)

        @kubernetes(**config_expr("c").machine)
        @step
        def end(self):
            pass

        c = Config("c", default_value={"times": 1, "name": "p", "machine": {"cpu": 2, "image": "x"}})
        p = Parameter("p", default=c.times)

    complete(Configured, [])
    assert flow_options(Configured).project == "p"
    start, end = _options(Configured, "start"), _options(Configured, "end")
    assert start.retry.times == 2
    assert start.decorators == ["retry"]
    assert end.resources.cpu == 2
    assert end.ignored == {"@kubernetes": ["image"]}
    assert parameters_of(Configured)["p"].type is int
    assert stored_with_tasks(Configured) == ["c"]


def test_an_expression_that_means_nothing_is_named():
    class Wrong(FlowSpec):
        c = Config("c", default_value={"a": 1})

        @retry(times=config_expr("c.absent"))
        @step
        def start(self):
            pass

    with pytest.raises(FlowError, match=r"'c.absent' could not be evaluated: Attr.*the configs of the flow are: c"):
        complete(Wrong, [])


def test_parsers_of_packages():
    text = "a==1.0 # one\n\nb[x] >=2, <3\nc\npython==3.11\nd @ https://x/y.whl\n"
    expected = {"a": "1.0", "b[x]": "<3,>=2", "c": "", "d@https://x/y.whl": ""}
    assert config_parsers.requirements_txt_parser(text) == {"packages": expected, "python": "3.11"}
    toml = '[project]\nrequires-python = ">=3.9"\ndependencies = ["a==1"]'
    assert config_parsers.pyproject_toml_parser(toml) == {"packages": {"a": "1"}, "python": ">=3.9"}
    conda = "name: x\ndependencies:\n- python=3.10\n- numpy=1.2\n- scipy>=1\nother: 1\n"
    found = config_parsers.conda_environment_yml_parser(conda)
    assert found == {"packages": {"numpy": "1.2", "scipy": ">=1"}, "python": "3.10"}
    for wrong in ("a b c", "a; python_version < '3'", "-r other.txt", "python==3\npython==4"):
        with pytest.raises(ConfigError):
            config_parsers.requirements_txt_parser(wrong)


# Included files


def test_included_files_go_along_and_are_read_where_the_package_is(tmp_path, chosen):
    class Including(FlowSpec):
        text = IncludeFile("text")
        raw = IncludeFile("raw", is_text=False)
        none = IncludeFile("none")
        parsed = IncludeFile("parsed", parser="json.loads")

    file = tmp_path / "f.json"
    file.write_text('{"ä": 1}', encoding="utf-8")
    values = {"text": str(file), "raw": str(file), "parsed": str(file), "none": None}
    found = include.files_of(Including, values)
    assert {name: member for name, (member, _) in found.items()} == chosen.files
    package = tmp_path / "package"
    (package / ".headwater.files").mkdir(parents=True)
    for member, path in found.values():
        (package / member).write_bytes(Path(path).read_bytes())
    chosen.root = str(package)
    flow = Including(use_cli=False)
    flow._set_parameters(values)
    assert (flow.text, flow.raw, flow.none) == ('{"ä": 1}', '{"ä": 1}'.encode(), None)
    assert flow.parsed == {"ä": 1}


def test_included_file_that_is_not_there():
    with pytest.raises(ParameterError, match="'x': cannot read the file '/absent'"):
        IncludeFile("x").to_wire("/absent")


# Mutators and user decorators


class _Base(FlowSpec):
    @retry(times=1)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


def test_what_mutators_see_and_may_not_do():
    seen = []

    class Looks(FlowMutator):
        def pre_mutate(self, mutable_flow):
            mutable_flow.add_decorator("project:name=mutated")
            mutable_flow.add_parameter("extra", Parameter("extra", default=1))
            seen.extend((name, kwargs) for name, _, _, kwargs in mutable_flow.start.decorator_specs)

        def mutate(self, mutable_flow):
            mutable_flow.add_parameter("late", Parameter("late"))

    class Flow(_Base):
        pass

    mutated = Looks(Flow)
    assert mutated is Flow
    with pytest.raises(FlowError, match=r"changes the flow \('late'\) in mutate\(\)"):
        complete(Flow, [])
    assert seen == [("retry", {"times": 1})]
    assert flow_options(Flow).project == "mutated"
    assert list(parameters_of(Flow)) == ["extra"]


def test_duplicates_of_decorators():
    class Changes(StepMutator):
        def mutate(self, mutable_step):
            assert mutable_step.add_decorator("retry:times=5") is None
            mutable_step.add_decorator(retry, deco_kwargs={"times": 4}, duplicates=mutable_step.OVERRIDE)
            with pytest.raises(FlowError, match="step start already has a decorator 'retry'"):
                mutable_step.add_decorator("retry", duplicates=mutable_step.ERROR)

    class Flow(FlowSpec):
        @Changes
        @retry(times=1)
        @step
        def start(self):
            pass

    complete(Flow, [])
    assert _options(Flow, "start").retry.times == 4


def test_arguments_need_init():
    class Plain(UserStepDecorator):
        pass

    class Flow(FlowSpec):
        @Plain(x=1)
        @step
        def start(self):
            pass

    with pytest.raises(FlowError, match="used with arguments but does not implement init"):
        complete(Flow, [])


def _called(wrappers, body):
    class Flow(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    flow = Flow(use_cli=False)
    user_steps.call(flow, "start", lambda: body(flow), wrappers, [])
    return flow


def test_a_failure_reaches_the_generator_and_may_be_changed():
    @user_step_decorator
    def changes(step_name, flow, inputs):
        try:
            yield
        except ZeroDivisionError:
            raise ValueError("changed") from None

    with pytest.raises(ValueError, match="changed"):
        _called([changes()], lambda flow: 1 / 0)


def test_a_generator_that_yields_twice_or_never():
    @user_step_decorator
    def twice(step_name, flow, inputs):
        yield
        yield

    @user_step_decorator
    def never(step_name, flow, inputs):
        if step_name == "other":
            yield

    with pytest.raises(FlowError, match="should only yield once"):
        _called([twice()], lambda flow: flow.next(flow.end))
    assert _called([never()], lambda flow: 1 / 0)._next.steps == ("end",)


def test_a_skipped_step_goes_on_as_its_source_says():
    @user_step_decorator
    def skip(step_name, flow, inputs):
        flow.items, flow.kind = [1, 2], "b"
        yield {}

    class Flow(FlowSpec):
        @step
        def fan(self):
            self.next(self.end, foreach="items")

        @step
        def choose(self):
            self.next({"a": self.fan, "b": self.end}, condition="kind")

        @step
        def end(self):
            pass

    def skipped(name):
        flow = Flow(use_cli=False)
        user_steps.call(flow, name, lambda: 1 / 0, [skip()], [])
        return flow._next

    assert skipped("fan")[:2] == (("end",), "items")
    assert skipped("choose").steps == ("end",)
    assert skipped("end") is None


def test_with_finds_decorators_of_the_user():
    @user_step_decorator
    def from_the_command_line(step_name, flow, inputs, attributes):
        yield

    class Flow(_Base):
        @step
        def start(self):
            self.next(self.end)

    complete(Flow, ["from_the_command_line:level=3", "retry:times=2"])
    assert _options(Flow, "start").wrappers[0]._kwargs == {"level": 3}
    assert choices.chosen.decorators == [] or choices.chosen.decorators == ["from_the_command_line:level=3"]


# Secrets, projects, machines, hooks


def test_secrets_are_checked_before_anything_runs():
    class Flow(FlowSpec):
        @secrets(sources=["aws-secrets-manager.db"])
        @step
        def start(self):
            pass

    (error,) = lint(Flow)
    assert error.message == "Step start: @secrets: there is no back end 'aws-secrets-manager' for the source 'db'."
    inline = {"type": "inline", "id": "a", "options": {"env_vars": {"TOKEN": "abcdef"}}}
    assert variables(SecretSources((inline,))) == {"TOKEN": "abcdef"}
    for sources, text in (
        ((inline, inline), "two sources give the variable TOKEN"),
        ((3,), "must be either a string or a dict"),
        (({"type": "inline", "id": "b", "options": {"env_vars": {"A B": "x"}}},), "'A B' of source 'b'"),
        (({"type": "inline", "id": "b", "options": {"env_vars": {"A": 1}}},), "A of source 'b' is not text"),
    ):
        with pytest.raises(FlowError, match=text):
            variables(SecretSources(sources))
    assert hidden({"message": "token abcdef", "n": 1}, ["abcdef"]) == {"message": "token ******", "n": 1}


@pytest.mark.parametrize(
    ("said", "chosen_branch", "production", "expected"),
    [
        ({}, "", False, ("user.ann", True, False)),
        ({}, "x", False, ("test.x", False, False)),
        ({}, "x", True, ("prod.x", False, True)),
        ({"production": True}, "", False, ("prod", False, True)),
        ({"branch": "y"}, "", False, ("test.y", False, False)),
    ],
)
def test_branches(chosen, said, chosen_branch, production, expected):
    @project(name="p", **said)
    class Flow(_Base):
        pass

    projects.choose(chosen_branch, production, Flow)
    branch = projects.branch_of(Flow, "ann")
    assert (branch.branch_name, branch.is_user_branch, branch.is_production) == expected
    assert branch.project_flow_name == f"p.{expected[0]}.Flow"


def test_branches_said_twice_or_wrong(chosen):
    @project(name="p", branch="y")
    class Flow(_Base):
        pass

    projects.choose("z", False, Flow)
    with pytest.raises(FlowError, match="cannot pass branch as both"):
        projects.branch_of(Flow, "ann")
    for name in ("", "Upper", "a" * 129):
        with pytest.raises(FlowError, match=r"@project|characters"):
            project(name=name)


def test_machines_become_resources_and_the_rest_is_said():
    class Flow(FlowSpec):
        @kubernetes(cpu=4, gpu=1, compute_pool="gpu", namespace="n", image=None)
        @resources(cpu=2, memory=9000)
        @step
        def start(self):
            self.next(self.end)

        @batch(memory="512", queue="q")
        @step
        def end(self):
            pass

    start, end = flow_graph(Flow)["steps"]
    assert start["resources"] == {"cpu": 4.0, "gpu": 1.0, "memoryMb": "9000"}
    assert start["pool"] == "gpu"
    assert end["resources"]["memoryMb"] == "512"
    said = compute.sentences({"start": _options(Flow, "start"), "end": _options(Flow, "end")})
    assert said == [
        "@kubernetes: these steps run on the workers of their pool; no effect here: namespace.",
        "@batch: these steps run on the workers of their pool; no effect here: queue.",
    ]
    with pytest.raises(FlowError, match="cpu='many' is not a number"):
        kubernetes(cpu="many")
    with pytest.raises(FlowError, match="does not support the attribute 'cpus'; did you mean 'cpu'"):
        kubernetes(cpus=1)


def test_a_hook_that_fails_keeps_no_other_from_running(capsys, monkeypatch):
    ran = []

    def good(run):
        ran.append(run)

    @exit_hook(on_error=[lambda: 1 / 0, "absent", lambda: ran.append("last")])
    class Flow(_Base):
        pass

    assert flow_graph(Flow)["onError"] == ["<lambda>", "absent", "<lambda>"]
    ended = Trigger({"eventName": "run.failed", "payloadJson": '{"flow": "Flow", "runId": "r"}'})
    monkeypatch.setitem(current._values, "trigger", ended)
    with pytest.raises(FlowError, match="exit hooks failed: <lambda>, absent"):
        exit_hooks.run_hooks(Flow)
    assert ran == ["last"]
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "there is no function 'absent'" in err
    with pytest.raises(FlowError, match="Choose at least one"):
        exit_hook()


def test_a_run_by_hand_as_if_others_had_started_it(monkeypatch):
    class Done:
        successful, finished_at = True, None

        def __init__(self, pathspec, _namespace_check):
            self.pathspec, self.path_components, self.id = pathspec, pathspec.split("/"), pathspec.split("/")[1]

    monkeypatch.setattr("headwater.client.Run", Done)
    monkeypatch.setattr("headwater.client.http.connect", lambda start: None)
    monkeypatch.setattr(choices.chosen, "trigger", {})
    with pytest.raises(FlowError, match="Supported format is flow_name/run_id"):
        pretend(["A"])
    pretend(["A/1", "B/2"])
    monkeypatch.setattr(current, "_values", dict(current._values))
    current._update(username="me")
    assert [each.payload["runId"] for each in current.trigger.events] == ["1", "2"]
    assert (current.trigger.event.type, "B" in current.trigger, "C" in current.trigger) == ("run", True, False)
    monkeypatch.setattr(Done, "successful", False)
    with pytest.raises(FlowError, match="not successful yet: A/1"):
        pretend(["A/1"])


def test_catch_does_not_print_when_told_not_to():
    @catch(print_exception=False)
    @step
    def start(self):
        pass

    assert options_of(start).catch.print_exception is False


# Tools inside of a task


def test_parallel_map():
    assert parallel_map(lambda x: x * x, range(7), max_parallel=3) == [0, 1, 4, 9, 16, 25, 36]
    assert sorted(parallel_imap_unordered(lambda x: x, "abc", 2)) == ["a", "b", "c"]


def test_parallel_map_that_fails(capfd):
    with pytest.raises(MulticoreException):
        parallel_map(lambda x: 1 // x, [1, 0])
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_current_knows_the_graph():
    current._update(_flow_class=_Base)
    try:
        info = current.graph
    finally:
        current._clear()
    assert info["graph_structure"] == ["start", "end"]
    assert info["steps"]["start"]["next"] == ["end"]
    assert current.graph is None
