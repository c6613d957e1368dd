"""Blobs that nobody needs go, and no other, while writers ask for the same bytes; the audit finds what is wrong."""

import asyncio
import hashlib
import random
import uuid
from datetime import timedelta

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.artifact.v1 import upkeep_pb2 as up
from headwater.api.common.v1 import common_pb2
from headwater.api.events.v1 import events_pb2
from headwater_server.artifact.backlog import Backlog
from headwater_server.artifact.collector import Collector
from headwater_server.artifact.holders import leaseholder, run_name
from headwater_server.artifact.keys import upload_key
from headwater_server.artifact.store import Store
from headwater_server.kit.bus import StreamMessage
from headwater_server.kit.clock import timestamp
from headwater_server.kit.envelope import encode
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from headwater_server.kit.objects import ObjectStore

NONE, HOUR = timedelta(0), timedelta(hours=1)


def sha(body):
    return hashlib.sha256(body).hexdigest()


@pytest_asyncio.fixture
async def world(serve, service_kit, scheduler, s3, http, bus):
    client = await serve("artifact", scheduler_address=scheduler.address, gc_settle_seconds=0, database_pool_size=12)
    access, secret = s3.keys["artifact"]
    objects = ObjectStore(s3.endpoint, "headwater-artifacts", access, secret)
    made = World(client("artifact"), service_kit.kits[-1], objects, http, bus)
    yield made
    await objects.http.close()


class World:
    def __init__(self, artifact, kit, objects, http, bus):
        self.artifact, self.objects, self.http, self._bus = artifact, objects, http, bus
        self.store = Store(kit.database)

    async def put(self, body, run="", project="default"):
        """Stores bytes as a worker does; returns their digest."""
        digest = sha(body)
        about = {"project": project, "digest": digest, "size": len(body), "run_id": run}
        for _ in range(20):
            begun = await self.artifact.BeginUpload(pb.BeginUploadRequest(**about))
            if begun.exists:
                return digest
            put = await self.http.request("PUT", begun.url, headers=dict(begun.headers), body=body)
            assert put.status == 200, put.body
            try:
                await self.artifact.CommitUpload(pb.CommitUploadRequest(**about))
                return digest
            except FailedPrecondition as error:
                assert error.reason == "NOT_UPLOADED"
        raise AssertionError("it was cleared away twenty times")

    async def get(self, digest, project="default"):
        found = await self.artifact.GetBlob(pb.GetBlobRequest(project=project, digest=digest))
        answer = await self.http.request("GET", found.url)
        return answer.body if answer.status == 200 else None

    async def has(self, digest, project="default"):
        try:
            return await self.get(digest, project) is not None
        except NotFound:
            return False

    async def collect(self, project="*", grace=NONE, **more):
        request = up.CollectGarbageRequest(project=project, grace=lasting(grace), **more)
        return await self.artifact.CollectGarbage(request)

    async def audit(self, digest="", **more):
        """Findings, of one digest when that is given."""
        found, token = [], None
        while token != "":
            request = up.AuditArtifactsRequest(grace=lasting(NONE), page_token=token or "", **more)
            answer = await self.artifact.AuditArtifacts(request)
            found += answer.findings
            token = answer.next_page_token
        return [each for each in found if not digest or each.digest == digest]

    async def publish(self, identity, *events):
        connection = await self._bus.connect(identity)
        messages = [encode(event) for event in events]
        await connection.publish_atomic([StreamMessage(m.subject, m.body, m.id, m.headers) for m in messages])


def lasting(period):
    duration = Duration()
    duration.FromTimedelta(period)
    return duration


def deleted(run, **more):
    return events_pb2.RunDeleted(run_id=run, project="default", flow="F", at=timestamp(), **more)


