"""The pages that tasks made, for browsers: HTML of others, so each is shown in a sandbox that can reach nothing."""

from typing import Any

from starlette.responses import Response

from headwater.api.artifact.v1 import artifact_pb2
from headwater_server.gateway.parameters import Parameters
from headwater_server.gateway.request import Request, answer
from headwater_server.kit.errors import NotFound, Unavailable
from headwater_server.kit.http import HttpClient
from headwater_server.kit.service import ServiceKit

# Scripts of a card may run, without an origin, a network or a form: they can draw, and tell nobody.
POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_HEADERS = {"content-security-policy": POLICY, "x-frame-options": "SAMEORIGIN"}


class CardPages:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._kit, self._http = kit, HttpClient(limit=8)

    async def show(self, request: Request) -> Response:
        """GET /api/v1/runs/{run_id}/cards/{digest}"""
        given = Parameters(request.query, "project")
        wanted = artifact_pb2.ListCardsRequest(
            project=given.text("project"), run_id=request.path["run_id"], digest=request.path["digest"], page_size=1
        )
        service = self._kit.client("artifact")
        found = await service.ListCards(wanted, on_behalf=request.identity, traceparent=request.traceparent)
        if not found.cards:
            raise NotFound(
                f"run {request.path['run_id']} has no card with this page (any more)",
                field="digest",
                hint="list its cards anew: a card that was refreshed has another digest",
            )
        project = given.text("project") or (request.identity.project if request.identity.project != "*" else "default")
        blob = await service.GetBlob(
            artifact_pb2.GetBlobRequest(project=project, digest=found.cards[0].digest), traceparent=request.traceparent
        )
        page = await self._http.request("GET", blob.url)
        if page.status != 200:
            raise Unavailable(f"the object store answers {page.status} for the page of the card")
        return answer(page.body, media="text/html", headers=_HEADERS)

    async def close(self) -> None:
        await self._http.close()
