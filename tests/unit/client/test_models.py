"""Models: what is sent when one is registered, and how one comes back."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headwater.errors import ArtifactError, InvalidArgument, NotFound
from headwater.models import infer_signature, load_model, promote, register_model
from headwater.models.types import parse_reference
from tests.unit.client.api import Api

MODELS = "/api/v1/projects/default/models"


@pytest.fixture
def registry(api: Api) -> Api:
    versions: list[dict[str, Any]] = []

    def create(query: Any, body: dict[str, Any]) -> dict[str, Any]:
        versions.append({"name": "m", "version": len(versions) + 1, **body})
        return {"version": versions[-1]}

    def get(query: Any, body: Any) -> dict[str, Any]:
        return {"version": versions[-1]}

    def move(query: Any, body: dict[str, Any]) -> dict[str, Any]:
        actor = {"kind": "user", "name": "ann"}
        return {
            "promotion": {"name": "m", "alias": "champion", **body, "version": int(body["version"]), "actor": actor}
        }

    api.routes |= {
        ("POST", f"{MODELS}/m/versions"): create,
        ("GET", f"{MODELS}/m/versions/@champion"): get,
        ("GET", f"{MODELS}/m/versions/latest"): get,
        ("PUT", f"{MODELS}/m/aliases/champion"): move,
    }
    return api


def test_an_object_goes_up_and_comes_back(registry: Api) -> None:
    weights = {"w": np.arange(100_000.0)}
    made = register_model("m", weights, metrics={"accuracy": np.float64(0.9)}, tags={"seed": 7})
    assert (str(made), made.type, made.metrics, made.tags) == ("m/1", "dict", {"accuracy": 0.9}, {"seed": "7"})
    assert made.digest in registry.blobs and made.lineage == {}
    assert np.array_equal(load_model("m@champion")["w"], weights["w"])
    moved = promote("m", made, reason="better")
    assert (moved.version, moved.reason, moved.actor) == (1, "better", "user ann")
    assert registry.seen("PUT")[0][2]["version"] == "1"


def test_a_file_keeps_its_name(registry: Api, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"onnx")
    register_model("m", file)
    loaded = load_model("m")
    assert isinstance(loaded, Path) and loaded.name == "model.onnx" and loaded.read_bytes() == b"onnx"


def test_inside_a_step_the_lineage_is_known(registry: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"RUN_ID": "r", "FLOW": "F", "STEP": "s", "TASK_ID": "3", "ATTEMPT": "2", "CODE_PACKAGE": "c"}
    for name, value in told.items():
        monkeypatch.setenv(f"HEADWATER_{name}", value)
    made = register_model("m", 1)
    assert made.lineage == {
        "flow": "F", "runId": "r", "step": "s", "taskId": "3", "attempt": 2, "codePackage": "c",
    }  # fmt: skip


def test_what_cannot_be_registered(registry: Api) -> None:
    with pytest.raises(ArtifactError, match=r"model 'm' cannot be stored: dict\['f'\]"):
        register_model("m", {"f": (each for each in "abc")})
    with pytest.raises(InvalidArgument, match="metric 'a' got 'high', which is not a number"):
        register_model("m", 1, metrics={"a": "high"})  # type: ignore[dict-item]
    with pytest.raises(InvalidArgument, match="metric 'a' of a model is nan"):
        register_model("m", 1, metrics={"a": float("nan")})
    assert not registry.seen("POST", "/versions")
    with pytest.raises(NotFound):
        load_model("other@champion")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("m@champion", ("m", "@champion")),
        ("m/3", ("m", "3")),
        ("models:/m/latest", ("m", "latest")),
        ("m", ("m", "latest")),
    ],
)
def test_references(text: str, parts: tuple[str, str]) -> None:
    assert parse_reference(text) == parts


@pytest.mark.parametrize("text", ["", "m@", "m/x/3", "@champion", "m/three"])
def test_references_that_are_none(text: str) -> None:
    with pytest.raises(InvalidArgument, match="names no model version"):
        parse_reference(text)


def test_signatures() -> None:
    assert infer_signature(np.zeros((5, 64), np.float32), np.zeros(5, int)) == {
        "inputs": [{"name": "input", "type": "float32", "shape": [-1, 64]}],
        "outputs": [{"name": "output", "type": "int64", "shape": [-1]}],
    }
    frame = pd.DataFrame({"age": [1, 2], "name": ["a", "b"]})
    names = [(each["name"], each["shape"]) for each in infer_signature(frame)["inputs"]]
    assert names == [("age", [-1]), ("name", [-1])]
    assert infer_signature({"x": [[1.0, 2.0]]})["inputs"] == [{"name": "x", "type": "float", "shape": [-1, 2]}]
    with pytest.raises(InvalidArgument, match="empty input"):
        infer_signature([])
