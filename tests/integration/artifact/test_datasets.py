"""Datasets on the real service: versions that never change, aliases, what is held, what is told, what is refused."""

import asyncio

import msgspec
import pytest
from google.protobuf.duration_pb2 import Duration
from nats.js.api import ConsumerConfig, DeliverPolicy

from headwater.api.artifact.v1 import datasets_pb2 as pb
from headwater.api.artifact.v1 import upkeep_pb2 as up
from headwater_server.kit.errors import Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from tests.integration.artifact.conftest import RUN


@pytest.fixture
def create(artifact, send):
    """Makes a version of files ({path: bytes}) and other sources."""

    async def do(dataset, files=None, *sources, project="default", **more):
        given = [{"path": path, "digest": await send(body, project)} for path, body in (files or {}).items()]
        parts = [*sources, *([{"files": given}] if given else [])]
        request = pb.CreateDatasetVersionRequest(project=project, dataset=dataset, sources=parts, **more)
        return (await artifact.CreateDatasetVersion(request)).version

    return do


@pytest.fixture
def content(artifact, http):
    """{path: bytes} of a version, page after page."""

    async def do(dataset, version="latest", path="", project="default"):
        found, token = {}, ""
        while True:
            request = pb.ListDatasetFilesRequest(
                project=project, dataset=dataset, version=str(version), path=path, urls=True, page_size=2,
                page_token=token,
            )  # fmt: skip
            reply = await artifact.ListDatasetFiles(request)
            for file in reply.files:
                found[file.path] = (await http.request("GET", file.url)).body
            if not (token := reply.next_page_token):
                return found

    return do


@pytest.fixture
def told(service_kit, bus):
    """(type, body) of what the service has told the bus, in order."""

    async def read():
        await service_kit.kits[-1].outbox.flush()
        infra = await bus.connect("infra")
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, filter_subject="hw.evt.v1.*.dataset.>")
        reader = await infra.js.pull_subscribe(config.filter_subject, stream="HW_EVENTS", config=config)
        count = (await reader.consumer_info()).num_pending
        messages = await reader.fetch(count, timeout=5) if count else []
        return [(".".join(m.subject.split(".")[4:6]), msgspec.json.decode(m.data)) for m in messages]

    return read


async def test_versions_are_built_from_files_and_from_one_another(create, content, artifact):
    first = await create("digits", {"train/a": b"a", "train/b": b"b", "test/c": b"c", "readme": b"r"}, tags={"k": "v"})
    assert (first.version, first.uri, first.files, first.size) == (1, "dataset://digits/1", 4, 4)
    update = {"uri": "dataset://digits/latest", "exclude": ["test", "readme"]}
    second = await create("digits", {"train/b": b"new"}, update, name="november", description="d", aliases=["prod"])
    assert (second.version, second.name, list(second.aliases)) == (2, "november", ["prod"])
    assert [(each.uri, each.files) for each in second.sources] == [("dataset://digits/1", 1)]
    assert await content("digits", "november") == {"train/a": b"a", "train/b": b"new"}
    third = await create("mixed", {"x": b"x"}, {"uri": "dataset://digits/prod", "keep": ["a"], "to": "in"},
                         {"uri": "dataset://digits/1/test"})  # fmt: skip
    assert await content("mixed") == {"in/train/a": b"a", "test/c": b"c", "x": b"x"}
    assert [each.uri for each in third.sources] == ["dataset://digits/2", "dataset://digits/1/test"]
    assert await content("mixed", 1, "in") == {"in/train/a": b"a"}
    assert await content("digits", 1, "train/b") == {"train/b": b"b"}
    again = await create("digits", {"train/a": b"a", "train/b": b"new"})
    assert (again.digest, again.version) == (second.digest, 3)
    listed = await artifact.ListDatasetVersions(pb.ListDatasetVersionsRequest(dataset="digits", page_size=2))
    assert [each.version for each in listed.versions] == [3, 2]
    rest = await artifact.ListDatasetVersions(
        pb.ListDatasetVersionsRequest(dataset="digits", page_size=2, page_token=listed.next_page_token)
    )
    assert ([each.version for each in rest.versions], rest.next_page_token) == ([1], "")
    names = (await artifact.ListDatasets(pb.ListDatasetsRequest())).datasets
    assert [(each.name, each.latest_version, dict(each.aliases)) for each in names] == [
        ("digits", 3, {"prod": 2}), ("mixed", 1, {}),
    ]  # fmt: skip


