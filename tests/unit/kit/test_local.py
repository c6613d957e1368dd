"""Calls inside one process: the checks, errors and deadline of gRPC."""

import asyncio

import pytest

from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import DeadlineExceeded, Internal, NotFound, PermissionDenied
from headwater_server.kit.local import LocalClient
from headwater_server.kit.rpc import Call, handler_table
from headwater_server.kit.telemetry import Tracer

SERVICE = pb.DESCRIPTOR.services_by_name["TrackingService"]
VIEWER = Identity(Actor("user", "ada"), "viewer", "acme")


class Servicer:
    def __getattr__(self, name):
        return self.answer

    async def get_experiment(self, request: pb.GetExperimentRequest, call: Call) -> pb.GetExperimentResponse:
        if request.name == "slow":
            await asyncio.sleep(60)
        if request.name == "bug":
            raise KeyError("inside")
        if request.name == "none":
            raise NotFound("no such experiment", field="name")
        return pb.GetExperimentResponse(experiment=pb.Experiment(project=request.project, name=call.actor.name))

    async def answer(self, request, call):
        return None


@pytest.fixture
def client() -> LocalClient:
    return LocalClient("gateway", "tracking", handler_table(SERVICE, Servicer()), Tracer("tracking", {}))


async def test_it_acts_for_the_caller_or_as_the_service(client):
    answer = await client.GetExperiment(pb.GetExperimentRequest(name="x"), on_behalf=VIEWER)
    assert (answer.experiment.name, answer.experiment.project) == ("ada", "acme")
    answer = await client.GetExperiment(pb.GetExperimentRequest(name="x"))
    assert (answer.experiment.name, answer.experiment.project) == ("gateway", "default")


async def test_it_checks_and_fails_like_grpc(client):
    with pytest.raises(PermissionDenied):
        await client.CreateExperiment(pb.CreateExperimentRequest(name="x"), on_behalf=VIEWER)
    with pytest.raises(NotFound, match="not yours"):
        await client.GetExperiment(pb.GetExperimentRequest(project="default", name="x"), on_behalf=VIEWER)
    with pytest.raises(NotFound) as caught:
        await client.GetExperiment(pb.GetExperimentRequest(name="none"))
    assert caught.value.field == "name"
    with pytest.raises(Internal, match="KeyError"):
        await client.GetExperiment(pb.GetExperimentRequest(name="bug"))
    with pytest.raises(DeadlineExceeded):
        await client.GetExperiment(pb.GetExperimentRequest(name="slow"), timeout=0.01)
    with pytest.raises(AttributeError):
        _ = client.Nothing
