"""A store as MLflow has left it, in the folder and at the tracking URI that are named; prints its ids."""

import json
import os
import sys
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
folder, uri = Path(sys.argv[1]), sys.argv[2]
mlflow.set_tracking_uri(uri)
client = MlflowClient()
experiment = client.create_experiment("old", artifact_location=(folder / "files").as_uri(), tags={"team": "crm"})
with mlflow.start_run(experiment_id=experiment, run_name="parent") as parent:
    mlflow.log_params({"lr": "0.1", "kernel": "rbf"})
    points = [Metric("loss", 1 / (n + 1), 1000 + n, n) for n in range(1200)]
    for first in range(0, len(points), 1000):
        client.log_batch(parent.info.run_id, points[first : first + 1000])
    mlflow.log_text("hello", "notes/a.txt")
    client.log_inputs(parent.info.run_id, [DatasetInput(Dataset("d", "1", "local", "x"))])
    with mlflow.start_run(experiment_id=experiment, run_name="child", nested=True) as child:
        mlflow.log_metric("nan", float("nan"))
gone = client.create_run(experiment)
client.delete_run(gone.info.run_id)
client.create_registered_model("old-model", tags={"k": "v"}, description="described")
for source in (f"runs:/{parent.info.run_id}/notes", "file:///somewhere/else"):
    place = source if source.startswith("file") else f"{parent.info.artifact_uri}/notes"
    client.create_model_version("old-model", place, parent.info.run_id, tags={"n": "1"})
client.set_registered_model_alias("old-model", "champion", "1")
print(json.dumps({"parent": parent.info.run_id, "child": child.info.run_id}))
