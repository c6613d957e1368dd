"""What metadata of a Metaflow client says, and how its artifacts look as a manifest."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from headwater_server.artifact.manifests import Made, read_manifest
from headwater_server.scheduler.metaflow.manifest import digest_of, manifest_of
from headwater_server.scheduler.metaflow.observed import Observed, key_of, observe


def data(*fields: tuple[str, str], tag: str = "attempt_id:0") -> list[Any]:
    return [SimpleNamespace(field_name=name, value=value, tags=[tag]) for name, value in fields]


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (data(("user", "me"), ("runtime", "dev")), Observed()),
        (data(("attempt", "2"), ("origin-run-id", "None")), Observed(began=2)),
        (data(("attempt", "x"), ("attempt", "-1")), Observed()),
        (data(("attempt_ok", "True"), tag="attempt_id:3"), Observed(ended=3, ok=True)),
        (data(("attempt_ok", "False")), Observed(ended=0)),
        (data(("attempt_ok", "True"), tag="attempt_id:99999999999"), Observed(ended=0, ok=True)),
        (data(("origin-run-id", "12"), ("origin-task-id", "7")), Observed(origin="12", cloned=True)),
        (data(("start_step", "a"), ("end_step", "z")), Observed(end_step="z")),
    ],
)
def test_only_what_matters_is_seen(said, seen):
    assert observe(said) == seen
    assert seen.matters == (seen != Observed())


def test_a_task_is_called_as_its_client_calls_it():
    assert (key_of("r", "s", 7, None).task_id, key_of("r", "s", 7, "t-1").task_id) == ("7", "t-1")
    assert (key_of("r", "s", 7, "t-1").path, key_of("r", "s", 7, None).index) == ("", 7)


def test_the_manifest_is_one_that_the_artifact_service_reads():
    row = {"name": "x", "sha": "ab", "content_type": "pickle-v4", "new": True}
    text = manifest_of([row, {**row, "name": "old", "new": False}])
    assert read_manifest(text) == [Made("x", bytes.fromhex(digest_of("ab")), 0, "pickle-v4", "metaflow")]
    assert set(json.loads(text)["artifacts"]) == {"x", "old"}
    assert read_manifest(manifest_of([])) == []
