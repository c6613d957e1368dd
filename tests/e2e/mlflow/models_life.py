"""A model as an MLflow user leads it: logged with files beside it, registered, promoted, loaded, moved, deleted."""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
NAME = sys.argv[1]
client = MlflowClient()
said: dict[str, Any] = {}


def refused(act: Any, *arguments: Any, **more: Any) -> list[str]:
    try:
        act(*arguments, **more)
    except MlflowException as error:
        return [error.error_code, error.message.splitlines()[0]]
    raise AssertionError(f"{act} took {arguments}")


def files(run_id: str, path: str | None = None) -> list[Any]:
    return [[f.path, f.is_dir, f.file_size] for f in client.list_artifacts(run_id, path)]


folder = Path("made")
(folder / "sub").mkdir(parents=True)
(folder / "big.bin").write_bytes(os.urandom(3_000_000))
(folder / "sub" / "ü 100%.txt").write_text("text")
(folder / "empty").write_bytes(b"")
mlflow.set_experiment(f"of {NAME}")
X, y = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run() as run:
    mlflow.log_artifacts(str(folder), "folder")
    mlflow.log_text("hello", "notes/hello.txt")
    mlflow.log_dict({"a": [1, 2]}, "conf.yaml")
    mlflow.log_table({"q": ["a", "b"], "r": [1, 2]}, "table.json")
    model = LogisticRegression(max_iter=500).fit(X, y)
    # Named, they need not be found out in another process, which takes a while.
    needs = ["scikit-learn"]
    info = mlflow.sklearn.log_model(model, name="clf", registered_model_name=NAME, pip_requirements=needs)
    mlflow.log_metric("accuracy", 0.9, model_id=info.model_id)
run_id = said["run_id"] = run.info.run_id
said["files"], said["folder"] = files(run_id), files(run_id, "folder")
local = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="folder"))
said["same"] = all(
    (local / p.relative_to(folder)).read_bytes() == p.read_bytes() for p in folder.rglob("*") if p.is_file()
)
said["text"] = mlflow.artifacts.load_text(f"runs:/{run_id}/notes/hello.txt")
said["missing"] = refused(mlflow.artifacts.load_text, f"runs:/{run_id}/notes/none.txt")
logged = mlflow.get_logged_model(info.model_id)
said["logged"] = [str(logged.status), [[m.key, m.value, m.run_id] for m in logged.metrics]]
experiment = run.info.experiment_id
found = mlflow.search_logged_models([experiment], filter_string="metrics.accuracy > 0.5", output_format="list")
said["found"] = [m.model_id == info.model_id for m in found]

client.set_registered_model_alias(NAME, "champion", "1")
second = mlflow.register_model(info.model_uri, NAME, tags={"a": "1"})
client.set_model_version_tag(NAME, second.version, "checked", "yes")
said["predictions"] = [
    int(flavor.load_model(uri).predict(X.head(1))[0])
    for flavor, uri in ((mlflow.pyfunc, f"models:/{NAME}@champion"), (mlflow.sklearn, f"models:/{NAME}/2"))
]
client.transition_model_version_stage(NAME, "1", "Production")
client.transition_model_version_stage(NAME, "2", "production", archive_existing_versions=True)
said["stages"] = {v.version: v.current_stage for v in client.search_model_versions(f"name='{NAME}'")}
said["by tag"] = [v.version for v in client.search_model_versions(f"name='{NAME}' and tags.checked = 'yes'")]
said["latest"] = [v.version for v in client.get_latest_versions(NAME, ["Production"])]
said["by alias"] = client.get_model_version_by_alias(NAME, "champion").version
said["download uri"] = client.get_model_version_download_uri(NAME, "2") == logged.artifact_location
said["refusals"] = [
    refused(client.create_registered_model, NAME),
    refused(client.create_registered_model, "a/b"),
    refused(client.get_model_version, NAME, "9"),
    refused(client.get_registered_model, f"{NAME}-none"),
    refused(client.get_model_version_by_alias, NAME, "nobody"),
    refused(client.set_registered_model_alias, NAME, "v1", "1"),
    refused(client.transition_model_version_stage, NAME, "1", "Live"),
    refused(client.create_model_version, NAME, "/etc"),
    refused(client.create_model_version, NAME, f"runs:/{run_id}/clf/../../x", run_id),
    refused(client.search_registered_models, "name ="),
    refused(client.create_logged_model, experiment, name="a.b"),
]
heard = ["model_version.created", "model_version_alias.created"]
hook = client.create_webhook("ci", "https://93.184.216.34/hook", heard, description="tells", secret="s3cret")
client.update_webhook(hook.webhook_id, status="DISABLED")
hook = client.get_webhook(hook.webhook_id)
said["hook"] = [hook.name, hook.url, [str(event) for event in hook.events], hook.description, str(hook.status)]
said["hooks"] = hook.webhook_id in [h.webhook_id for h in client.list_webhooks()]
private = ("127.0.0.1", "169.254.169.254", "[::1]", "0x7f.1", "localhost", "10.0.0.1")
said["private"] = [refused(client.create_webhook, "ci", f"https://{host}/x", heard)[0] for host in private]
client.delete_webhook(hook.webhook_id)
client.delete_model_version(NAME, "1")
client.rename_registered_model(NAME, f"{NAME}-2")
said["after"] = [[v.version, v.aliases] for v in client.search_model_versions(f"name='{NAME}-2'")]
client.delete_registered_model(f"{NAME}-2")
said["gone"] = [m.name for m in client.search_registered_models(f"name LIKE '{NAME}%'")]
client.create_registered_model(f"{NAME}-3")
client.create_model_version(f"{NAME}-3", "s3://bucket/model", run_id)
client.set_registered_model_alias(f"{NAME}-3", "champion", "1")
print(json.dumps(said))
