"""Traces by the real mlflow client, of both versions."""

from typing import Any

from tests.e2e.mlflow.conftest import Client

INVALID, ABSENT = "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"
FOUND = {
    "status = 'ERROR'": ["failed"],
    "trace.status = 'OK' AND tags.asked = 'why'": ["third"],
    "tags.asked LIKE 'h%'": ["first"],
    "name = 'by-hand'": ["hand"],
    "run_id = 'RUN'": ["first"],
    "span.name = 'llm' AND span.status = 'OK'": ["first", "failed", "third"],
    "span.attributes.model LIKE '%gpt%'": ["first", "failed", "third"],
    "metadata.`mlflow.trace.session` = 's1'": ["first", "third"],
    "feedback.correct = 'false'": ["first"],
    "feedback.score > 0.5": ["third"],
    "expectation.want IS NOT NULL": ["first"],
    "trace.text ILIKE '%HÖW%'": ["first"],
    "execution_time_ms < 0": [],
    "tags.kind RLIKE '^ha.d$'": ["hand"],
    "request_id IN ('FAILED')": ["failed"],
    "tags.asked IS NULL": ["failed", "hand"],
    "span.type = 'CHAIN' AND timestamp_ms > 1": ["first", "failed", "third"],
    "feedback.score = '0.75'": ["third"],
}


def check_life(said: dict[str, Any]) -> None:
    tokens = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    assert said["trace"] == ["OK", True, '{"question": "höw"}', '"HÖW"', "answer", "höw", True, tokens, True]
    assert said["spans"] == [
        "answer", "CHAIN", {"question": "höw"}, "HÖW", "a", True, {"n": [1, 2.5, None, True]}, "gpt-x", "OK",
    ]  # fmt: skip
    assert said["where"] == "TRACKING_STORE"
    assert said["failed"] == ["ERROR", "ERROR", "exception"]
    assert said["by hand"] == ["hand", ["by-hand", "part"], {"done": True}]
    assert said["tags"] == ["2", False]
    assert said["feedback"] == ["correct", True, "LLM_JUDGE", "judge-1", "it is", {"a": "b"}]
    assert said["expectation"] == {"answer": ["HOW"], "n": 1}
    assert said["updated"] == [False, False, "maybe"] and said["deleted"] == [True, 2]
    assert said["error"] == ["ValueError", "judge is away", None]
    assert said["found"] == FOUND
    assert said["ordered"] == [["hand", "third", "failed", "first"], ["first", "failed", "third", "hand"]]
    assert said["pages"] == [["first", "failed", "third"], ["hand"]] and said["frame"] == 4
    assert said["linked"] == ["first", "third"]
    assert said["gone"] == [1, 1] and said["left"] == ["third", "hand"]


def check_refusals(refused: dict[str, list[str]]) -> None:
    codes = dict.fromkeys(("filter", "order", "too many", "many links", "nothing to delete"), INVALID)
    codes |= dict.fromkeys(("no tag", "no trace", "tag of none", "no assessment", "of no trace", "deleted one"), ABSENT)
    assert {what: code for what, (code, _) in refused.items()} == codes
    assert "No trace tag with key 'gone' for trace with ID 'tr-" in refused["no tag"][1]
    assert "Assessment with ID 'a-none' not found for trace 'tr-" in refused["no assessment"][1]
    assert "position 8" in refused["filter"][1] and "position 1" in refused["order"][1]
    assert "Invalid value 501 for parameter 'max_results' supplied" in refused["too many"][1]


def test_traces(mlflow: Client) -> None:
    said = mlflow.run("traces_life.py", "traces")
    check_life(said)
    check_refusals(said["refused"])


def test_traces_with_an_older_client(old_mlflow: Client) -> None:
    said = old_mlflow.run("traces_life.py", "old-traces")
    check_life(said)
    check_refusals(said["refused"])