async def test_a_repeated_request_makes_one_version(create, told):
    asked = [create("d", {"a": b"a"}, request_id="once") for _ in range(5)]
    assert {each.version for each in await asyncio.gather(*asked)} == {1}
    assert (await create("d", {"other": b"b"}, request_id="once")).version == 1
    numbers = sorted(each.version for each in await asyncio.gather(*(create("d", {"a": b"a"}) for _ in range(5))))
    assert numbers == [2, 3, 4, 5, 6]
    events = await told()
    assert [body["version"] for kind, body in events if kind == "dataset.version_created"] == [1, 2, 3, 4, 5, 6]


async def test_missing_blobs_are_named_and_nothing_is_made(artifact, send, create):
    there = await send(b"there")
    files = [{"path": "a", "digest": there}, {"path": "b", "digest": "cd" * 32}, {"path": "c", "digest": "ab" * 32},
             {"path": "left/out", "digest": "ef" * 32}]  # fmt: skip
    request = pb.CreateDatasetVersionRequest(dataset="d", sources=[{"files": files, "exclude": ["left"]}])
    reply = await artifact.CreateDatasetVersion(request)
    assert (list(reply.missing_digests), reply.HasField("version")) == (["ab" * 32, "cd" * 32], False)
    with pytest.raises(NotFound, match="no dataset 'd'"):
        await artifact.GetDataset(pb.GetDatasetRequest(dataset="d"))


async def test_aliases_move_and_leave_a_trace(create, artifact, told):
    for number in range(3):
        await create("d", {"a": b"%d" % number})

    async def point(version, alias="prod", **more):
        request = pb.SetDatasetAliasRequest(dataset="d", alias=alias, version=version, **more)
        return (await artifact.SetDatasetAlias(request)).move

    assert (await point("1", request_id="r", reason="first")).previous_version == 0
    assert (await point("latest")).version == 3
    assert (await point("1", request_id="r")).version == 1  # said before: it stays at 3
    assert (await point("3")).previous_version == 1  # where it is already
    assert (await point("prod", alias="stable")).version == 3
    with pytest.raises(Aborted, match="points at version 3, not at version 1"):
        await point("2", expected_version=1)
    assert (await point("2", expected_version=3)).version == 2
    removed = (await artifact.DeleteDatasetAlias(pb.DeleteDatasetAliasRequest(dataset="d", alias="stable"))).move
    assert (removed.version, removed.previous_version) == (0, 3)
    moves = (await artifact.ListDatasetAliasMoves(pb.ListDatasetAliasMovesRequest(dataset="d", alias="prod"))).moves
    assert [(each.previous_version, each.version, each.reason) for each in moves] == [
        (3, 2, ""), (1, 3, ""), (0, 1, "first"),
    ]  # fmt: skip
    events = [(kind, body.get("alias"), body.get("uri")) for kind, body in await told()]
    assert events[3:] == [
        ("dataset.alias_moved", "prod", "dataset://d/1"), ("dataset.alias_moved", "prod", "dataset://d/3"),
        ("dataset.alias_moved", "stable", "dataset://d/3"), ("dataset.alias_moved", "prod", "dataset://d/2"),
        ("dataset.alias_removed", "stable", None),
    ]  # fmt: skip


async def test_what_a_version_says_of_itself(create, told):
    await create("base", {"a": b"a"})
    source = {"uri": "dataset://base", "to": "base"}
    await create("d", {"b": b"bb"}, source, name="one", aliases=["prod"], tags={"k": "v"}, description="text")
    kinds = await told()
    assert [kind for kind, _ in kinds] == ["dataset.version_created", "dataset.alias_moved", "dataset.version_created"]
    body = kinds[-1][1]
    assert len(body.pop("digest")) == 64 and body.pop("at")
    assert body == {
        "project": "default", "name": "d", "version": 1, "versionName": "one", "uri": "dataset://d/1", "files": "2",
        "size": "3", "sources": ["dataset://base/1"], "aliases": ["prod"], "tags": {"k": "v"}, "description": "text",
        "actor": {"kind": "service", "name": "gateway"},
    }  # fmt: skip


