"""The name `metaflow`: everything that flows and notebooks import from it is there, and only where it was asked for."""

import subprocess
import sys

import pytest

NAMES = """
FlowSpec step Parameter JSONType JSONTypeClass IncludeFile Config ConfigValue config_expr current
FlowMutator StepMutator UserStepDecorator user_step_decorator USER_SKIP_STEP parallel_map
parallel_imap_unordered profile retry catch timeout resources environment secrets kubernetes batch card pypi
pypi_base conda conda_base parallel pytorch_parallel trigger trigger_on_finish schedule project exit_hook
airflow_external_task_sensor airflow_s3_key_sensor Metaflow Flow Run Step Task DataArtifact namespace
get_namespace default_namespace metadata get_metadata default_metadata inspect_spin Runner NBRunner Deployer
NBDeployer DeployedFlow namespaced_event_name
yaml_parser requirements_txt_parser pyproject_toml_parser conda_environment_yml_parser
cards client exception plugins parameters
"""

MODULES = """
metaflow.cards metaflow.client.core metaflow.exception metaflow.parameters metaflow.flowspec
metaflow.includefile metaflow.decorators metaflow.metaflow_current metaflow.metaflow_config_funcs
metaflow.metaflow_version metaflow.events metaflow.multicore_utils metaflow.plugins.parsers
metaflow.plugins.pypi.parsers metaflow.plugins.cards.card_modules.components
metaflow.plugins.cards.card_modules.card metaflow.util metaflow.plugins.timeout_decorator
metaflow.plugins.catch_decorator metaflow.user_configs.config_parameters
metaflow.user_decorators.user_step_decorator metaflow.user_decorators.user_flow_decorator
metaflow.user_decorators.mutable_flow metaflow.user_decorators.mutable_step
metaflow.integrations metaflow.runner.metaflow_runner metaflow.runner.deployer
metaflow.runner.nbrun metaflow.runner.nbdeploy
metaflow.tagging_util metaflow.metaflow_config metaflow.datatools metaflow.datatools.s3
metaflow.plugins.argo.argo_events metaflow.plugins.namespaced_events metaflow.plugins.events_decorator
metaflow.plugins.retry_decorator metaflow.plugins.resources_decorator metaflow.plugins.environment_decorator
metaflow.plugins.project_decorator metaflow.plugins.parallel_decorator
"""


def _python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_every_name_and_module():
    code = f"""
import importlib
from headwater.compat.metaflow import install
install()
import metaflow
missing = []
for name in {NAMES.split()!r}:
    try:
        exec(f"from metaflow import {{name}}")
    except ImportError as error:
        missing.append(str(error))
for name in {MODULES.split()!r}:
    module = importlib.import_module(name)
    for each in module.__all__ if hasattr(module, "__all__") else ():
        if getattr(module, each, missing) is missing:
            missing.append(f"{{name}}.{{each}}")
exec("from metaflow import *")
print(missing)
"""
    done = _python(code)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_what_the_client_raises_is_caught_under_metaflows_names():
    code = """
from headwater.compat.metaflow import install
install()
from metaflow.exception import MetaflowException, MetaflowNotFound, MetaflowNamespaceMismatch
from headwater.errors import NamespaceMismatch, NotFound

class Own(MetaflowException):
    headline = "Own"
    def __init__(self, text):
        super(Own, self).__init__(text)

assert str(Own("text")) == "text"
for raised, caught in ((NotFound("x"), MetaflowNotFound), (NamespaceMismatch("x"), MetaflowNamespaceMismatch)):
    try:
        raise raised
    except caught as error:
        assert isinstance(error, MetaflowException)
print("good")
"""
    assert _python(code).stdout == "good\n", _python(code).stderr


def test_nothing_is_given_away_unasked():
    done = _python("import headwater, metaflow")
    assert "No module named 'metaflow'" in done.stderr


def test_too_late():
    code = """
import sys, types
sys.modules["metaflow"] = types.ModuleType("metaflow")
from headwater.compat.metaflow import install
install()
"""
    assert "metaflow is imported already" in _python(code).stderr


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ([], ["run"]),
        (["--alpha", "1"], ["run", "--alpha", "1"]),
        (["--with", "retry", "run"], ["--with", "retry", "run"]),
        (["show"], ["show"]),
        (["--help"], ["--help"]),
    ],
)
def test_command_that_is_not_said(given, made):
    from headwater.compat.metaflow.run import with_command

    assert with_command(given) == made


def test_small_things_behave_as_theirs():
    code = """
from headwater.compat.metaflow import install
install()
import os
import metaflow
assert metaflow.exception.MetaflowException and metaflow.cards.Markdown and metaflow.util.get_username()
os.environ["METAFLOW_KUBERNETES_NAMESPACE"] = "jobs"
from metaflow.metaflow_config import DEFAULT_ENVIRONMENT, KUBERNETES_NAMESPACE, MAX_ATTEMPTS
assert (DEFAULT_ENVIRONMENT, KUBERNETES_NAMESPACE, MAX_ATTEMPTS) == ("local", "jobs", 6)
from metaflow.tagging_util import MetaflowTaggingError, validate_tags
for tags, text in (([""], "must not be empty"), (["x" * 501], "too long 501 > 500"), ([3], "some kind of string"),
                   (map(str, range(51)), "beyond 50")):
    try:
        validate_tags(tags)
        raise SystemExit(text)
    except MetaflowTaggingError as error:
        assert text in str(error), error
validate_tags(["ok", b"ok"])
from metaflow.util import compress_list, decompress_list, is_stringish, to_pod, to_pascalcase, url_quote
assert decompress_list(compress_list(["a,b", "c"])) == ["a,b", "c"]
assert is_stringish("x") and to_pod({"a": (1, {2})}) == {"a": [1, [2]]} and to_pascalcase("a_b-c") == "ABC"
assert url_quote("a b/c") == b"a%20b/c"
try:
    metaflow.metaflow_config.NO_SUCH_SETTING
except AttributeError as error:
    assert "METAFLOW_NO_SUCH_SETTING is not set" in str(error)
print("good")
"""
    done = _python(code)
    assert done.stdout == "good\n", done.stdout + done.stderr
