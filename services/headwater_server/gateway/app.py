"""Composition root of the gateway: settings, tokens, routes, live events, and the HTTP server."""

from collections.abc import Awaitable, Callable
from importlib import import_module

from pydantic import Field, SecretStr
from starlette.responses import Response

from headwater.api.gateway.v1 import gateway_pb2
from headwater_server.gateway.api import TokenApi
from headwater_server.gateway.cards import CardPages
from headwater_server.gateway.edge import Edge, Target
from headwater_server.gateway.endpoints import ENDPOINTS
from headwater_server.gateway.guard import Guard
from headwater_server.gateway.health import Health
from headwater_server.gateway.live.hub import Hub
from headwater_server.gateway.live.letters import DeadLetters
from headwater_server.gateway.live.past import Past
from headwater_server.gateway.live.projects import ProjectEvents
from headwater_server.gateway.live.runs import RunStreams
from headwater_server.gateway.metaflow.routes import Metaflow
from headwater_server.gateway.mlflow.errors import refuse
from headwater_server.gateway.mlflow.routes import Mlflow
from headwater_server.gateway.projects import ProjectApi
from headwater_server.gateway.request import Request, answer
from headwater_server.gateway.rest.forward import Forward
from headwater_server.gateway.rest.routes import Router, rpc_routes
from headwater_server.gateway.server import HttpServer, listen
from headwater_server.gateway.store import Store
from headwater_server.kit.rpc import Joined
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import ServiceSettings

NAME = "gateway"
Handler = Callable[[Request], Awaitable[Response]]


class Settings(ServiceSettings):
    """What the HTTP edge needs to know beyond that."""

    http_address: str = Field("127.0.0.1:7400", description="host:port on which the gateway serves HTTP.")
    public_url: str = Field("", description="URL of the gateway for browsers, when it is behind a proxy.")
    allowed_hosts: str = Field(
        "", description="Names, joined by commas, under which the gateway answers besides those of loopback."
    )
    bootstrap_token: SecretStr = Field(
        SecretStr(""),
        description="An admin token for every project, known from the start; none: there is none.",
    )


async def build(kit: ServiceKit[Settings]) -> None:
    settings = kit.settings
    listener = listen(settings.http_address, insecure=settings.insecure)
    kit.on_stop(_closing(listener.close))
    store = Store(kit.database)
    if secret := settings.bootstrap_token.get_secret_value():
        await store.make_known(secret)
    tokens = TokenApi(store, kit.authenticator)
    servicer = Joined(tokens, ProjectApi(kit, store, kit.authenticator))
    kit.serve(gateway_pb2.DESCRIPTOR.services_by_name["TokenService"], servicer)
    kit.loop("touch", tokens.touch_loop)
    hub, past = Hub(kit.bus), Past(kit.bus)
    guard = Guard.of(settings.http_address, settings.allowed_hosts, settings.public_url)
    edge = Edge(router(kit, _handlers(kit, store, hub, past)), guard, kit.authenticator, kit.tracer)
    server = HttpServer(edge, listener)
    server.start()
    kit.on_stop(server.stop)
    kit.on_stop(hub.close)


def router(kit: ServiceKit[Settings], handlers: dict[str, Handler]) -> Router[Target]:
    """Every route: the RPCs' from the protos, those of the table of endpoints, and the dialects'."""
    made: Router[Target] = Router()
    for route in rpc_routes():
        made.add(route.verb, route.path, Target.of(route.action, route.path, Forward(kit, route)))
    for endpoint in ENDPOINTS:
        made.add(endpoint.verb, endpoint.path, Target.of(endpoint.action, endpoint.path, handlers[endpoint.name]))
    for verb, path, action, handle in Metaflow(kit).routes():
        made.add(verb, path, Target.of(action, path, handle))
    for verb, path, action, handle in Mlflow(kit).routes():
        made.add(verb, path, Target.of(action, path, handle, refuse))
    return made


def _handlers(kit: ServiceKit[Settings], store: Store, hub: Hub, past: Past) -> dict[str, Handler]:
    health, runs = Health(kit, store), RunStreams(kit, hub, past)
    cards = CardPages(kit)
    kit.on_stop(cards.close)
    projects, letters = ProjectEvents(kit, hub, past), DeadLetters(kit.bus, past)
    return {
        "stream_run": runs.stream,
        "show_card": cards.show,
        "stream_events": projects.stream,
        "publish_event": projects.publish,
        "list_letters": letters.list,
        "show_letter": letters.show,
        "retry_letter": letters.retry,
        "healthz": health.healthz,
        "readyz": health.readyz,
        "metrics": health.metrics,
        "openapi": _page("headwater_server.gateway.openapi", "page"),
        "docs": _page("headwater_server.gateway.docs", "page"),
    }


def _page(module: str, function: str) -> Handler:
    """A page that is made when it is first asked for."""

    async def handle(request: Request) -> Response:
        body, media, headers = getattr(import_module(module), function)()
        return answer(body, media=media, headers=headers)

    return handle


def _closing(close: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        close()

    return work