async def test_tags_change_and_files_do_not(create, artifact):
    made = await create("d", {"a": b"a"}, tags={"old": "1", "kept": "2"})
    request = pb.UpdateDatasetVersionRequest(dataset="d", version="1", set_tags={"new": "3"}, delete_tags=["old"])
    changed = (await artifact.UpdateDatasetVersion(request)).version
    assert (dict(changed.tags), changed.digest) == ({"kept": "2", "new": "3"}, made.digest)
    update = pb.UpdateDatasetRequest(dataset="d", description="about", set_tags={"team": "x"})
    dataset = (await artifact.UpdateDataset(update)).dataset
    assert (dataset.description, dict(dataset.tags)) == ("about", {"team": "x"})
    dataset = (await artifact.UpdateDataset(pb.UpdateDatasetRequest(dataset="d", delete_tags=["team"]))).dataset
    assert (dataset.description, dict(dataset.tags)) == ("about", {})


async def test_datums_are_files_with_names_of_their_own(create, artifact, send, http):
    digest = await send(b"content")
    files = [{"path": "a/model.bin", "digest": digest, "properties": {"accuracy": 0.9, "deep": {"x": [1, None]}}}]
    for name in ("one", "two"):
        await artifact.CreateDatasetVersion(pb.CreateDatasetVersionRequest(dataset=name, sources=[{"files": files}]))
    listed = (await artifact.ListDatasetFiles(pb.ListDatasetFilesRequest(dataset="one", version="1"))).files
    ident = listed[0].datum_id
    found = await artifact.GetDatum(pb.GetDatumRequest(datum=ident))
    assert (found.dataset, found.version, found.file.path, found.file.size) == ("two", 1, "a/model.bin", 7)
    assert dict(found.file.properties)["accuracy"] == 0.9
    assert (await http.request("GET", found.file.url)).body == b"content"
    blob = await artifact.GetDatum(pb.GetDatumRequest(datum=digest))
    assert (await http.request("GET", blob.file.url)).body == b"content"
    set_ = await artifact.SetDatumAlias(pb.SetDatumAliasRequest(alias="model-prod", datum=ident))
    assert (set_.datum_id, set_.previous_datum_id) == (ident, "")
    again = await artifact.SetDatumAlias(pb.SetDatumAliasRequest(alias="model-prod", datum="model-prod"))
    assert again.previous_datum_id == ident
    uris = ["datum://model-prod", "dataset://one", "dataset://two/latest/a", f"datum://{digest}"]
    pinned = await artifact.ResolveReferences(pb.ResolveReferencesRequest(uris=uris))
    assert list(pinned.uris) == [f"datum://{ident}", "dataset://one/1", "dataset://two/1/a", f"datum://{digest}"]
    await artifact.CreateDatasetVersion(
        pb.CreateDatasetVersionRequest(dataset="three", sources=[{"uri": "datum://model-prod", "to": "got"}])
    )
    await artifact.DeleteDatumAlias(pb.DeleteDatumAliasRequest(alias="model-prod"))
    with pytest.raises(NotFound, match="no alias 'model-prod'"):
        await artifact.GetDatum(pb.GetDatumRequest(datum="model-prod"))


async def test_objects_are_adopted_by_reference(artifact):
    files = [{"path": "x.csv", "object": {"uri": "s3://b/in/x.csv", "etag": '"abc-2"', "version_id": "v7"}, "size": 9}]
    source = {"uri": "s3://b/in", "files": files}
    made = await artifact.CreateDatasetVersion(pb.CreateDatasetVersionRequest(dataset="d", sources=[source]))
    assert (made.version.size, made.version.sources[0].uri) == (9, "s3://b/in")
    request = pb.ListDatasetFilesRequest(dataset="d", version="1", urls=True)
    (file,) = (await artifact.ListDatasetFiles(request)).files
    told_ = (file.digest, file.url, file.object.uri, file.object.etag, file.object.version_id)
    assert told_ == ("", "", "s3://b/in/x.csv", "abc-2", "v7")


