"""The RPCs of upkeep: collecting garbage, auditing the bucket. Both work for some seconds and say where to go on."""

import time
from datetime import timedelta
from typing import Any

from headwater.api.artifact.v1 import upkeep_pb2 as pb
from headwater_server.artifact import audit, limits
from headwater_server.artifact.abandoned import Abandoned
from headwater_server.artifact.audit import Audit, Found
from headwater_server.artifact.collector import ALL, FIRST, Collector
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument, PermissionDenied
from headwater_server.kit.pages import page_token, read_page_token
from headwater_server.kit.rpc import Call

WORK_SECONDS = 4.0
MOST_NAMED = 100
LONGEST = timedelta(days=3650)


class UpkeepApi:
    def __init__(self, collector: Collector, auditor: Audit, abandoned: Abandoned) -> None:
        self._collector, self._audit, self._abandoned = collector, auditor, abandoned

    async def collect_garbage(self, request: pb.CollectGarbageRequest, call: Call) -> pb.CollectGarbageResponse:
        project = limits.check_project(request.project)
        grace = self._grace(request)
        question = ("garbage", project, grace, request.dry_run)
        after, more = _after(read_page_token(request.page_token, *question)), True
        answer, began = pb.CollectGarbageResponse(), time.monotonic()
        while more and time.monotonic() - began < WORK_SECONDS:
            idle, blobs, size, more = await self._collector.page(project, after, grace, dry_run=request.dry_run)
            answer.blobs, answer.bytes = answer.blobs + blobs, answer.bytes + size
            answer.digests.extend(each.digest.hex() for each in idle[: MOST_NAMED - len(answer.digests)])
            after = (idle[-1].project, idle[-1].digest) if idle else after
        if more:
            answer.next_page_token = page_token([after[0], after[1].hex()], *question)
        if not request.dry_run:
            await self._collector.remove_dead()
        return answer

    async def audit_artifacts(self, request: pb.AuditArtifactsRequest, call: Call) -> pb.AuditArtifactsResponse:
        if call.project != ALL:
            hint = "the bucket holds the blobs of all projects: it takes a token that is good for all"
            raise PermissionDenied(
                f"{call.actor.name} may see project {call.project} only", hint=hint, reason="PROJECT"
            )
        grace = self._grace(request)
        question = ("audit", request.deep, request.repair, grace)
        after: bytes | None = _last(read_page_token(request.page_token, *question))
        answer, began = pb.AuditArtifactsResponse(), time.monotonic()
        if after == audit.FIRST:
            found = await self._abandoned.audit(grace, repair=request.repair)
            answer.findings.extend(_finding(each) for each in found)
        while after is not None and time.monotonic() - began < WORK_SECONDS:
            part = await self._audit.part(after, deep=request.deep, repair=request.repair, grace=grace)
            answer.blobs, answer.bytes = answer.blobs + part.blobs, answer.bytes + part.bytes
            answer.findings.extend(_finding(each) for each in part.findings)
            after = part.last
        if after is not None:
            answer.next_page_token = page_token([after.hex()], *question)
        if request.repair:
            await self._collector.remove_dead()
        return answer

    def _grace(self, request: pb.CollectGarbageRequest | pb.AuditArtifactsRequest) -> timedelta:
        if not request.HasField("grace"):
            return self._collector.grace
        grace = request.grace.ToTimedelta()
        if not timedelta(0) <= grace <= LONGEST:
            text = f"grace: {grace.total_seconds():g} s is not between 0 and ten years"
            raise InvalidArgument(text, field="grace", hint="0 is safe too: uploads that are under way are held")
        return grace


def _after(position: list[Any] | None) -> tuple[str, bytes]:
    match position:
        case None:
            return FIRST
        case [str(project), str(digest)]:
            return project, bytes.fromhex(digest)
    raise InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")


def _last(position: list[Any] | None) -> bytes:
    match position:
        case None:
            return audit.FIRST
        case [str(digest)]:
            return limits.check_digest(digest, "page_token")
    raise InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")


def _finding(found: Found) -> pb.Finding:
    return pb.Finding(
        kind=found.kind,  # type: ignore[arg-type]
        digest=found.digest.hex(),
        key=found.key,
        size=found.size,
        projects=found.projects,
        since=timestamp(found.since) if found.since else None,
        detail=found.detail,
        repair=found.repair,
    )
