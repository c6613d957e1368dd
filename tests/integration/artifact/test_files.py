"""Files: names for blobs in a tree, in parts where they are large; and what is named is not collected."""

import hashlib

import pytest
from google.protobuf.duration_pb2 import Duration

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.artifact.v1 import upkeep_pb2 as up
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument, NotFound


@pytest.fixture
def put(artifact, send):
    async def do(path, body, project="default"):
        digest = await send(body, project)
        return (await artifact.PutFile(pb.PutFileRequest(project=project, path=path, digest=digest))).file

    return do


@pytest.fixture
def names(artifact):
    async def do(path="", project="default", **more):
        reply = await artifact.ListFiles(pb.ListFilesRequest(project=project, path=path, **more))
        return [(f.path, f.size if not f.folder else None) for f in reply.files], reply.next_page_token

    return do


async def test_files_make_a_tree(artifact, put, names, http):
    for path, body in (("runs/a/m/x", b"one"), ("runs/a/m/y/z", b"two"), ("runs/a/n", b""), ("runs/a/mm", b"three")):
        await put(path, body)
    assert (await names())[0] == [("runs", None)]
    assert (await names("runs/a"))[0] == [("runs/a/m", None), ("runs/a/mm", 5), ("runs/a/n", 0)]
    assert (await names("runs/a/n"))[0] == (await names("nowhere"))[0] == (await names(project="other"))[0] == []
    first, token = await names("runs/a", page_size=2)
    assert [name for name, _ in first] == ["runs/a/m", "runs/a/mm"]
    assert (await names("runs/a", page_size=2, page_token=token)) == ([("runs/a/n", 0)], "")
    await put("runs/a/m/x", b"another")
    found = await artifact.GetFile(pb.GetFileRequest(path="runs/a/m/x"))
    assert (await http.request("GET", found.url)).body == b"another"
    assert (await artifact.DeleteFiles(pb.DeleteFilesRequest(path="runs/a/m"))).deleted == 2
    assert (await names("runs/a"))[0] == [("runs/a/mm", 5), ("runs/a/n", 0)]
    with pytest.raises(NotFound, match="no file 'runs/a/m/x'"):
        await artifact.GetFile(pb.GetFileRequest(path="runs/a/m/x"))


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\nb", "a\u0085", "é" * 751]
)
async def test_a_path_is_what_it_says(artifact, path):
    for request in (pb.PutFileRequest(path=path, digest="0" * 64), pb.GetFileRequest(path=path),
                    pb.DeleteFilesRequest(path=path), pb.BeginPartsRequest(path=path, parts=1)):  # fmt: skip
        with pytest.raises(InvalidArgument, match="path"):
            await getattr(artifact, type(request).__name__.removesuffix("Request"))(request)


async def test_a_file_needs_its_blob_and_its_place(artifact, put):
    with pytest.raises(FailedPrecondition, match="no blob"):
        await artifact.PutFile(pb.PutFileRequest(path="a", digest="ab" * 32))
    await put("a/b", b"x")
    for path in ("a", "a/b/c"):
        with pytest.raises(InvalidArgument, match="both a file and a folder"):
            await put(path, b"x")


async def test_what_is_named_is_not_collected(artifact, put, send, http, service_kit):
    kept, lost = b"kept by its name", b"forgotten with its name"
    await put("keep", kept)
    await put("lose", lost)
    await put("replaced", b"what was there before")
    await put("replaced", kept)
    await artifact.DeleteFiles(pb.DeleteFilesRequest(path="lose"))
    await service_kit.kits[-1].database.execute("UPDATE blob_refs SET until = now() - interval '1 day'")
    done = await artifact.CollectGarbage(up.CollectGarbageRequest(project="default", grace=Duration()))
    assert done.blobs == 2
    for path in ("keep", "replaced"):
        found = await artifact.GetFile(pb.GetFileRequest(path=path))
        assert (await http.request("GET", found.url)).body == kept


async def test_a_large_file_comes_in_parts(artifact, names, http):
    whole = b"".join(bytes([n]) * (5 << 20) for n in (1, 2)) + b"the end"
    begun = await artifact.BeginParts(pb.BeginPartsRequest(path="runs/b/big", parts=3))
    parts = []
    for part, start in zip(begun.parts, range(0, len(whole), 5 << 20), strict=True):
        answer = await http.request("PUT", part.url, body=whole[start : start + (5 << 20)])
        assert answer.status == 200, answer.body
        parts.append(pb.Part(number=part.number, etag=answer.headers["etag"]))
    complete = pb.CompletePartsRequest(path="runs/b/big", upload_id=begun.upload_id, parts=parts)
    for broken in ([], [pb.Part(number=1, etag='"</x>"')], parts[::-1]):
        with pytest.raises((InvalidArgument, FailedPrecondition)):
            request = pb.CompletePartsRequest(path="runs/b/big", upload_id=begun.upload_id, parts=broken)
            await artifact.CompleteParts(request)
    with pytest.raises(NotFound):  # the upload is of another file
        await artifact.AbortParts(pb.AbortPartsRequest(path="runs/b/other", upload_id=begun.upload_id))
    for _ in range(2):  # who does not hear of it asks again
        file = (await artifact.CompleteParts(complete)).file
        assert (file.digest, file.size) == (hashlib.sha256(whole).hexdigest(), len(whole))
    url = (await artifact.GetFile(pb.GetFileRequest(path="runs/b/big"))).url
    async with http.stream("GET", url) as answer:
        got = b"".join([chunk async for chunk in answer.chunks()])
    assert got == whole
    again = await artifact.BeginParts(pb.BeginPartsRequest(path="runs/b/never", parts=1))
    await artifact.AbortParts(pb.AbortPartsRequest(upload_id=again.upload_id))
    with pytest.raises(NotFound, match="no such upload"):
        await artifact.AbortParts(pb.AbortPartsRequest(upload_id=again.upload_id))
    assert (await names("runs/b"))[0] == [("runs/b/big", len(whole))]
