"""Large blobs in parts on a real S3 server: sent once whoever sends them, read and hashed before anybody sees them."""

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
from headwater_server.artifact import proofs
from headwater_server.artifact.abandoned import Abandoned
from headwater_server.artifact.files import FileStore
from headwater_server.artifact.keys import FOLDER
from headwater_server.artifact.limits import PartSizes
from headwater_server.artifact.multipart import Multipart
from headwater_server.artifact.parts import PartsApi
from headwater_server.artifact.store import Store
from headwater_server.artifact.upload_store import UploadStore
from headwater_server.artifact.uploads import Uploads
from headwater_server.kit.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound
from headwater_server.kit.objects import ObjectStore

MIB = 1 << 20
BODY = random.Random(1).randbytes(12 * MIB)
DIGEST = hashlib.sha256(BODY).hexdigest()
UNFINISHED = up.FINDING_KIND_UNFINISHED


@pytest_asyncio.fixture
async def artifact(serve, scheduler):
    """The service with parts as small as S3 has them."""
    client = await serve(
        "artifact", scheduler_address=scheduler.address, gc_settle_seconds=0, parts_from_mb=5, part_mb=5
    )
    return client("artifact")


@pytest_asyncio.fixture
async def objects(s3):
    """The bucket, with nothing left of tests before."""
    store = ObjectStore(s3.endpoint, "headwater-artifacts", *s3.keys["artifact"])
    keys, unfinished = await stored(store)
    for key in keys:
        await store.delete(key)
    for each in unfinished:
        await Multipart(store).abort(each.key, each.s3_id)
    yield store
    await store.http.close()


@pytest.fixture
def abandoned(service_kit, artifact, objects):
    database = service_kit.kits[-1].database
    store, rows = Store(database), UploadStore(database)
    parts = PartsApi(FileStore(database), store, objects)
    return Abandoned(rows, Uploads(store, rows, objects, PartSizes()), parts, objects, timedelta(days=7), 3600)


@pytest.fixture
def sender(artifact, http):
    return Sender(artifact, http)


class Sender:
    """A client, step by step."""

    def __init__(self, artifact, http):
        self.artifact, self.http = artifact, http

    async def begin(self, body=BODY, digest="", size=0, project="default"):
        digest = digest or hashlib.sha256(body).hexdigest()
        request = pb.BeginUploadRequest(project=project, digest=digest, size=size or len(body), accept_parts=True)
        return await self.artifact.BeginUpload(request)

    async def part(self, plan, number, body=BODY, digest=DIGEST, project="default", sent=None):
        part = body[(number - 1) * plan.part_size : number * plan.part_size]
        wanted = [pb.PartDigest(number=number, md5=hashlib.md5(part).hexdigest())]
        request = pb.SignPartsRequest(project=project, digest=digest, upload_id=plan.upload_id, parts=wanted)
        place = (await self.artifact.SignParts(request)).parts[0]
        return await self.http.request("PUT", place.url, headers=dict(place.headers), body=sent or part)

    async def commit(self, plan, digest=DIGEST, size=len(BODY), project="default"):
        request = pb.CommitUploadRequest(project=project, digest=digest, size=size, upload_id=plan.upload_id)
        while True:
            reply = await self.artifact.CommitUpload(request)
            if reply.HasField("blob"):
                return reply.blob

    async def all(self, body=BODY, project="default", digest=""):
        digest = digest or hashlib.sha256(body).hexdigest()
        plan = (await self.begin(body, digest, project=project)).parted
        for number in set(range(1, plan.parts + 1)) - set(plan.present):
            assert (await self.part(plan, number, body, digest, project)).status == 200
        return await self.commit(plan, digest, len(body), project)


async def stored(objects):
    """Keys of the bucket, and uploads that are not finished."""
    listed, _ = await objects.list(f"{FOLDER}{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}")
    return [each.key for each in listed], [each async for each in Multipart(objects).unfinished() if DIGEST in each.key]


async def read(artifact, http, digest=DIGEST, project="default"):
    url = (await artifact.GetBlob(pb.GetBlobRequest(project=project, digest=digest))).url
    return (await http.request("GET", url)).body


async def test_an_upload_that_broke_off_goes_on_where_it_was(artifact, http, sender, objects):
    plan = (await sender.begin()).parted
    assert (plan.part_size, plan.parts, list(plan.present)) == (5 * MIB, 3, [])
    assert (await sender.part(plan, 2)).status == 200
    with pytest.raises(FailedPrecondition, match="2 of 3 parts are not here") as caught:
        await sender.commit(plan)
    assert caught.value.reason == "NOT_UPLOADED"
    again = (await sender.begin()).parted  # another client, who knows nothing
    assert (again.upload_id, list(again.present)) == (plan.upload_id, [2])
    for number in (1, 3):
        assert (await sender.part(again, number)).status == 200
    with pytest.raises(NotFound):
        await artifact.GetBlob(pb.GetBlobRequest(project="default", digest=DIGEST))
    blob = await sender.commit(again)
    assert (blob.digest, blob.size) == (DIGEST, len(BODY)) and await read(artifact, http) == BODY
    assert (await sender.begin()).exists
    assert await sender.commit(plan) == blob  # its answer was lost
    keys, unfinished = await stored(objects)
    assert len(keys) == 1 and not unfinished


