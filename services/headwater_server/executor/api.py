"""The RPCs of the executor: check what was sent, ask the logs or open a worker's session, answer."""

import uuid
from collections.abc import AsyncIterator

from headwater.api.executor.v1 import executor_pb2 as pb
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.executor import relay
from headwater_server.executor.chunks import Wanted
from headwater_server.executor.logs import Logs, check_position
from headwater_server.executor.scrub import Scrubber
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call
from headwater_server.kit.service import ServiceKit


class ExecutorApi:
    def __init__(self, kit: ServiceKit, logs: Logs, scrubber: Scrubber) -> None:
        self._kit, self._logs, self._scrubber = kit, logs, scrubber

    async def list_logs(self, request: pb.ListLogsRequest, call: Call) -> pb.ListLogsResponse:
        if not request.run_id:
            hint = 'the id of a run, the end of one, or "latest"'
            raise InvalidArgument("run_id: it is missing", field="run_id", hint=hint)
        wanted = Wanted.of(request.step, request.task_id, request.stream, request.attempt)
        size = page_size(request.page_size)
        run = await self._run(request.run_id, call)
        question = (run.run_id, wanted)
        position = check_position(read_page_token(request.page_token, *question))
        chunks, after = await self._logs.page(run.project, uuid.UUID(run.run_id), wanted, position, size)
        answer = pb.ListLogsResponse(chunks=chunks)
        if after is not None:
            answer.next_page_token = page_token(after, *question)
        return answer

    async def delete_logs(self, request: pb.DeleteLogsRequest, call: Call) -> pb.DeleteLogsResponse:
        if not request.run_id:
            raise InvalidArgument("run_id: it is missing", field="run_id", hint="the id of a run")
        wanted = Wanted.of(request.step, request.task_id, request.stream, request.attempt)
        run = await self._run(request.run_id, call)
        return pb.DeleteLogsResponse(lines=await self._scrubber.scrub(run.project, uuid.UUID(run.run_id), wanted))

    async def _run(self, run_id: str, call: Call) -> scheduler_pb2.Run:
        """The run, if the caller may see it: the scheduler decides. Raises NotFound."""
        request = scheduler_pb2.GetRunRequest(run_id=run_id)
        scheduler = self._kit.client("scheduler")
        return (await scheduler.GetRun(request, on_behalf=call.identity, traceparent=call.traceparent)).run

    async def work(self, requests: AsyncIterator[pb.WorkRequest], call: Call) -> AsyncIterator[pb.WorkResponse]:
        async for response in relay.serve(self._kit, requests, call):
            yield response