async def test_nothing_that_a_writer_was_told_is_there_ever_goes(world):
    """Writers of a few bodies, whose runs come and go, beside collectors without any grace."""
    bodies = [bytes([65 + n]) * (n + 1) * 100 for n in range(4)]
    stop, checks = asyncio.Event(), []

    async def writer(seed):
        chance = random.Random(seed)
        for _ in range(10):
            run, body = str(uuid.uuid4()), chance.choice(bodies)
            digest = await world.put(body, run)
            await asyncio.sleep(chance.random() * 0.01)
            assert await world.get(digest) == body
            checks.append(digest)
            await world.store.forget_run("default", uuid.UUID(run), run_name(uuid.UUID(run)), heirs=False)

    collected = []

    class Slow(ObjectStore):
        """A store whose deletes arrive a while after they were sent."""

        async def delete(self, key):
            await asyncio.sleep(random.random() * 0.03)
            await super().delete(key)
            collected.append(1)

    o = world.objects
    slow = Slow(o.endpoint, o.bucket, o.access_key, o.secret_key)
    another = Collector(world.store, slow, Backlog(lambda: True, 0), NONE, 3600)

    async def collector():
        while not stop.is_set():
            collected.append((await world.collect()).blobs)

    async def replica():
        while not stop.is_set():
            await another.collect()
            await another.remove_dead()

    collectors = [asyncio.create_task(collector()), *(asyncio.create_task(replica()) for _ in range(2))]
    await asyncio.gather(*(writer(seed) for seed in range(6)))
    stop.set()
    await asyncio.gather(*collectors)
    await slow.http.close()
    assert len(checks) == 60 and sum(collected) > 0
    await world.collect()
    for body in bodies:
        assert not await world.has(sha(body))


async def test_a_blob_stays_while_a_run_a_card_or_a_version_needs_it(world, eventually):
    run, heir, other = (str(uuid.uuid4()) for _ in range(3))
    model, page, package, shared = [
        await world.put(text + run.encode(), run) for text in (b"model", b"page", b"package", b"shared")
    ]
    await world.put(b"shared" + run.encode(), other)
    card = pb.Card(key=common_pb2.TaskKey(run_id=other, step="s"), slot="0", type="blank", digest=page)
    await world.artifact.PutCard(pb.PutCardRequest(project="default", run_id=other, card=card))
    version = {"project": "default", "name": "churn", "version": 1, "digest": model}
    await world.publish("registry", events_pb2.ModelVersionCreated(**version))
    named = await world.put(b"a file" + run.encode())
    for path in (f"runs/{uuid.UUID(run).hex}/plots/a.png", "elsewhere/a.png"):
        await world.artifact.PutFile(pb.PutFileRequest(project="default", path=path, digest=named))
    await world.store._database.execute("DELETE FROM blob_refs WHERE holder = 'lease'")  # an hour later
    started = events_pb2.RunStarted(run_id=heir, project="default", flow="F", code_package=package, at=timestamp())
    await world.publish("scheduler", started)
    await eventually(lambda: _holds(world, package, run_name(heir)))
    await eventually(lambda: _holds(world, model, "version:1:churn"))

    await world.publish("scheduler", deleted(run))
    await eventually(lambda: _holds_not(world, package, run_name(run)))
    assert (await world.collect(dry_run=True)).blobs == 0 == (await world.collect()).blobs
    for digest in (model, page, package, shared, named):
        assert await world.has(digest)
    files = (await world.artifact.ListFiles(pb.ListFilesRequest(project="default"))).files
    assert [file.path for file in files] == ["elsewhere"]

    await world.publish("scheduler", deleted(other), deleted(heir))
    await eventually(lambda: _holds_not(world, shared, run_name(other)))
    await eventually(lambda: _holds_not(world, package, run_name(heir)))
    planned = await world.collect(dry_run=True)
    assert (planned.blobs, set(planned.digests)) == (3, {page, package, shared}) and await world.has(page)
    assert (await world.collect(grace=HOUR)).blobs == 0
    done = await world.collect()
    assert (done.blobs, done.bytes) == (3, planned.bytes) and planned.bytes > 0
    assert [await world.has(digest) for digest in (model, page, package, shared)] == [True, False, False, False]
    # What comes late for a deleted run holds nothing for ever: it is a lease.
    await world.put(b"late" + run.encode(), run)
    assert await _holds(world, sha(b"late" + run.encode()), "lease")

    await world.publish("registry", events_pb2.ModelVersionDeleted(project="default", name="churn", version=1))
    await eventually(lambda: _holds_not(world, model, "version:1:churn"))
    assert (await world.collect()).blobs == 1 and not await world.has(model)


async def test_runs_that_took_tasks_over_keep_what_they_will_refer_to(world, eventually):
    run, heir = str(uuid.uuid4()), str(uuid.uuid4())
    digest = await world.put(b"made by the origin" + run.encode(), run)
    await world.publish("scheduler", deleted(run, heirs=[heir]))
    await eventually(lambda: _holds_not(world, digest, run_name(run)))
    assert (await world.collect()).blobs == 0
    manifest = (
        f'{{"v":1,"artifacts":{{"x":{{"type":"a","encoding":"pickle5","size":9,"digest":"{digest}"}}}},"new":[]}}'
    )
    late = events_pb2.TaskSucceeded(run_id=heir, project="default", flow="F", step="s", manifest_json=manifest)
    await world.publish("scheduler", late)
    await eventually(lambda: _holds(world, digest, run_name(heir)))