async def test_a_part_that_is_altered_is_refused_and_one_that_is_forged_found(artifact, http, sender, objects):
    plan = (await sender.begin()).parted
    answer = await sender.part(plan, 1, sent=bytes(5 * MIB))
    assert answer.status == 400 and b"BadDigest" in answer.body
    other = BODY[:-1] + b"\0"  # a client that lies about everything but the size
    for number in (1, 2, 3):
        assert (await sender.part(plan, number, other)).status == 200
    with pytest.raises(DataLoss, match=f"make the sha256 {hashlib.sha256(other).hexdigest()}, not {DIGEST}") as caught:
        await sender.commit(plan)
    assert caught.value.reason == "DIGEST_MISMATCH"
    assert await stored(objects) == ([], [])
    with pytest.raises(NotFound):
        await artifact.GetBlob(pb.GetBlobRequest(project="default", digest=DIGEST))
    await sender.all()  # and nothing of it is in the way of the true bytes
    assert await read(artifact, http) == BODY


async def test_another_project_proves_that_it_has_the_bytes_and_harms_nothing(artifact, http, sender, objects):
    await sender.all(project="a")
    with pytest.raises(NotFound):
        await artifact.GetBlob(pb.GetBlobRequest(project="b", digest=DIGEST))
    plan = (await sender.begin(project="b")).parted
    forged = bytes(len(BODY))
    for number in (1, 2, 3):
        await sender.part(plan, number, forged, project="b")
    with pytest.raises(DataLoss):
        await sender.commit(plan, project="b")
    assert await read(artifact, http, project="a") == BODY
    await sender.all(project="b")
    assert await read(artifact, http, project="b") == BODY
    assert len((await stored(objects))[0]) == 1


async def test_two_writers_of_one_blob_share_an_upload(artifact, http, sender, objects):
    plans = [each.parted for each in await asyncio.gather(*(sender.begin() for _ in range(4)))]
    assert len({plan.upload_id for plan in plans}) == 1
    await asyncio.gather(*(sender.part(plans[0], number) for number in (1, 2, 3, 1, 2, 3)))
    blobs = await asyncio.gather(*(sender.commit(plan) for plan in plans))
    assert len({str(blob) for blob in blobs}) == 1
    keys, unfinished = await stored(objects)
    assert len(keys) == 1 and not unfinished


async def test_while_it_is_read_a_commit_says_how_far_it_is(sender, monkeypatch):
    gate, real = asyncio.Event(), proofs.hash_object

    async def slow(objects, key, size, told):
        told(7)
        await gate.wait()
        return await real(objects, key, size, told)

    monkeypatch.setattr(proofs, "hash_object", slow)
    monkeypatch.setattr(proofs, "WAIT", 0.05)
    plan = (await sender.begin()).parted
    await asyncio.gather(*(sender.part(plan, number) for number in (1, 2, 3)))
    request = pb.CommitUploadRequest(project="default", digest=DIGEST, size=len(BODY), upload_id=plan.upload_id)
    reply = await sender.artifact.CommitUpload(request)
    assert not reply.HasField("blob") and reply.verified == 7
    gate.set()
    assert (await sender.commit(plan)).digest == DIGEST


async def test_a_process_that_dies_while_it_reads_is_replaced(sender, service_kit):
    plan = (await sender.begin()).parted
    await asyncio.gather(*(sender.part(plan, number) for number in (1, 2, 3)))
    database = service_kit.kits[-1].database
    dead = "UPDATE blob_uploads SET prover = $1, proving_until = now() + interval '1.5 s', verified = 9"
    await database.execute(dead, uuid.uuid4())
    request = pb.CommitUploadRequest(project="default", digest=DIGEST, size=len(BODY), upload_id=plan.upload_id)
    reply = await sender.artifact.CommitUpload(request)
    assert not reply.HasField("blob") and reply.verified == 9
    assert (await sender.commit(plan)).digest == DIGEST


async def test_assembled_and_then_nobody_came_back(artifact, http, sender, objects, service_kit):
    """Died between the store's last word and ours: the next one only has to commit."""
    plan = (await sender.begin()).parted
    await asyncio.gather(*(sender.part(plan, number) for number in (1, 2, 3)))
    row = await service_kit.kits[-1].database.fetchrow("SELECT * FROM blob_uploads")
    multipart = Multipart(objects)
    parts = await multipart.parts(row["key"], row["s3_id"])
    assert not await multipart.complete(row["key"], row["s3_id"], [(p.number, p.etag) for p in parts])
    audit = await artifact.AuditArtifacts(up.AuditArtifactsRequest(repair=True, grace=Duration()))
    assert not [each for each in audit.findings if each.digest == DIGEST]  # it is nobody's yet, and no orphan
    assert sorted((await sender.begin()).parted.present) == [1, 2, 3]
    assert (await sender.commit(plan)).digest == DIGEST and await read(artifact, http) == BODY


