"""Models of the real mlflow client: files, registry, stages and aliases, as its users know them, and as Headwater's."""

from tests.e2e.conftest import Platform
from tests.e2e.mlflow.conftest import Client


def check_life(said: dict, name: str) -> None:
    assert said["files"] == [
        ["conf.yaml", False, 11], ["folder", True, None], ["notes", True, None], ["table.json", False, 46]
    ]  # fmt: skip
    assert said["folder"] == [
        ["folder/big.bin", False, 3_000_000],
        ["folder/empty", False, 0],
        ["folder/sub", True, None],
    ]
    assert said["same"] and said["text"] == "hello" and said["missing"]
    assert said["logged"] == ["READY", [["accuracy", 0.9, said["run_id"]]]] and said["found"] == [True]
    assert said["predictions"] == [0, 0]
    assert said["stages"] == {"1": "Archived", "2": "Production"} and said["latest"] == said["by tag"] == ["2"]
    assert said["by alias"] == "1" and said["download uri"]
    exists, invalid, absent = "RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"
    codes, texts = zip(*said["refusals"], strict=True)
    assert codes == (exists, invalid, absent, absent, *[invalid] * 7)
    assert texts[0] == f"{exists}: Registered Model (name={name}) already exists."
    assert texts[2] == f"{absent}: Model Version (name={name}, version=9) not found"
    assert texts[4] == f"{invalid}: Registered model alias nobody not found."
    assert "Value must be one of None, Staging, Production, Archived." in texts[6]
    assert "Invalid model version source" in texts[7] and "relative path" in texts[8] and "at position 8" in texts[9]
    heard = ["model_version.created", "model_version_alias.created"]
    assert said["hook"] == ["ci", "https://93.184.216.34/hook", heard, "tells", "DISABLED"] and said["hooks"]
    assert set(said["private"]) == {invalid}
    assert said["after"] == [["2", []]] and said["gone"] == []


def test_the_life_of_a_model(mlflow: Client, platform: Platform) -> None:
    said = mlflow.run("models_life.py", "flowers")
    check_life(said, "flowers")
    shown = platform.json("models", "show", "flowers-3")["model"]
    assert shown["aliases"] == {"champion": 1} and shown["latestVersion"] == 1
    assert "Source      s3://bucket/model" in platform.headwater("models", "show", "flowers-3/1")
    (version,) = platform.json("models", "versions", "flowers-3")
    assert version["source"] == "s3://bucket/model" and version["lineage"]["runId"] == said["run_id"]


def test_the_life_of_a_model_with_an_older_client(old_mlflow: Client) -> None:
    check_life(old_mlflow.run("models_life.py", "old-flowers"), "old-flowers")