async def test_a_blob_of_two_projects_stays_for_the_other(world):
    run, body = str(uuid.uuid4()), b"of two projects" + uuid.uuid4().bytes
    digest = await world.put(body, run, "a")
    await world.put(body, run, "b")
    await world.store.forget_run("a", uuid.UUID(run), run_name(uuid.UUID(run)), heirs=False)
    assert (await world.collect("b")).blobs == 0
    done = await world.collect("a")
    assert (done.blobs, done.bytes) == (1, 0)
    assert not await world.has(digest, "a") and await world.get(digest, "b") == body


async def test_a_process_that_died_after_the_rows_leaves_the_objects_to_the_next(world):
    run, body = str(uuid.uuid4()), b"half gone" + uuid.uuid4().bytes
    digest = await world.put(body, run)
    key = upload_key(bytes.fromhex(digest), "default")
    await world.store.forget_run("default", uuid.UUID(run), run_name(uuid.UUID(run)), heirs=False)
    idle = await world.store.idle("*", ("", b""), NONE, 10)
    await world.store.collect(idle, NONE)  # and here it died
    assert await world.objects.head(key) and not await world.has(digest)
    # A writer who had looked at the object before is told to upload it again.
    assert await world.store.register("default", bytes.fromhex(digest), len(body), key, leaseholder(HOUR)) is None
    await world.put(body, str(uuid.uuid4()))  # uploaded again meanwhile, to another key
    await world.collect()
    assert not await world.objects.head(key) and await world.get(digest) == body
    assert await world.audit(digest) == []


async def test_nothing_is_collected_before_the_events_were_read(world):
    backlog = Backlog(lambda: True, 0)
    backlog.heard(3)
    collector = Collector(world.store, world.objects, backlog, NONE, 3600)
    with pytest.raises(Unavailable, match="on their way"):
        await asyncio.wait_for(backlog.read(0.05), 1)
    backlog.heard(0)
    await collector.collect()
    with pytest.raises(InvalidArgument, match="grace: -1 s"):
        await world.collect(grace=timedelta(seconds=-1))


async def test_the_audit_finds_and_repairs(world, monkeypatch):
    salt = uuid.uuid4().bytes
    lost, bad, moved = [await world.put(text + salt, str(uuid.uuid4())) for text in (b"lost", b"bad", b"moved")]

    def key(digest, project="default"):
        return upload_key(bytes.fromhex(digest), project)

    await world.objects.delete(key(lost))
    await world.objects.put(key(bad), b"BAD" + salt)  # the same size
    await world.objects.put(key(moved, "elsewhere"), b"moved" + salt)
    await world.objects.delete(key(moved))
    orphan = b"never committed" + salt
    await world.objects.put(key(sha(orphan)), orphan)

    def kinds(findings):
        return [up.FindingKind.Name(each.kind).removeprefix("FINDING_KIND_") for each in findings]

    assert kinds(await world.audit(lost)) == ["MISSING"] and kinds(await world.audit(bad)) == []
    (found,) = await world.audit(bad, deep=True)
    assert kinds([found]) == ["CORRUPT"] and list(found.projects) == ["default"] and not found.repair
    findings = {each.digest: each for each in await world.audit(deep=True, repair=True)}
    assert "next upload" in findings[lost].repair and "next upload" in findings[bad].repair
    assert key(moved, "elsewhere") in findings[moved].repair and findings[sha(orphan)].repair == "removed"
    assert await world.get(moved) == b"moved" + salt and not await world.objects.head(key(sha(orphan)))
    assert not await world.has(lost) and not await world.has(bad)
    for body in (b"lost" + salt, b"bad" + salt, orphan):
        await world.put(body)
        assert await world.get(sha(body)) == body
    monkeypatch.setattr("headwater_server.kit.objects.PAGE", 2)
    monkeypatch.setattr("headwater_server.artifact.audit.MOST_ROWS", 3)
    left = await world.audit(deep=True)
    assert not {lost, bad, moved, sha(orphan)} & {each.digest for each in left}


async def _holds(world, digest, holder):
    sql = "SELECT EXISTS (SELECT FROM blob_refs WHERE digest = $1 AND holder = $2)"
    return await world.store._database.fetchval(sql, bytes.fromhex(digest), holder)


async def _holds_not(world, digest, holder):
    return not await _holds(world, digest, holder)
