"""Reading what is logged: shapes, limits, and errors that name the field."""

import math
import random
import uuid

import msgspec
import pytest

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.batches import latest, read_foreign, read_metric_batch

RUN = uuid.UUID("0199c0de-0000-7000-8000-000000000001")
NOW = 1_700_000_000_000


def batch(body: object, run: str = str(RUN)) -> object:
    return read_metric_batch(msgspec.json.encode(body), "default", run, NOW)


def test_a_metric_batch_in_both_spellings() -> None:
    camel = {
        "runId": str(RUN),
        "batchId": "b1",
        "metrics": [{"key": "loss", "value": 0.5, "step": "3", "timestampMs": "7"}],
    }
    snake = {
        "run_id": RUN.hex,
        "batch_id": "b1",
        "metrics": [{"key": "loss", "value": 0.5, "step": 3, "timestamp_ms": 7}],
    }
    assert batch(camel) == batch(snake)
    found = batch(camel)
    assert found.run == RUN and found.batch_id == "b1"
    assert found.points == [("loss", 0.5, 3, 7)]


def test_what_is_not_said() -> None:
    found = batch({"metrics": [{"key": "loss"}], "params": {"lr": "0.1"}, "tags": {"a": ""}})
    assert found.points == [("loss", 0.0, 0, NOW)]
    assert (found.params, found.tags, found.task, found.batch_id) == ({"lr": "0.1"}, {"a": ""}, "", "")


@pytest.mark.parametrize("text", ["NaN", "nan", "Infinity", "-Infinity", "inf", "+inf", "-inf"])
def test_numbers_that_json_cannot_write(text: str) -> None:
    value = batch({"metrics": [{"key": "loss", "value": text}]}).points[0].value
    assert not math.isfinite(value)


def test_bare_nan_of_python() -> None:
    found = read_metric_batch(b'{"metrics": [{"key": "loss", "value": NaN}]}', "default", str(RUN), NOW)
    assert math.isnan(found.points[0].value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "must be a JSON object"),
        ({"runId": "x"}, "run_id: 'x' is not the id of a run"),
        ({"runId": str(uuid.uuid4())}, "is not the run of the subject"),
        ({"metrics": {}}, ""),
        ({"metrics": 3}, "metrics: 3 is not a list"),
        ({"metrics": [3]}, "metrics[0]: 3 is not an object"),
        ({"metrics": [{"key": "a"}, {"key": ""}]}, "metrics[1].key: the key is empty"),
        ({"metrics": [{"value": 1}]}, "metrics[0].key: None is not a text"),
        ({"metrics": [{"key": "k" * 251}]}, "has 251 characters, at most 250"),
        ({"metrics": [{"key": "a", "value": "high"}]}, "metrics[0].value: 'high' is not a number"),
        ({"metrics": [{"key": "a", "value": True}]}, "metrics[0].value: True is not a number"),
        ({"metrics": [{"key": "a", "step": 1.5}]}, "metrics[0].step: 1.5 is not a whole number"),
        ({"metrics": [{"key": "a", "step": 2**63}]}, "metrics[0].step: 9223372036854775808 is not a whole number"),
        ({"metrics": [{"key": "a", "step": True}]}, "metrics[0].step: True is not a whole number"),
        ({"params": {"lr": 0.1}}, "params['lr']: 0.1 is not a text"),
        ({"params": {"lr": "x" * 6001}}, "params['lr']: 6001 characters, at most 6000"),
        ({"tags": {"t": "x" * 8001}}, "tags['t']: 8001 characters, at most 8000"),
        ({"tags": {"t": "a\0b"}}, "NUL"),
        ({"task": "train"}, "task: 'train' is not step/task_id"),
        ({"batchId": "x" * 201}, "batch_id: "),
    ],
)
def test_a_bad_batch_names_the_field(body: object, says: str) -> None:
    if not says:
        assert batch(body).points == []
        return
    with pytest.raises(InvalidArgument) as error:
        batch(body)
    assert says in error.value.message


def test_not_json() -> None:
    with pytest.raises(InvalidArgument, match="not JSON"):
        read_metric_batch(b"{", "default", str(RUN), NOW)


def test_foreign_metrics() -> None:
    (one,) = read_foreign("metric", {"run_id": str(RUN), "key": "loss", "value": 1, "step": 3}, "acme", "HW_EXT:1", NOW)
    assert (one.run, one.project, one.batch_id, one.points) == (RUN, "acme", "HW_EXT:1", [("loss", 1.0, 3, NOW)])
    other = uuid.uuid4()
    many = read_foreign(
        "metric", [{"runId": r.hex, "key": "a", "value": "NaN"} for r in (RUN, other, RUN)], "acme", "HW_EXT:2", NOW
    )
    assert [(b.run, len(b.points)) for b in many] == [(RUN, 2), (other, 1)]


def test_foreign_params_and_tags_may_be_numbers() -> None:
    (param,) = read_foreign("param", {"run_id": str(RUN), "key": "lr", "value": 0.1}, "acme", "x", NOW)
    (tag,) = read_foreign("tag", {"run_id": str(RUN), "key": "ok", "value": True}, "acme", "x", NOW)
    assert param.params == {"lr": "0.1"} and tag.tags == {"ok": "true"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"key": "loss", "value": 1}, "run_id: missing"),
        ({"run_id": "7", "key": "loss", "value": 1}, "run_id: '7' is not the id of a run"),
        ({"run_id": str(RUN), "value": 1}, "key: missing"),
        ({"run_id": str(RUN), "key": "loss"}, "value: missing"),
        ({"run_id": str(RUN), "key": "loss", "value": "low"}, "value: 'low' is not a number"),
        ({"run_id": str(RUN), "key": "loss", "value": 1, "step": "x"}, "step: 'x' is not a whole number"),
        ([{"run_id": str(RUN), "key": "a", "value": 1}, {"run_id": str(RUN), "key": "b"}], "[1].value: missing"),
        ([], "0 entries"),
        ("loss", "is not an object"),
    ],
)
def test_a_bad_foreign_event_names_the_field(body: object, says: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        read_foreign("metric", body, "acme", "x", NOW)
    assert says in error.value.message


def test_latest_is_by_step_then_time_then_value() -> None:
    rows = [
        (1, 1, 5, 10, 0.1),
        (1, 1, 5, 10, 0.3),
        (1, 1, 5, 9, 0.9),
        (1, 1, 4, 99, 0.9),
        (1, 2, 0, 0, 1.0),
        (0, 9, 0, 0, 2.0),
    ]
    random.Random(1).shuffle(rows)
    assert latest(rows) == [(0, 9, 0, 0, 2.0), (1, 1, 5, 10, 0.3), (1, 2, 0, 0, 1.0)]


def test_latest_with_nan_does_not_depend_on_the_order() -> None:
    rows = [(1, 1, 5, 10, math.nan), (1, 1, 5, 10, 0.3)]
    assert math.isnan(latest(rows)[0][4]) and math.isnan(latest(reversed(rows))[0][4])
