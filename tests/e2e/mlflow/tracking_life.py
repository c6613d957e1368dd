"""Experiments, runs and what they log, by the client and the fluent API of mlflow; says as JSON what it saw."""

import json
import sys

import mlflow
import numpy
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

name = sys.argv[1]
client = MlflowClient()
said: dict = {"refused": {}}


def refused(what, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except MlflowException as error:
        said["refused"][what] = [error.error_code, str(error)]


# Experiments
said["default"] = [client.get_experiment("0").name, client.get_experiment_by_name("Default").experiment_id]
exp = client.create_experiment(name, tags={"a": "b"})
client.set_experiment_tag(exp, "c", "d")
got = client.get_experiment_by_name(name)
said["experiment"] = [got.experiment_id == exp, got.tags, got.lifecycle_stage, got.artifact_location.replace(exp, "ID")]
said["by tag"] = [e.name for e in client.search_experiments(filter_string=f"tags.a = 'b' AND name LIKE '{name}%'")]
refused("same name", client.create_experiment, name)
refused("no experiment", client.get_experiment, "99999999")
refused("long name", client.create_experiment, "n" * 501)

# A run
run = client.create_run(exp, run_name="first", start_time=1700000000123, tags={"x": "y"}).info.run_id
for value, time, step in ((1.5, 10, 0), (2.5, 11, 5), (0.5, 50, 3), (0.5, 50, 3)):
    client.log_metric(run, "m", value, timestamp=time, step=step)
for key in ("nan", "inf", "-inf"):
    client.log_metric(run, key, float(key))
client.log_batch(run, [Metric("b", i / 8, 100 + i, i) for i in range(990)], [Param("p", "1")], [RunTag("t", "1")])
client.log_param(run, "lr", 0.1)
client.log_param(run, "lr", "0.1")
refused("param", client.log_param, run, "lr", "0.2")
refused("params", client.log_batch, run, params=[Param("new", "1"), Param("lr", "9")])
refused("twice", client.log_batch, run, params=[Param("k", "1"), Param("k", "2")])
refused("name", client.log_metric, run, "a$b", 1)
refused("no run", client.log_metric, "f" * 32, "a", 1)
client.delete_tag(run, "t")
refused("no tag", client.delete_tag, run, "t")
client.set_tag(run, "mlflow.runName", "renamed")
data = Dataset("data", "d1", "local", "{}", "schema", "profile")
client.log_inputs(run, [DatasetInput(data, [InputTag("mlflow.data.context", "train")])])
client.set_terminated(run, "KILLED", end_time=1700000009999)
got = client.get_run(run)
said["run"] = [
    got.info.status,
    got.info.run_name,
    got.info.start_time,
    got.info.end_time,
    got.data.tags,
    got.data.params,
]
said["metrics"] = {key: str(value) for key, value in sorted(got.data.metrics.items())}
said["inputs"] = [[i.dataset.name, i.dataset.profile, [t.value for t in i.tags]] for i in got.inputs.dataset_inputs]
said["history"] = [[m.value, m.timestamp, m.step] for m in client.get_metric_history(run, "m")]
said["histories"] = [len(client.get_metric_history(run, key)) for key in ("b", "never")]
client.delete_run(run)
refused("deleted", client.log_metric, run, "m", 1)
views = (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL)
said["views"] = [len(client.search_runs([exp], run_view_type=view)) for view in views]
client.restore_run(run)

# Search
values = [0.1, float("nan"), None, 0.4, float("inf"), 0.2]
for n, value in enumerate(values):
    made = client.create_run(exp, run_name=f"r{n}", start_time=1700000001000 + n, tags={"mlflow.parentRunId": run})
    metrics = [] if value is None else [Metric("acc", value, 1, 0)]
    client.log_batch(made.info.run_id, metrics, [Param("odd key", "ab"[n % 2])], [RunTag("team.x", f"t{n % 3}")])


def names(text="", *order, **more):
    return [r.info.run_name for r in client.search_runs([exp], text, order_by=list(order) or ["start_time"], **more)]


filters = [
    "metrics.acc > 0.1", "params.`odd key` = 'a' AND tags.\"team.x\" != 't1'", "attributes.run_name ILIKE 'R%'",
    f"run_id IN ('{run}')", "datasets.name LIKE 'da%' and dataset.context IN ('train')", "tags.`team.x` IS NULL",
    f"tags.mlflow.parentRunId = '{run}' AND start_time <= 1700000001001", "status = 'KILLED'",
    "metrics.acc < 0.2 OR (params.`odd key` = 'b' AND NOT run_name = 'r1')",
]  # fmt: skip
said["found"] = [names(text) for text in filters]
said["ordered"] = [names("", "metrics.acc DESC"), names("", "metrics.acc"), names("", "tags.`team.x` DESC", "run_name")]
pages = [client.search_runs([exp], max_results=3, order_by=["run_name"])]
while pages[-1].token:
    pages.append(client.search_runs([exp], max_results=3, order_by=["run_name"], page_token=pages[-1].token))
said["pages"] = [[r.info.run_name for r in page] for page in pages]
refused("filter", client.search_runs, [exp], "metrics.acc > 'x'")
refused("order", client.search_runs, [exp], order_by=["start_time SIDEWAYS"])
refused("page", client.search_runs, [exp], page_token="###")

# The life of an experiment
client.rename_experiment(exp, f"{name}-2")
client.delete_experiment(exp)
refused("deleted experiment", client.create_run, exp)
gone = [e.name for e in client.search_experiments(ViewType.DELETED_ONLY, filter_string=f"name = '{name}-2'")]
client.restore_experiment(exp)
said["life"] = [gone == [f"{name}-2"], client.get_run(run).info.lifecycle_stage]

# Fluent
mlflow.set_experiment(f"{name}-fluent")
with mlflow.start_run(run_name="parent", description="note") as parent:
    mlflow.log_metrics({"a": 1, "b": 2.5}, step=2)
    mlflow.log_params({"x": 1, "y": "z"})
    mlflow.log_input(mlflow.data.from_numpy(numpy.arange(4.0)), context="training")
    with mlflow.start_run(nested=True) as kid:
        mlflow.log_metric("loss", 0.5)
    try:
        with mlflow.start_run(nested=True) as bad:
            raise KeyError("x")
    except KeyError:
        pass
with mlflow.start_run(run_id=parent.info.run_id):
    mlflow.log_metric("a", 3, step=9)
got = mlflow.get_run(parent.info.run_id)
frame = mlflow.search_runs(experiment_names=[f"{name}-fluent"])
said["fluent"] = [
    got.info.status, got.data.metrics, got.data.params, got.data.tags["mlflow.note.content"], len(frame),
    mlflow.get_run(bad.info.run_id).info.status, len(kid.info.run_name.split("-")),
    mlflow.get_parent_run(kid.info.run_id).info.run_id == parent.info.run_id,
]  # fmt: skip
print(json.dumps(said))
