"""Blobs on a real S3 server: stored once, read only by projects that have shown to possess them, never wrong bytes."""

import hashlib

import pytest

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.artifact.keys import upload_key
from headwater_server.artifact.store import Store
from headwater_server.artifact.verify import verify
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import (
    DataLoss,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
)
from headwater_server.kit.http import Response
from headwater_server.kit.objects import ObjectInfo, ObjectStore

BODY = b"some bytes of a model"
DIGEST = hashlib.sha256(BODY).hexdigest()
EMPTY = hashlib.sha256(b"").hexdigest()


def begin(project="default", digest=DIGEST, size=len(BODY)):
    return pb.BeginUploadRequest(project=project, digest=digest, size=size)


def commit(project="default", digest=DIGEST, size=len(BODY)):
    return pb.CommitUploadRequest(project=project, digest=digest, size=size)


def bucket(s3):
    access, secret = s3.keys["artifact"]
    return ObjectStore(s3.endpoint, "headwater-artifacts", access, secret)


@pytest.mark.parametrize("body", [b"", b"x", b"y" * 3_000_000], ids=["empty", "small", "large"])
async def test_what_was_put_is_what_is_got(artifact, http, send, body):
    digest = await send(body)
    found = await artifact.GetBlob(pb.GetBlobRequest(project="default", digest=digest))
    assert (found.blob.digest, found.blob.size) == (digest, len(body)) and found.blob.HasField("created_at")
    assert (await http.request("GET", found.url)).body == body
    assert (await artifact.BeginUpload(begin(digest=digest, size=len(body)))).exists
    # A repeated commit, e.g. after a lost answer, is the same commit.
    assert (await artifact.CommitUpload(commit(digest=digest, size=len(body)))).blob == found.blob


async def test_a_blob_of_another_project_must_be_uploaded_to_be_seen(artifact, http, send, s3):
    await send(BODY, "a")
    with pytest.raises(NotFound, match="project 'b' has no blob"):
        await artifact.GetBlob(pb.GetBlobRequest(project="b", digest=DIGEST))
    assert not (await artifact.BeginUpload(begin("b"))).exists
    with pytest.raises(FailedPrecondition) as caught:  # to know a digest is not to have the bytes
        await artifact.CommitUpload(commit("b"))
    assert caught.value.reason == "NOT_UPLOADED"

    await send(BODY, "b")
    url = (await artifact.GetBlob(pb.GetBlobRequest(project="b", digest=DIGEST))).url
    assert (await http.request("GET", url)).body == BODY
    digest = bytes.fromhex(DIGEST)
    assert await bucket(s3).head(upload_key(digest, "a")) and not await bucket(s3).head(upload_key(digest, "b"))


async def test_other_bytes_than_promised_are_refused(artifact, http, s3):
    begun = await artifact.BeginUpload(begin("wrong"))
    put = await http.request("PUT", begun.url, headers=dict(begun.headers), body=b"other bytes of a mode")
    assert put.status == 400
    unsigned = await http.request("PUT", begun.url, body=BODY)
    assert unsigned.status == 403
    with pytest.raises(FailedPrecondition):
        await artifact.CommitUpload(commit("wrong"))

    key = upload_key(bytes.fromhex(DIGEST), "wrong")
    await bucket(s3).put(key, b"put there by somebody else")
    with pytest.raises(DataLoss) as caught:
        await artifact.CommitUpload(commit("wrong"))
    assert caught.value.reason == "DIGEST_MISMATCH" and await bucket(s3).head(key) is None
    with pytest.raises(NotFound):
        await artifact.GetBlob(pb.GetBlobRequest(project="wrong", digest=DIGEST))


async def test_a_wrong_size_is_refused_and_can_be_corrected(artifact, http):
    begun = await artifact.BeginUpload(begin("size"))
    await http.request("PUT", begun.url, headers=dict(begun.headers), body=BODY)
    for _ in range(2):
        with pytest.raises(InvalidArgument) as caught:
            await artifact.CommitUpload(commit("size", size=len(BODY) + 1))
        assert caught.value.field == "size" and caught.value.reason == "DIGEST_MISMATCH"
        await artifact.CommitUpload(commit("size"))  # later: against the row
    with pytest.raises(InvalidArgument, match="has 21 bytes, not 7"):
        await artifact.BeginUpload(begin("size", size=7))


async def test_without_a_checksum_of_the_server_the_bytes_are_hashed(service_kit, s3):
    class Silent(ObjectStore):
        async def head(self, key):
            info = await super().head(key)
            return info and ObjectInfo(info.size)

    store = Store((await service_kit("artifact", compose=False)).database)
    access, secret = s3.keys["artifact"]
    objects = Silent(s3.endpoint, "headwater-artifacts", access, secret)
    body = b"z" * 2_500_000
    await objects.put("silent", body)
    await verify(objects, store, "silent", hashlib.sha256(body).digest(), len(body))
    with pytest.raises(DataLoss):
        await verify(objects, store, "silent", hashlib.sha256(b"").digest(), len(body))


async def test_a_full_disk_says_so(service_kit, s3):
    class Full(ObjectStore):
        async def head(self, key):
            self.check(Response(507, {}, b"<Code>InternalError</Code> no space left on device"), key)

    store = Store((await service_kit("artifact", compose=False)).database)
    with pytest.raises(Unavailable) as caught:
        await verify(Full(s3.endpoint, "headwater-artifacts", "", ""), store, "k", bytes(32), 1)
    assert caught.value.reason == "DISK_FULL"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (begin(digest="abc"), "digest"),
        (begin(digest=DIGEST.upper()), "digest"),
        (begin(size=-1), "size"),
        (begin(size=(5 << 30) + 1), "size"),
        (begin(size=0), "size"),
        (begin(digest=EMPTY), "size"),
        (begin(project="a\nb"), "project"),
        (begin(project="p" * 201), "project"),
    ],
)
async def test_bad_requests_name_the_field(artifact, request_, field):
    with pytest.raises(InvalidArgument) as caught:
        await artifact.BeginUpload(request_)
    assert caught.value.field == field


async def test_roles_and_projects(artifact):
    viewer = Identity(Actor("user", "eve"), "viewer", "default")
    with pytest.raises(PermissionDenied):
        await artifact.BeginUpload(begin(), on_behalf=viewer)
    runner = Identity(Actor("user", "ron"), "runner", "default")
    with pytest.raises(NotFound):
        await artifact.BeginUpload(begin("other"), on_behalf=runner)
    assert (await artifact.BeginUpload(begin(""), on_behalf=runner)).url


async def test_workers_store_and_read_over_the_bus(artifact, bus, http):
    worker = await bus.connect("worker-default")

    async def command(name, request):
        answer = await worker.request(
            f"hw.cmd.v1.artifact.{name}", request.SerializeToString(), headers={"Content-Type": "application/protobuf"}
        )
        assert "hw-error" not in (answer.headers or {}), answer.data
        return answer.data

    begun = pb.BeginUploadResponse.FromString(await command("begin_upload", begin("over-the-bus")))
    assert (await http.request("PUT", begun.url, headers=dict(begun.headers), body=BODY)).status == 200
    await command("commit_upload", commit("over-the-bus"))
    asked = pb.GetBlobRequest(project="over-the-bus", digest=DIGEST)
    found = pb.GetBlobResponse.FromString(await command("get_blob", asked))
    assert (await http.request("GET", found.url)).body == BODY
