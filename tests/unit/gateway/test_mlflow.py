"""MLflow's conventions at the edge: fields, errors, and the routes that take the rest of a path."""

import json

import pytest

from headwater_server.gateway.mlflow.errors import MlflowError, error_code_of, refuse
from headwater_server.gateway.mlflow.fields import Fields, at_most, from_json, from_query, may, need
from headwater_server.gateway.rest.routes import Router, names_of
from headwater_server.kit.errors import AlreadyExists, FailedPrecondition, NotFound, ServiceError, Unavailable

FIELDS: Fields = {
    "run_id": need("string"),
    "max_results": may("int", at_most(50)),
    "order_by": may("strings"),
    "deleted": may("bool"),
    "value": may("float"),
    "view_type": may("enum"),
}


def test_queries_and_bodies_become_the_same() -> None:
    want = {"run_id": "r", "max_results": 7, "order_by": ["a", "b"], "deleted": True}
    assert from_query(b"run_id=r&max_results=7&order_by=a&order_by=b&deleted=TRUE&other=1", FIELDS) == want
    assert from_json(json.dumps(want | {"other": 1, "value": None}).encode(), FIELDS) == want
    assert from_json(json.dumps(json.dumps({"runId": "r", "maxResults": "7"})).encode(), FIELDS) == {
        "run_id": "r",
        "max_results": 7,
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "Missing value for required parameter 'run_id'. See the API docs for more information"),
        ({"run_id": ""}, "Missing value for required parameter 'run_id'."),
        ({"run_id": 3}, "Invalid value 3 for parameter 'run_id' supplied:  Hint: Value was of type 'int'. See the"),
        ({"run_id": "r", "max_results": "x"}, "Invalid value \"x\" for parameter 'max_results' supplied"),
        ({"run_id": "r", "max_results": 51}, "Invalid value 51 for parameter 'max_results' supplied"),
        ({"run_id": "r", "max_results": True}, "Invalid value true for parameter 'max_results' supplied"),
        ({"run_id": "r", "order_by": "a"}, "Invalid value \"a\" for parameter 'order_by' supplied"),
        ({"run_id": "r", "order_by": [1]}, "Invalid value [1] for parameter 'order_by' supplied"),
        ({"run_id": "r", "maxResults": 1, "max_results": 1}, "specifies both 'max_results' and 'maxResults'"),
        ({"run_id": "a\0b"}, "it holds a NUL character"),
        ([], "must be a JSON object"),
    ],
)
def test_what_does_not_fit(body: object, says: str) -> None:
    with pytest.raises(MlflowError) as error:
        from_json(json.dumps(body).encode(), FIELDS)
    assert says in error.value.message


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (NotFound("x"), "RESOURCE_DOES_NOT_EXIST", 404),
        (NotFound("x", reason="NOT_FOUND"), "RESOURCE_DOES_NOT_EXIST", 404),
        (AlreadyExists("x"), "RESOURCE_ALREADY_EXISTS", 400),
        (FailedPrecondition("x"), "INVALID_STATE", 500),
        (Unavailable("x"), "TEMPORARILY_UNAVAILABLE", 503),
        (NotFound("x", reason="ENDPOINT_NOT_FOUND"), "ENDPOINT_NOT_FOUND", 404),
        (MlflowError("x", "RESOURCE_CONFLICT"), "RESOURCE_CONFLICT", 409),
    ],
)
def test_errors(error: ServiceError, code: str, status: int) -> None:
    assert (error_code_of(error), refuse(error).status_code) == (code, status)


def test_the_rest_of_a_path() -> None:
    router: Router[str] = Router()
    for path in ("/a/{name:path}", "/a/b/{one}", "/a/b/c"):
        router.add("GET", path, path)
    assert names_of("/a/{name:path}") == ["name"]
    assert router.find("/a/b/c").segments == [] and router.find("/a/b/x").segments == ["x"]
    assert router.find("/a/b/x/y%2Fz").segments == ["b/x/y%2Fz"] and router.find("/a/x").segments == ["x"]
    with pytest.raises(NotFound):
        router.find("/b")
