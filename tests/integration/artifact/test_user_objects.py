"""URLs for user objects: a project's own folder, and nothing else."""

import pytest

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.kit.errors import InvalidArgument


def request(method="PUT", key="a/b.txt", **more):
    return pb.ObjectRequest(method=method, key=key, **more)


async def test_what_one_project_stores_another_does_not_see(artifact, http):
    for project in ("a", "b", "../a"):
        wanted = [request(headers={"content-type": "text/x", "x-amz-meta-by": project})]
        signed = await artifact.SignObjectWrites(pb.SignObjectWritesRequest(project=project, requests=wanted))
        put = await http.request(
            "PUT", signed.urls[0], headers={"content-type": "text/x", "x-amz-meta-by": project}, body=project.encode()
        )
        assert put.status == 200, put.body
    for project in ("a", "b", "../a"):
        listing = request("GET", "", query={"list-type": "2", "prefix": "a/"})
        signed = await artifact.SignObjectReads(
            pb.SignObjectReadsRequest(project=project, requests=[request("GET"), listing])
        )
        got, listed = [await http.request("GET", url) for url in signed.urls]
        assert (got.body, got.headers["x-amz-meta-by"]) == (project.encode(), project)
        assert listed.body.count(b"<Key>") == 1 and f"<Key>{signed.root}a/b.txt</Key>".encode() in listed.body
        # A signature is for one name and one kind of request.
        assert (await http.request("GET", signed.urls[0].replace("/a/b.txt", "/a/c.txt"))).status == 403
        assert (await http.request("PUT", signed.urls[0], body=b"x")).status == 403


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (request(key="../b/x"), "key: '../b/x' is no name of an object"),
        (request(key="a/./b"), "is no name of an object"),
        (request(key="/abs"), "is no name of an object"),
        (request(key="a//b"), "is no name of an object"),
        (request(key="a\\b"), "is no name of an object"),
        (request(key="nul\0"), "is no name of an object"),
        (request(key="x" * 801), "is no name of an object"),
        (request(key=""), "is no name of an object"),
        (request("GET"), "method: 'GET' cannot be signed"),
        (request("DELETE"), "does not go with DELETE"),
        (request(query={"acl": ""}), "does not go with PUT"),
        (request("POST", query={"delete": ""}), "does not go with POST"),
        (request(headers={"x-amz-copy-source": "/headwater-artifacts/blobs/x"}), "'x-amz-copy-source' cannot be"),
        (request(headers={"content-type": "a\r\nb: c"}), "'content-type' cannot be signed"),
    ],
)
async def test_bad_input(artifact, wrong, words):
    with pytest.raises(InvalidArgument, match=words.replace("(", r"\(")):
        await artifact.SignObjectWrites(pb.SignObjectWritesRequest(project="default", requests=[wrong]))


async def test_a_listing_stays_in_the_folder(artifact):
    for query in ({"list-type": "2", "prefix": "../"}, {"list-type": "2", "versions": ""}, {"prefix": "x"}):
        wanted = [request("GET", "", query=query)]
        with pytest.raises(InvalidArgument):
            await artifact.SignObjectReads(pb.SignObjectReadsRequest(project="default", requests=wanted))
