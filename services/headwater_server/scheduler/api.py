"""The RPCs of the scheduler: check what was sent and who asks, call the domain, answer. No SQL here."""

import uuid
from typing import Any

from google.protobuf.json_format import MessageToDict

from headwater.api.events.v1 import events_pb2
from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit import exact
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument, NotFound
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.rpc import Call
from headwater_server.scheduler import messages
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.completions import Completions
from headwater_server.scheduler.deletion import Deletion
from headwater_server.scheduler.deployments import Deployments, deployment_name
from headwater_server.scheduler.keeping import KeepingApi
from headwater_server.scheduler.listing import Listing
from headwater_server.scheduler.metaflow.api import MetaflowApi
from headwater_server.scheduler.metaflow.lives import Lives
from headwater_server.scheduler.results import Results
from headwater_server.scheduler.retention import Retention
from headwater_server.scheduler.runs import NewRun, Runs, check
from headwater_server.scheduler.sessions import Sessions
from headwater_server.scheduler.states import RunState
from headwater_server.scheduler.store import Store, no_run
from headwater_server.scheduler.workers_api import WorkersApi


class SchedulerApi(MetaflowApi, WorkersApi):
    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        runs: Runs,
        listing: Listing,
        deployments: Deployments,
        sessions: Sessions,
        completions: Completions,
        results: Results,
        lives: Lives,
        deletion: Deletion,
        retention: Retention,
    ) -> None:
        MetaflowApi.__init__(self, lives)
        keeping = KeepingApi(deletion, retention, self._run)
        self.delete_run, self.set_retention = keeping.delete_run, keeping.set_retention
        self.get_retention, self.delete_retention = keeping.get_retention, keeping.delete_retention
        WorkersApi.__init__(self, sessions, completions, results)
        self._outbox, self._store, self._runs, self._listing = outbox, store, runs, listing
        self._deployments = deployments

    # Runs

    async def start_run(self, request: pb.StartRunRequest, call: Call) -> pb.StartRunResponse:
        new = await self._deployed(request) if request.deployment else _new_run(request, call)
        if request.deployment:
            new.parameters = new.parameters | exact.read(request, "parameters")
            new.tags += [tag for tag in request.tags if tag not in new.tags]
        new.created_by, new.role = _actor(call), call.role
        new.request_id, new.traceparent = request.request_id, call.traceparent
        new.priority = request.priority or new.priority
        new.max_workers = request.max_workers or new.max_workers
        new.timeout = request.timeout.ToTimedelta().total_seconds() or new.timeout
        new.cached, new.paused = request.cached, request.paused
        new.changed_parameters = list(request.changed_parameters)
        check(new)
        await self._check_origin(new, call)
        if not await self._runs.has_package(new.project, new.code["package"]):
            return pb.StartRunResponse(package_missing=True)
        return pb.StartRunResponse(run=await self._listing.run(uuid.UUID(await self._runs.start(new))))

    async def _deployed(self, request: pb.StartRunRequest) -> NewRun:
        return await self._deployments.new_run(await self._deployments.get(request.project, request.deployment))

    async def _check_origin(self, new: NewRun, call: Call) -> None:
        if not new.origin_run_id:
            return
        origin = await self._run(new.origin_run_id, call, new.project)
        if origin.project != new.project:
            raise no_run(new.origin_run_id)
        new.origin_run_id = origin.run_id
        if origin.flow != new.flow:
            message = f"run {origin.run_id} is one of flow {origin.flow}, not of {new.flow}"
            raise InvalidArgument(message, field="origin_run_id", hint=f"name a run of {new.flow}")
        if origin.engine:
            message = f"run {origin.run_id} was executed by {origin.engine.capitalize()}, not by Headwater"
            hint = "resume it with the client that ran it"
            raise FailedPrecondition(message, field="origin_run_id", hint=hint)
        if (await self._listing.run(uuid.UUID(origin.run_id))).state == RunState.RUNNING:
            hint = "wait until it is over, or cancel it"
            raise FailedPrecondition(f"run {origin.run_id} is still running", field="origin_run_id", hint=hint)

    async def get_run(self, request: pb.GetRunRequest, call: Call) -> pb.GetRunResponse:
        found = await self._listing.find(request.run_id, call.project if call.project != "*" else request.project)
        run = await self._listing.run(found)
        _visible(run.project, call, request.run_id)
        if request.project and run.project != request.project:
            raise no_run(request.run_id)
        return pb.GetRunResponse(run=run)

    async def list_runs(self, request: pb.ListRunsRequest, call: Call) -> pb.ListRunsResponse:
        return await self._listing.runs(request)

    async def cancel_run(self, request: pb.CancelRunRequest, call: Call) -> pb.CancelRunResponse:
        info = await self._run(request.run_id, call)
        reason = request.reason or f"cancelled by {call.actor.name}"
        done = await self._runs.cancel(info, reason, _actor(call))
        run = await self._listing.run(uuid.UUID(info.run_id))
        if not done and run.state != RunState.CANCELLED:
            how = _ended(run)
            raise FailedPrecondition(f"run {info.run_id} is over: it {how}", field="run_id", reason="RUN_OVER")
        return pb.CancelRunResponse(run=run)

    async def pause_run(self, request: pb.PauseRunRequest, call: Call) -> pb.PauseRunResponse:
        return pb.PauseRunResponse(run=await self._pause(request.run_id, call, True))

    async def resume_run(self, request: pb.ResumeRunRequest, call: Call) -> pb.ResumeRunResponse:
        return pb.ResumeRunResponse(run=await self._pause(request.run_id, call, False))

    async def _pause(self, run_id: str, call: Call, paused: bool) -> pb.Run:
        info = await self._run(run_id, call)
        if info.engine:
            raise FailedPrecondition(
                f"run {info.run_id} is executed by {info.engine.capitalize()}, not by Headwater", field="run_id"
            )
        done = await self._runs.pause(info, paused)
        run = await self._listing.run(uuid.UUID(info.run_id))
        if not done:
            how = _ended(run)
            raise FailedPrecondition(f"run {info.run_id} is over: it {how}", field="run_id", reason="RUN_OVER")
        return run

    async def set_limit(self, request: pb.SetLimitRequest, call: Call) -> pb.SetLimitResponse:
        return pb.SetLimitResponse(limit=await self._listing.set_limit(request.project, request.key, request.most))

    async def list_limits(self, request: pb.ListLimitsRequest, call: Call) -> pb.ListLimitsResponse:
        return pb.ListLimitsResponse(limits=await self._listing.limits(request.project))

    async def update_run_tags(self, request: pb.UpdateRunTagsRequest, call: Call) -> pb.UpdateRunTagsResponse:
        info = await self._run(request.run_id, call)
        await self._runs.retag(info, list(request.remove), list(request.add), request.if_version)
        return pb.UpdateRunTagsResponse(run=await self._listing.run(uuid.UUID(info.run_id)))

    async def list_tasks(self, request: pb.ListTasksRequest, call: Call) -> pb.ListTasksResponse:
        request.run_id = (await self._run(request.run_id, call)).run_id
        return await self._listing.tasks(request)

    async def list_flows(self, request: pb.ListFlowsRequest, call: Call) -> pb.ListFlowsResponse:
        return await self._listing.flows(request)

    async def _run(self, text: str, call: Call, project: str = "") -> RunInfo:
        """The run that a request is about, if the caller may see it. Raises NotFound."""
        scope = call.project if call.project != "*" else project or "*"
        info = await self._store.info(str(await self._listing.find(text, scope)))
        _visible(info.project, call, text)
        return info

    # Deployments

    async def deploy_flow(self, request: pb.DeployFlowRequest, call: Call) -> pb.DeployFlowResponse:
        new = NewRun(
            project=request.project,
            flow=request.graph.flow,
            graph=MessageToDict(request.graph),
            code=MessageToDict(request.code),
            parameters=exact.read(request, "parameters"),
            created_by=_actor(call),
            role=call.role,
            tags=list(request.tags),
            deployment=deployment_name(request.name or request.graph.flow),
            max_workers=request.max_workers,
            priority=request.priority,
            timeout=request.timeout.ToTimedelta().total_seconds(),
        )
        plan = check(new)
        if not await self._runs.has_package(new.project, new.code["package"]):
            return pb.DeployFlowResponse(package_missing=True)
        async with self._outbox.transaction() as tx:
            row = await self._deployments.put(tx, new, [MessageToDict(t) for t in request.triggers])
            event = events_pb2.FlowDeployed(
                project=new.project,
                flow=new.flow,
                version=row["version"],
                at=timestamp(row["deployed_at"]),
                actor=messages.actor(new.created_by),
                deployment=new.deployment if new.deployment != new.flow else "",
                code_package=new.code["package"],
                locks=plan.locks,
            )
            tx.emit(event, call.traceparent)
        return pb.DeployFlowResponse(deployment=messages.deployment(row, plan))

    async def list_deployments(self, request: pb.ListDeploymentsRequest, call: Call) -> pb.ListDeploymentsResponse:
        return pb.ListDeploymentsResponse(deployments=await self._deployments.list(request.project))

    async def delete_deployment(self, request: pb.DeleteDeploymentRequest, call: Call) -> pb.DeleteDeploymentResponse:
        async with self._outbox.transaction() as tx:
            await self._deployments.remove(tx, request.project, request.name)
            actor = messages.actor(_actor(call))
            event = events_pb2.FlowUndeployed(project=request.project, flow=request.name, at=timestamp(), actor=actor)
            tx.emit(event, call.traceparent)
        return pb.DeleteDeploymentResponse()

    async def pause_deployment(self, request: pb.PauseDeploymentRequest, call: Call) -> pb.PauseDeploymentResponse:
        found = await self._deployments.pause(request.project, request.name, True)
        return pb.PauseDeploymentResponse(deployment=found)

    async def resume_deployment(self, request: pb.ResumeDeploymentRequest, call: Call) -> pb.ResumeDeploymentResponse:
        found = await self._deployments.pause(request.project, request.name, False)
        return pb.ResumeDeploymentResponse(deployment=found)

    # Workers

    async def list_workers(self, request: pb.ListWorkersRequest, call: Call) -> pb.ListWorkersResponse:
        return await self._listing.workers()


def _new_run(request: pb.StartRunRequest, call: Call) -> NewRun:
    return NewRun(
        project=request.project,
        flow=request.flow or request.graph.flow,
        graph=MessageToDict(request.graph),
        code=MessageToDict(request.code),
        parameters=exact.read(request, "parameters"),
        created_by=_actor(call),
        role=call.role,
        tags=list(request.tags),
        origin_run_id=request.origin_run_id,
        resume_step=request.resume_step,
    )


def _actor(call: Call) -> dict[str, Any]:
    actor = {"kind": call.actor.kind, "name": call.actor.name, "runId": call.actor.run_id}
    return {name: value for name, value in actor.items() if value}


def _visible(project: str, call: Call, asked: str) -> None:
    """Another project's run does not exist for this caller."""
    try:
        call.require(project)
    except NotFound:
        raise no_run(asked) from None


def _ended(run: pb.Run) -> str:
    how = pb.RunState.Name(run.state).removeprefix("RUN_STATE_").lower()
    return f"was {how}" if run.state == RunState.CANCELLED else f"has {how}"
