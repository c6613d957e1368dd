"""JSON objects in messages keep every number."""

import json

import msgspec
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.gateway.rest.reading import Source, read
from headwater_server.gateway.rest.writing import to_dict, to_json
from headwater_server.kit import exact
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.rpc import decode

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SCALARS = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
OBJECTS = st.dictionaries(TEXT, JSON | st.integers(-(10**400), 10**400), max_size=4)


@given(OBJECTS)
def test_an_object_that_crosses_the_edge_and_comes_back_is_the_same(values):
    body = json.dumps({"flow": "F", "parameters": values}).encode()
    asked = read(pb.StartRunRequest, Source({}, b"", body))
    asked = pb.StartRunRequest.FromString(asked.SerializeToString())
    assert repr(exact.read(asked, "parameters")) == repr(values)
    answer = pb.StartRunResponse(run=pb.Run(**exact.both("parameters", values)))
    answer = pb.StartRunResponse.FromString(answer.SerializeToString())
    told = json.loads(to_json(answer))["run"]
    assert repr(told["parameters"]) == repr(values)
    assert "parametersJson" not in told
    assert repr(to_dict(answer)["run"]["parameters"]) == repr(values)


@given(OBJECTS)
def test_an_assignment_from_the_bus_is_the_same_as_a_message(values):
    body = msgspec.json.encode({"run": [{"attempt": 1, "parameters": values, "new": True}]})
    (task,) = exact.parse_text(body, pb.Control(), ignore_unknown=True).run
    assert repr(json.loads(task.parameters_json)) == repr(values)


def test_a_command_on_the_bus_keeps_its_numbers():
    asked = decode(pb.StartRunRequest, b'{"parameters": {"n": 9007199254740993, "x": 2.0}}', "application/json")
    assert repr(exact.read(asked, "parameters")) == "{'n': 9007199254740993, 'x': 2.0}"
    with pytest.raises(InvalidArgument, match="not a StartRunRequest"):
        decode(pb.StartRunRequest, b"[1]", "application/json")


def test_who_knows_only_the_struct_is_understood():
    asked = json_format.ParseDict({"parameters": {"n": 3, "x": 0.5}}, pb.StartRunRequest())
    assert exact.read(asked, "parameters") == {"n": 3, "x": 0.5}
    told = pb.Run(**exact.both("parameters", {"n": 3, "big": 10**400}))
    assert (told.parameters["n"], told.parameters["big"]) == (3.0, str(10**400))


@pytest.mark.parametrize("text", ["[1]", "{", '{"x": 1e999}', '{"x": ' + "[" * 5000])
def test_a_text_that_is_no_object_is_refused(text):
    with pytest.raises(InvalidArgument, match="parameters_json is no"):
        exact.read(pb.StartRunRequest(parameters_json=text), "parameters")