async def test_what_a_version_needs_is_not_collected(create, content, artifact, service_kit):
    await create("d", {"kept": b"kept", "lost": b"lost"})
    await create("d", None, {"uri": "dataset://d/1", "keep": ["kept"]})
    await create("e", {"of-e": b"of e"})
    await service_kit.kits[-1].database.execute("UPDATE blob_refs SET until = now() - interval '1 day'")

    async def collected():
        request = up.CollectGarbageRequest(project="default", grace=Duration())
        return (await artifact.CollectGarbage(request)).blobs

    assert await collected() == 0
    await artifact.DeleteDatasetVersion(pb.DeleteDatasetVersionRequest(dataset="d", version="1"))
    assert await collected() == 1
    assert await content("d") == {"kept": b"kept"}
    await artifact.DeleteDataset(pb.DeleteDatasetRequest(dataset="e"))
    assert await collected() == 1
    request = up.CollectGarbageRequest(project="default", grace=Duration(seconds=3600))
    await artifact.DeleteDataset(pb.DeleteDatasetRequest(dataset="d"))
    assert (await artifact.CollectGarbage(request)).blobs == 0  # the grace begins now
    assert await collected() == 1


async def test_versions_are_made_beside_the_collector(create, content, artifact, service_kit):
    """Whatever the collector takes, a version that was made is whole."""
    database = service_kit.kits[-1].database

    async def collect():
        for _ in range(20):
            await database.execute("UPDATE blob_refs SET until = now() - interval '1 day'")
            await artifact.CollectGarbage(up.CollectGarbageRequest(project="default", grace=Duration()))

    async def made(name, files):
        """A version; what was cleared away meanwhile is sent again, as clients do."""
        while True:
            try:
                version = await create(name, files)
                if version.version:
                    return version
            except FailedPrecondition as error:
                assert error.reason == "NOT_UPLOADED"

    async def make(number):
        files = {f"f{n}": b"content %d" % n for n in range(6)}
        for _ in range(25):
            version = await made(f"d{number}", files)
            gone = pb.DeleteDatasetVersionRequest(dataset=f"d{number}", version=str(version.version))
            await artifact.DeleteDatasetVersion(gone)
        await made(f"d{number}", files)
        return await content(f"d{number}")

    *found, _ = await asyncio.gather(*(make(number) for number in range(3)), collect())
    assert found == [{f"f{n}": b"content %d" % n for n in range(6)}] * 3


async def test_a_deleted_version_takes_its_aliases_along(create, artifact, told):
    await create("d", {"a": b"1"}, aliases=["prod"], name="one")
    await create("d", {"a": b"2"})
    await artifact.DeleteDatasetVersion(pb.DeleteDatasetVersionRequest(dataset="d", version="prod"))
    dataset = (await artifact.GetDataset(pb.GetDatasetRequest(dataset="d"))).dataset
    assert (dataset.latest_version, dict(dataset.aliases)) == (2, {})
    assert [kind for kind, _ in await told()][-2:] == ["dataset.alias_removed", "dataset.version_deleted"]
    await artifact.DeleteDatasetVersion(pb.DeleteDatasetVersionRequest(dataset="d", version="2"))
    with pytest.raises(NotFound, match="no version 'latest'"):
        await artifact.GetDatasetVersion(pb.GetDatasetVersionRequest(dataset="d", version="latest"))
    assert (await create("d", {"a": b"3"}, name="one")).version == 3  # numbers are never used again


