"""Requests of MLflow's clients: what is read, what is refused, in which words."""

import math

import pytest

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.mlflow import bodies, checks
from headwater_server.tracking.mlflow.bodies import Metric, Pair


def test_numbers_come_as_protobuf_writes_them() -> None:
    body = b'{"run_uuid":"r","key":"m","value":"-Infinity","timestamp":"12","step":7.0,"model_id":null}'
    read = bodies.decode(body, bodies.LogMetric)
    assert (read.run, read.value, read.timestamp, read.step, read.model_id) == ("r", -math.inf, 12, 7, "")
    assert math.isnan(bodies.decode(b'{"run_id":"r","key":"m","value":NaN,"timestamp":1}', bodies.LogMetric).value)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"key":1}', b'{"key":"m","value":"x","timestamp":1}', b"\xff"])
def test_what_does_not_fit_is_told_apart(body: bytes) -> None:
    with pytest.raises(InvalidArgument) as error:
        bodies.decode(body, bodies.LogMetric)
    assert error.value.reason == bodies.SHAPE


def test_page_tokens() -> None:
    assert bodies.offset_of("") == 0 and bodies.offset_of(bodies.page_token(500)) == 500
    for token in ("###", "e30=", "eyJvZmZzZXQiOiAwfQ==", "eyJvZmZzZXQiOiAtNX0="):
        with pytest.raises(InvalidArgument, match="Invalid page token"):
            bodies.offset_of(token)


@pytest.mark.parametrize("name", ["a", "a/b.c-d_e f:g", "é", "k" * 250, "..a", "a..b"])
def test_names(name: str) -> None:
    if name == "..a":  # as MLflow has it: what begins with two dots may lead out of a folder
        with pytest.raises(InvalidArgument):
            checks.check_name(name, "key")
        return
    assert checks.check_name(name, "key") == name
    assert checks.check_metrics([Metric(name, 1, 1)], "") == {name}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "Missing value for required parameter 'metrics[1].key'"),
        ("a$b", "Names may only contain alphanumerics"),
        ("a\n", "Names may only contain alphanumerics"),
        ("a//b", "This name would resolve to 'a/b'"),
        ("/a", "This name would resolve to '/a'"),
        ("../a", "This name would resolve to '../a'"),
        ("a/", "This name would resolve to 'a'"),
        (".", "This name would resolve to '.'"),
        ("k" * 251, "'Metric name' exceeds the maximum length of 250 characters"),
    ],
)
def test_bad_names(name: str, says: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        checks.check_metrics([Metric("good", 1, 1), Metric(name, 1, 1)], "metrics[{}].")
    assert says in error.value.message


def test_values_that_are_too_long_are_cut_and_other_limits_hold() -> None:
    assert checks.check_param(Pair("p", "x" * 7000), "") == ("p", "x" * 6000)
    assert len(checks.check_tag(Pair("t", "x" * 9000), "")[1]) == 8000
    with pytest.raises(InvalidArgument, match="'value' exceeds the maximum length of 20000 characters"):
        checks.check_tag(Pair("t", "x" * 20_001), "", checks.MAX_EXPERIMENT_TAG, cut=False)
    with pytest.raises(InvalidArgument, match="at most 1000 metrics. Got 1001 metrics. Please split up metrics"):
        checks.check_batch(1001, 0, 0)
    with pytest.raises(InvalidArgument, match="at most 1000 metrics, params, and tags. Got 1001"):
        checks.check_batch(950, 50, 1)
    with pytest.raises(InvalidArgument, match="Timestamp must be a nonnegative long"):
        checks.check_metrics([Metric("m", 1, -1)], "")
    with pytest.raises(InvalidArgument, match="NUL"):
        checks.check_param(Pair("p", "a\0b"), "")


@pytest.mark.parametrize("place", ["s3://bucket/a b", "mlflow-artifacts:/x", "gs://b", "abfss://c@a.dfs/x"])
def test_places_of_files(place: str) -> None:
    assert checks.check_location(place) == place


@pytest.mark.parametrize(
    "place",
    ["/etc", "file:///etc", "FILE:/etc", "//host/x", "./x", "s3://b/../c", "s3://b/%2e%2e/c", "s3://b/%252e%252e/c",
     "s3://b\\..\\c", "s3://b/x#y", "s3://b/x?y", "s3://b/x;y", "s3://b/\0", "s3://" + "b" * 2048, "runs:/a/b"],
)  # fmt: skip
def test_places_that_are_refused(place: str) -> None:
    with pytest.raises(InvalidArgument):
        checks.check_location(place)