async def test_what_is_abandoned_is_seen_and_freed(artifact, sender, objects, service_kit, abandoned):
    plan = (await sender.begin()).parted
    await sender.part(plan, 1)
    lost = await Multipart(objects).begin(f"objects/default/{uuid.uuid4()}")  # of no row: a user's program
    audit = await artifact.AuditArtifacts(up.AuditArtifactsRequest(grace=Duration()))
    found = {each.digest: each for each in audit.findings if each.kind == UNFINISHED}
    assert (found[DIGEST].size, list(found[DIGEST].projects)) == (5 * MIB, ["default"])
    assert "1 parts are here" in found[DIGEST].detail and "" in found
    repaired = await artifact.AuditArtifacts(up.AuditArtifactsRequest(repair=True, grace=Duration()))
    assert not any(each.repair for each in repaired.findings if each.kind == UNFINISHED)  # who knows who sends them
    assert not (await artifact.AuditArtifacts(up.AuditArtifactsRequest())).findings

    kit = service_kit.kits[-1]
    await kit.database.execute("UPDATE blob_uploads SET touched_at = now() - interval '8 days'")
    audit = await artifact.AuditArtifacts(up.AuditArtifactsRequest(repair=True, grace=Duration(seconds=86400)))
    assert [each.repair for each in audit.findings if each.digest == DIGEST] == ["aborted"]
    with pytest.raises(FailedPrecondition, match="3 of 3|was not uploaded"):
        await sender.commit(plan)
    again = (await sender.begin()).parted
    assert again.upload_id != plan.upload_id
    await sender.part(again, 1)
    await kit.database.execute("UPDATE blob_uploads SET touched_at = now() - interval '8 days'")
    assert await abandoned.sweep(timedelta(days=7)) == 1
    assert not await kit.database.fetch("SELECT FROM blob_uploads") and (await stored(objects)) == ([], [])
    for each in [each async for each in Multipart(objects).unfinished() if each.s3_id == lost]:
        await Multipart(objects).abort(each.key, each.s3_id)


async def test_emptying_a_project_ends_its_uploads(artifact, sender, objects):
    plan = (await sender.begin(project="gone")).parted
    await sender.part(plan, 1, project="gone")
    await artifact.EmptyProject(up.EmptyProjectRequest(project="gone"))
    assert await stored(objects) == ([], [])


@pytest.mark.parametrize(
    ("size", "accept", "words"),
    [
        ((5 << 40) + 1, True, r"size: 5497558138881 bytes, at most .* \(5 TiB\)"),
        (5_000_000_000_000_000, False, r"\(5 TiB\)"),
        ((5 << 30) + 1, False, r"at most .* \(5 GiB\) can be sent in one piece"),
    ],
)
async def test_claims_of_terabytes_are_one_clear_error(artifact, size, accept, words):
    request = pb.BeginUploadRequest(project="default", digest=DIGEST, size=size, accept_parts=accept)
    with pytest.raises(InvalidArgument, match=words) as caught:
        await artifact.BeginUpload(request)
    assert caught.value.field == "size"


async def test_a_claim_of_five_terabytes_takes_up_nothing(sender, objects):
    plan = (await sender.begin(size=5 << 40)).parted
    assert plan.parts <= 10_000 and plan.part_size * plan.parts >= 5 << 40
    with pytest.raises(FailedPrecondition, match="parts are not here"):
        await sender.commit(plan, size=5 << 40)
    assert (await sender.begin()).parted.upload_id != plan.upload_id  # nor is it in the way of the true size


async def test_bad_requests_name_the_field(artifact, sender):
    plan = (await sender.begin()).parted
    for part, field in (
        (pb.PartDigest(number=0, md5="0" * 32), "parts[0].number"),
        (pb.PartDigest(number=4, md5="0" * 32), "parts[0].number"),
        (pb.PartDigest(number=1, md5="x"), "parts[0].md5"),
    ):
        request = pb.SignPartsRequest(project="default", digest=DIGEST, upload_id=plan.upload_id, parts=[part])
        with pytest.raises(InvalidArgument) as caught:
            await artifact.SignParts(request)
        assert caught.value.field == field
    for upload_id, project in (("x", "default"), (str(uuid.uuid4()), "default"), (plan.upload_id, "other")):
        request = pb.SignPartsRequest(project=project, digest=DIGEST, upload_id=upload_id)
        with pytest.raises(FailedPrecondition, match="upload_id: there is no upload") as caught:
            await artifact.SignParts(request)
        assert caught.value.reason == "NOT_UPLOADED"


@pytest.mark.parametrize(("size", "part"), [(1, 16 * MIB), (160_000 * MIB, 16 * MIB), (5 << 40, 525 * MIB)])
def test_never_more_than_ten_thousand_parts(size, part):
    assert PartSizes().of(size) == part and -(-size // part) <= 10_000