async def test_what_is_not_there_is_named(create, artifact):
    await create("digits", {"a": b"1"}, aliases=["prod"], name="one")
    await create("hidden", {"a": b"1"}, project="other")
    for request, words in (
        (pb.GetDatasetRequest(dataset="digit"), "did you mean 'digits'"),
        (pb.GetDatasetRequest(dataset="hidden"), "no dataset 'hidden'"),
        (pb.GetDatasetVersionRequest(dataset="digits", version="prd"), "did you mean 'prod'"),
        (pb.GetDatasetVersionRequest(dataset="digits", version="2"), "no version '2'"),
        (pb.ListDatasetFilesRequest(dataset="digits", version="1", path="b"), "dataset://digits/1 has no 'b'"),
        (pb.CreateDatasetVersionRequest(dataset="x", sources=[{"uri": "dataset://hidden"}]), "no dataset 'hidden'"),
        (pb.CreateDatasetVersionRequest(dataset="x", sources=[{"uri": "dataset://digits/7"}]), "no version '7'"),
        (pb.SetDatasetAliasRequest(dataset="digits", alias="a", version="9"), "no version '9'"),
        (pb.DeleteDatasetAliasRequest(dataset="digits", alias="a"), "it has prod"),
        (pb.GetDatumRequest(datum=RUN), f"no file {RUN}"),
        (pb.GetDatumRequest(datum="ab" * 32), "no blob abab"),
        (pb.SetDatumAliasRequest(alias="a", datum="b"), "no alias 'b'"),
        (pb.ResolveReferencesRequest(uris=["dataset://digits/1", "dataset://nothing/prod"]), "no dataset 'nothing'"),
    ):
        with pytest.raises(NotFound) as error:
            await getattr(artifact, type(request).__name__.removesuffix("Request"))(request)
        assert words in str(error.value) + error.value.hint, request


async def test_what_is_refused(create, artifact):
    await create("d", {"a": b"1", "f/g": b"2"}, aliases=["prod"], name="one")
    for more, error, words in (
        ({"files": {"a": b"x", "a/b": b"y"}}, InvalidArgument, "both a file and a folder"),
        ({"name": "one", "files": {"a": b"1"}}, AlreadyExists, "has a version 'one'"),
        ({"name": "prod", "files": {"a": b"1"}}, AlreadyExists, "is an alias"),
        ({"aliases": ["one"], "files": {"a": b"1"}}, AlreadyExists, "name of a version"),
        ({"aliases": ["x"], "name": "x", "files": {"a": b"1"}}, AlreadyExists, "name of a version"),
        ({"sources": [{"uri": "dataset://d/1", "exclude": ["*"]}]}, InvalidArgument, "bring no file"),
    ):
        files, sources = more.pop("files", None), more.pop("sources", [])
        with pytest.raises(error, match=words):
            await create("d", files, *sources, **more)
    with pytest.raises(AlreadyExists, match="name of a version"):
        await artifact.SetDatasetAlias(pb.SetDatasetAliasRequest(dataset="d", alias="one", version="1"))
    page = await artifact.ListDatasetFiles(pb.ListDatasetFilesRequest(dataset="d", version="1", page_size=1))
    with pytest.raises(InvalidArgument, match="another question"):
        await artifact.ListDatasetFiles(
            pb.ListDatasetFilesRequest(dataset="d", version="prod", page_size=1, page_token=page.next_page_token)
        )
    assert (await artifact.GetDataset(pb.GetDatasetRequest(dataset="d"))).dataset.latest_version == 1


async def test_pages_are_of_one_version(create, artifact):
    await create("d", {"a": b"1", "b": b"1"}, aliases=["prod"])
    ask = {"dataset": "d", "version": "prod", "page_size": 1}
    first = await artifact.ListDatasetFiles(pb.ListDatasetFilesRequest(**ask))
    await create("d", {"c": b"1"}, aliases=["prod"])
    second = await artifact.ListDatasetFiles(pb.ListDatasetFilesRequest(**ask, page_token=first.next_page_token))
    assert ([each.path for each in second.files], second.version) == (["b"], 1)


async def test_an_emptied_project_has_none(create, artifact):
    await create("d", {"a": b"1"}, aliases=["prod"])
    await create("kept", {"a": b"1"}, project="other")
    assert "default" in (await artifact.ListProjects(up.ListProjectsRequest())).projects
    await artifact.EmptyProject(up.EmptyProjectRequest(project="default"))
    assert not (await artifact.ListDatasets(pb.ListDatasetsRequest())).datasets
    assert (
        await artifact.GetDataset(pb.GetDatasetRequest(project="other", dataset="kept"))
    ).dataset.latest_version == 1
