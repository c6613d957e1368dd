"""Composition root of the scheduler: settings, store, domain, RPCs, subscriptions, loops."""

import time

from pydantic import Field

from headwater.api.artifact.v1 import artifact_pb2, datasets_pb2
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.kit.errors import NotFound
from headwater_server.kit.rpc import Joined
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import ServiceSettings
from headwater_server.scheduler import events
from headwater_server.scheduler.api import SchedulerApi
from headwater_server.scheduler.completions import Completions
from headwater_server.scheduler.deletion import Deletion
from headwater_server.scheduler.deployments import Deployments
from headwater_server.scheduler.dispatch import Dispatcher
from headwater_server.scheduler.emptying import EmptyingApi
from headwater_server.scheduler.endings import Endings
from headwater_server.scheduler.exit_hooks import ExitHooks
from headwater_server.scheduler.listing import Listing
from headwater_server.scheduler.lookups import Lookups
from headwater_server.scheduler.metaflow.lives import Lives
from headwater_server.scheduler.metaflow.objects import Objects
from headwater_server.scheduler.results import Results
from headwater_server.scheduler.retention import Retention
from headwater_server.scheduler.runs import Runs
from headwater_server.scheduler.sessions import Sessions
from headwater_server.scheduler.store import Store
from headwater_server.scheduler.sweep import Sweep

# Seconds: well within the shortest lease.
PACKAGE_KNOWN = 60.0
MOST_PACKAGES = 10_000


class Settings(ServiceSettings):
    """What the scheduler needs to know beyond every service's."""

    heartbeat_seconds: float = Field(5.0, gt=0, le=60, description="How often workers say that they live.")
    lease_seconds: float = Field(15.0, gt=0, le=600, description="Silence after which a worker's tasks go to others.")
    metaflow_heartbeat_seconds: float = Field(
        4.0, gt=0, le=60, description="How often Metaflow clients are told to say that they live."
    )
    metaflow_lease_seconds: float = Field(
        15.0, gt=0, le=3600, description="Silence after which a run that a Metaflow client executes has failed."
    )


class Packages:
    """Which code packages are there, and stay until the fact of the start is known: they have a lease of an hour."""

    def __init__(self, kit: ServiceKit[Settings]) -> None:
        self._kit = kit
        self._known: dict[tuple[str, str], float] = {}

    async def has(self, project: str, digest: str) -> bool:
        if time.monotonic() - self._known.get((project, digest), -PACKAGE_KNOWN) >= PACKAGE_KNOWN:
            try:
                request = artifact_pb2.GetBlobRequest(project=project, digest=digest, keep=True)
                await self._kit.client("artifact").GetBlob(request)
            except NotFound:
                return False
            if len(self._known) >= MOST_PACKAGES:
                self._known.clear()
            self._known[project, digest] = time.monotonic()
        return True


class Data:
    """What parameters that name data stand for."""

    def __init__(self, kit: ServiceKit[Settings]) -> None:
        self._kit = kit

    async def resolve(self, project: str, uris: list[str]) -> list[str]:
        """Raises NotFound, InvalidArgument."""
        request = datasets_pb2.ResolveReferencesRequest(project=project, uris=uris)
        return list((await self._kit.client("artifact").ResolveReferences(request)).uris)


async def build(kit: ServiceKit[Settings]) -> None:
    settings, secret = kit.settings, kit.settings.internal_key.get_secret_value()
    store = Store(kit.database)
    endings = Endings(kit.bus)
    dispatcher = Dispatcher(kit.bus, kit.database, store, secret, settings.lease_seconds)
    dispatcher.on_new_pool = lambda pool: kit.loop(f"dispatch.{pool}", lambda: dispatcher.loop(pool))
    lookups = Lookups(kit.outbox, store, endings, dispatcher.wake, secret)
    completions = Completions(
        store, kit.outbox, endings, dispatcher.wake, lookups.wake, dispatcher.fair, dispatcher.binds, secret
    )
    beat, lease = settings.heartbeat_seconds, settings.lease_seconds
    runs = Runs(kit.outbox, store, dispatcher, endings, lookups.wake, Packages(kit).has, Data(kit).resolve)
    dispatcher.on_broken = runs.break_off
    sweep = Sweep(
        kit.bus, kit.outbox, store, dispatcher, endings, completions.complete, runs.expire, beat=beat, lease=lease
    )
    sessions = Sessions(
        kit.bus,
        kit.outbox,
        store,
        endings,
        dispatcher.wake,
        sweep.give_back,
        sweep.bury,
        beat=beat,
        lease=lease,
    )
    deployments = Deployments(kit.outbox, store, runs)
    beat, lease = settings.metaflow_heartbeat_seconds, settings.metaflow_lease_seconds
    lives = Lives(kit.outbox, store, Objects(kit.database), beat=beat, lease=lease)
    listing, results = Listing(store), Results(store)
    deletion = Deletion(kit.outbox, store)
    retention = Retention(store, deletion)
    api = SchedulerApi(
        kit.outbox, store, runs, listing, deployments, sessions, completions, results, lives, deletion, retention
    )
    servicer = Joined(api, EmptyingApi(kit.outbox, store, endings))
    kit.serve(scheduler_pb2.DESCRIPTOR.services_by_name["SchedulerService"], servicer)
    for loop in (completions.loop, lookups.loop, sweep.loop, deployments.clock_loop, lives.sweep_loop, retention.loop):
        kit.loop(loop.__qualname__, loop)
    await events.subscribe(kit, store, deployments, ExitHooks(store, runs), retention, sessions)
