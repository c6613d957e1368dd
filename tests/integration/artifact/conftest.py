"""The artifact service with a scheduler that knows two runs, and a sender of blobs."""

import hashlib
from types import SimpleNamespace

import pytest
import pytest_asyncio

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.kit.http import HttpClient
from tests.integration.standin import Servicer, stand_in

RUN = "01890a5d-ac96-774b-bcce-b302099a8057"


class Scheduler(Servicer):
    def __init__(self):
        self.results = {}
        self.asked = []

    async def get_run(self, request, call):
        self.asked.append((request.run_id, request.project, call.role))
        return scheduler_pb2.GetRunResponse(run=scheduler_pb2.Run(run_id=RUN, project=request.project))

    async def list_tasks(self, request, call):
        assert request.results
        result = self.results[request.run_id, request.step, request.task_id]
        return scheduler_pb2.ListTasksResponse(tasks=[scheduler_pb2.Task(task_id=request.task_id, result=result)])


@pytest_asyncio.fixture
async def scheduler():
    servicer = Scheduler()
    async with stand_in("scheduler", servicer) as address:
        yield SimpleNamespace(servicer=servicer, address=address)


@pytest_asyncio.fixture
async def artifact(serve, scheduler):
    client = await serve("artifact", scheduler_address=scheduler.address, gc_settle_seconds=0)
    return client("artifact")


@pytest_asyncio.fixture
async def http():
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
def send(artifact, http):
    """Stores bytes in a project as clients do; returns the digest."""

    async def do(body, project="default"):
        digest = hashlib.sha256(body).hexdigest()
        begun = await artifact.BeginUpload(pb.BeginUploadRequest(project=project, digest=digest, size=len(body)))
        if not begun.exists:
            put = await http.request("PUT", begun.url, headers=dict(begun.headers), body=body)
            assert put.status == 200, put.body
            await artifact.CommitUpload(pb.CommitUploadRequest(project=project, digest=digest, size=len(body)))
        return digest

    return do
