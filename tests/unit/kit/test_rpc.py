"""The handler table follows the proto: every RPC declares who may call it and has a method of its name."""

import pytest

from headwater.api.registry.v1 import registry_pb2
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.kit import grpc_server, rpc
from headwater_server.kit.auth import WORKER, Actor, Identity
from headwater_server.kit.errors import BY_CODE, TABLE, InvalidArgument, NotFound, PermissionDenied, from_json

REGISTRY = registry_pb2.DESCRIPTOR.services_by_name["RegistryService"]
EDITOR = Identity(Actor("user", "ada"), "editor", "acme")


class Servicer:
    """Answers every RPC of the registry by its own request."""

    def __getattr__(self, name: str):
        async def answer(request, call):
            self.last = request
            return name

        return answer


@pytest.mark.parametrize("service", sorted(grpc_server.SERVICES))
def test_every_rpc_declares_an_action_and_a_unique_route(service):
    routes = set()
    for method in grpc_server.descriptor(service).methods:
        rule = rpc.rule_of(method)
        assert bool(rule.verb) == bool(rule.path)
        if rule.path:
            assert (rule.verb, rule.path) not in routes
            routes.add((rule.verb, rule.path))
            fields = method.input_type.fields_by_name
            named = [part[1:-1] for part in rule.path.split("/") if part.startswith("{")]
            assert all(name in fields for name in named), rule.path


def test_a_servicer_that_lacks_a_method_is_refused():
    with pytest.raises(ValueError, match="lacks create_model"):
        rpc.handler_table(REGISTRY, object())


async def test_the_role_is_asked_before_the_method_runs():
    table = rpc.handler_table(REGISTRY, Servicer())
    with pytest.raises(PermissionDenied, match="models:promote"):
        await table["set_alias"].unary(registry_pb2.SetAliasRequest(project="acme"), rpc.Call(EDITOR))


async def test_another_project_does_not_exist():
    table = rpc.handler_table(REGISTRY, Servicer())
    with pytest.raises(NotFound, match="'other'"):
        await table["get_model"].unary(registry_pb2.GetModelRequest(project="other"), rpc.Call(EDITOR))


async def test_an_empty_project_is_the_callers_own_or_default():
    servicer = Servicer()
    table = rpc.handler_table(REGISTRY, servicer)
    await table["get_model"].unary(registry_pb2.GetModelRequest(), rpc.Call(EDITOR))
    assert servicer.last.project == "acme"
    await table["get_model"].unary(registry_pb2.GetModelRequest(), rpc.Call(Identity(Actor("user", "root"), "admin")))
    assert servicer.last.project == "default"


async def test_a_worker_may_only_work():
    table = rpc.handler_table(REGISTRY, Servicer())
    with pytest.raises(PermissionDenied, match="Only|Needs|may not"):
        await table["get_model"].unary(registry_pb2.GetModelRequest(), rpc.Call(WORKER))


def test_requests_from_the_bus_are_json_or_protobuf():
    request = scheduler_pb2.OpenSessionRequest(pool="gpu", slots=3)
    cls = scheduler_pb2.OpenSessionRequest
    assert rpc.decode(cls, request.SerializeToString(), rpc.PROTOBUF) == request
    assert rpc.decode(cls, b'{"pool":"gpu","slots":3}', "application/json") == request
    with pytest.raises(InvalidArgument, match="not a OpenSessionRequest.*slotz"):
        rpc.decode(cls, b'{"slotz":3}', "application/json")
    with pytest.raises(InvalidArgument):
        rpc.decode(cls, b"\xff\xff", rpc.PROTOBUF)


def test_every_error_has_one_place_in_the_table():
    assert set(BY_CODE) | {"INTERNAL"} == set(TABLE)
    assert len({m.grpc for m in TABLE.values()}) == len(TABLE)


def test_errors_survive_json():
    error = NotFound("run x does not exist", field="run_id", hint="`headwater runs` lists them.", reason="RUN")
    got = from_json(error.as_json())
    assert (type(got), got.message, got.field, got.hint, got.reason) == (
        NotFound,
        error.message,
        "run_id",
        error.hint,
        "RUN",
    )


def test_an_unexpected_error_tells_no_details():
    assert "secret" not in rpc.as_service_error(RuntimeError("secret")).message
