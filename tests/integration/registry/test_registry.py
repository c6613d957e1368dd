"""The registry from outside: every change over gRPC, in Postgres, and as exactly one event on the stream."""

import asyncio
import uuid
from typing import Any

import msgspec
import pytest
from google.protobuf.json_format import MessageToDict

from headwater.api.registry.v1 import registry_pb2 as pb
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
)
from tests.integration.registry.conftest import ANN, Registry

BOB = Identity(Actor("user", "bob"), "editor", "default")


def subjects(told: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [subject.removeprefix("hw.evt.v1.default.") for subject, _ in told]


async def test_the_life_of_a_model(registry: Registry) -> None:
    digest = registry.blobs.add("a", size=123)
    made = await registry.version(
        digest=digest, encoding="pickle", type="sklearn.svm.SVC", metrics={"accuracy": 0.97}, tags={"seed": "7"},
        signature={"inputs": [{"name": "x", "type": "float64", "shape": [-1, 64]}]},
        lineage=pb.Lineage(flow="Train", run_id="r1", step="fit", task_id="3", attempt=1, code_package="c"),
    )  # fmt: skip
    assert (made.version, made.size, made.created_by.name, dict(made.metrics)) == (1, 123, "ann", {"accuracy": 0.97})
    assert registry.blobs.asked == [ANN]
    (created, model), (numbered, version) = await registry.facts()
    assert (created, numbered) == (
        "hw.evt.v1.default.model.created.churn",
        "hw.evt.v1.default.model.version_created.churn",
    )
    assert model["actor"] == {"kind": "user", "name": "ann"}
    assert (version["version"], version["digest"], version["runId"]) == (1, digest, "r1")
    assert version["metrics"] == {"accuracy": 0.97}

    moved = (await registry.call("SetAlias", name="churn", alias="champion", version="1", reason="first")).promotion
    ((subject, promoted),) = await registry.facts()
    assert subject == "hw.evt.v1.default.model.promoted.churn"
    assert promoted == {
        "project": "default", "name": "churn", "alias": "champion", "version": 1, "reason": "first",
        "metrics": {"accuracy": 0.97}, "at": MessageToDict(moved)["at"], "actor": {"kind": "user", "name": "ann"},
        "modelUid": "1",
    }  # fmt: skip
    headers = {key.lower(): value for key, value in registry.headers[-1].items()}
    assert (headers["ce-type"], headers["ce-source"]) == ("model.promoted.v1", "registry")
    assert headers["ce-id"] == headers["nats-msg-id"] == moved.event_id

    for reference in ("1", "latest", "@champion"):
        found = (await registry.call("GetModelVersion", name="churn", version=reference)).version
        assert list(found.aliases) == ["champion"] and found.lineage == made.lineage
        assert MessageToDict(found.signature)["inputs"][0]["shape"] == [-1, 64]
    assert (await registry.call("GetModel", name="churn")).model.aliases == {"champion": 1}

    removed = (await registry.call("DeleteAlias", name="churn", alias="champion", reason="drift")).promotion
    assert (removed.version, removed.previous_version) == (0, 1)
    ((subject, fact),) = await registry.facts()
    assert subject == "hw.evt.v1.default.model.alias_removed.churn"
    assert (fact["alias"], fact["previousVersion"], fact["reason"]) == ("champion", 1, "drift")
    assert not (await registry.call("GetModel", name="churn")).model.aliases


async def test_changes_of_description_and_tags(registry: Registry) -> None:
    model = (await registry.call("CreateModel", name="a b.c", description="d", tags={"team": "x", "old": "1"})).model
    await registry.version("a b.c")
    await registry.facts()
    after = await registry.call("UpdateModel", name="a b.c", set_tags={"team": "y"}, delete_tags=["old", "none"])
    assert (after.model.description, dict(after.model.tags)) == ("d", {"team": "y"})
    assert after.model.updated_at.ToNanoseconds() > model.updated_at.ToNanoseconds()
    changed = await registry.call(
        "UpdateModelVersion", name="a b.c", version="latest", description="v", set_tags={"k": ""}
    )
    assert (changed.version.description, dict(changed.version.tags)) == ("v", {"k": ""})
    await registry.call("UpdateModel", name="a b.c", description="")
    told = await registry.facts()
    assert subjects(told) == ["model.updated.a_b_c"] * 3
    assert [(body.get("version", 0), body.get("description", ""), body["tags"]) for _, body in told] == [
        (0, "d", {"team": "y"}),
        (1, "v", {"k": ""}),
        (0, "", {"team": "y"}),
    ]
    await registry.call("UpdateModel", name="a b.c", set_tags={"team": "y"}, delete_tags=["none"])
    await registry.call("UpdateModelVersion", name="a b.c", version="1", description="v")
    assert await registry.facts() == [], "what changes nothing tells nothing"


async def test_versions_are_dense_under_concurrency(registry: Registry) -> None:
    made = await asyncio.gather(*(registry.version(request_id=str(number)) for number in range(24)))
    assert sorted(each.version for each in made) == list(range(1, 25))
    again = await asyncio.gather(*(registry.version(request_id=str(number)) for number in range(24)))
    assert [each.version for each in again] == [each.version for each in made]
    told = await registry.facts()
    assert subjects(told).count("model.created.churn") == 1
    assert sorted(body["version"] for subject, body in told if "version_created" in subject) == list(range(1, 25))
    registry.blobs.add("b")
    with pytest.raises(AlreadyExists, match="request_id: made version .* before, of another digest"):
        await registry.version(request_id="3", digest="b" * 64)


async def test_one_of_many_promoters_wins(registry: Registry) -> None:
    for _ in range(9):
        await registry.version()
    await registry.facts()

    async def promote(version: int) -> Any:
        return await registry.call("SetAlias", name="churn", alias="prod", version=str(version), expected_version=0)

    answers = await asyncio.gather(*(promote(version) for version in range(1, 10)), return_exceptions=True)
    (winner,) = [answer.promotion for answer in answers if not isinstance(answer, BaseException)]
    losers = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(each, Aborted) and f"version {winner.version}" in each.message for each in losers)
    assert losers[0].metadata == {"version": str(winner.version)}  # type: ignore[union-attr]
    assert [body["version"] for _, body in await registry.facts()] == [winner.version]


async def test_a_repeated_promotion_changes_nothing(registry: Registry) -> None:
    await registry.version(), await registry.version()
    first = {"name": "churn", "alias": "prod", "version": "1", "reason": "a", "request_id": str(uuid.uuid4())}
    before = (await registry.call("SetAlias", **first, expected_version=0)).promotion
    await registry.call("SetAlias", name="churn", alias="prod", version="2", reason="b")
    await registry.facts()
    assert (await registry.call("SetAlias", **first, expected_version=0)).promotion == before
    standing = (await registry.call("SetAlias", name="churn", alias="prod", version="latest", reason="c")).promotion
    assert (standing.version, standing.previous_version, standing.reason) == (2, 1, "b")
    assert await registry.facts() == []
    with pytest.raises(AlreadyExists, match="request_id: moved alias 'prod' before, not 'other'"):
        await registry.call("SetAlias", **first | {"alias": "other"})


async def test_the_history_of_promotions(registry: Registry) -> None:
    task = Identity(Actor("task", "ann", "r9"), "promoter", "default")
    await registry.version(metrics={"acc": 0.5}), await registry.version(metrics={"acc": 0.6})
    await registry.call("SetAlias", name="churn", alias="prod", version="1", reason="one")
    await registry.call("SetAlias", task, name="churn", alias="prod", version="2", reason="two", metrics={"auc": 1})
    await registry.call("SetAlias", name="churn", alias="test", version="@prod", reason="copy")
    await registry.call("DeleteAlias", name="churn", alias="prod", reason="bad")

    async def history(size: int, **fields: Any) -> list[tuple[str, int, int, str, dict[str, float], str]]:
        found, token = [], ""
        while True:
            page = await registry.call("ListPromotions", name="churn", page_size=size, page_token=token, **fields)
            assert len(page.promotions) <= size
            found += page.promotions
            token = page.next_page_token
            if not token:
                return [
                    (p.alias, p.version, p.previous_version, p.reason, dict(p.metrics), p.actor.run_id) for p in found
                ]

    every = [
        ("prod", 0, 2, "bad", {}, ""),
        ("test", 2, 0, "copy", {"acc": 0.6}, ""),
        ("prod", 2, 1, "two", {"auc": 1.0}, "r9"),
        ("prod", 1, 0, "one", {"acc": 0.5}, ""),
    ]
    assert await history(3) == await history(1) == await history(100) == every
    assert await history(2, alias="prod") == [each for each in every if each[0] == "prod"]


async def test_lists_come_in_pages(registry: Registry) -> None:
    for name in ("b", "a", "c"):
        await registry.call("CreateModel", name=name)
    first = await registry.call("ListModels", page_size=2)
    rest = await registry.call("ListModels", page_size=2, page_token=first.next_page_token)
    assert [m.name for m in (*first.models, *rest.models)] == ["a", "b", "c"] and not rest.next_page_token
    for _ in range(3):
        await registry.version("a")
    first = await registry.call("ListModelVersions", name="a", page_size=2)
    rest = await registry.call("ListModelVersions", name="a", page_size=2, page_token=first.next_page_token)
    assert [v.version for v in (*first.versions, *rest.versions)] == [3, 2, 1] and not rest.next_page_token
    for wrong in ("x", first.next_page_token):
        with pytest.raises(InvalidArgument, match="page_token: "):
            await registry.call("ListModels", page_token=wrong)
    with pytest.raises(InvalidArgument, match="page_size: -1 is negative"):
        await registry.call("ListModels", page_size=-1)


async def test_a_version_names_a_blob_that_is_there(registry: Registry) -> None:
    registry.blobs.add("f", project="other")
    with pytest.raises(FailedPrecondition, match=f"digest: project 'default' has no blob {'f' * 64}") as caught:
        await registry.version(digest="f" * 64)
    assert "upload" in caught.value.hint
    registry.blobs.add("a", size=7)
    with pytest.raises(InvalidArgument, match="size: blob a+ has 7 bytes, not 8"):
        await registry.version(digest="a" * 64, size=8)
    with pytest.raises(NotFound, match="no model 'churn'"):
        await registry.call("GetModel", name="churn")
    assert await registry.facts() == [], "a refused version leaves no model behind"


async def test_what_is_not_there(registry: Registry) -> None:
    await registry.call("CreateModel", name="churn-model")
    for method, fields in (
        ("GetModel", {}),
        ("UpdateModel", {"description": "x"}),
        ("ListModelVersions", {}),
        ("ListPromotions", {}),
        ("GetModelVersion", {"version": "1"}),
        ("SetAlias", {"alias": "a", "version": "1"}),
        ("DeleteAlias", {"alias": "a"}),
    ):
        with pytest.raises(NotFound, match="name: project 'default' has no model 'churn-modle'") as caught:
            await registry.call(method, name="churn-modle", **fields)
        assert caught.value.hint == "did you mean 'churn-model'?"
    with pytest.raises(NotFound, match="version: model 'churn-model' has no version yet"):
        await registry.call("GetModelVersion", name="churn-model", version="latest")
    await registry.version("churn-model"), await registry.version("churn-model")
    with pytest.raises(NotFound, match="version: model 'churn-model' has no version 3") as caught:
        await registry.call("SetAlias", name="churn-model", alias="prod", version="3")
    assert caught.value.hint == "there is 1 to 2"
    await registry.call("SetAlias", name="churn-model", alias="prod", version="2")
    for method, fields in (
        ("GetModelVersion", {"version": "@prdo"}),
        ("DeleteAlias", {"alias": "prdo"}),
    ):
        with pytest.raises(NotFound, match="has no alias 'prdo'") as caught:
            await registry.call(method, name="churn-model", **fields)
        assert caught.value.hint == "its aliases are 'prod' → 2"


async def test_what_is_refused(registry: Registry) -> None:
    await registry.version()
    await registry.facts()
    with pytest.raises(AlreadyExists, match="name: model 'churn' exists in project 'default'"):
        await registry.call("CreateModel", name="churn")
    for method, fields, says in (
        ("CreateModel", {"name": "a/b"}, "name: 'a/b' holds '/'"),
        ("CreateModelVersion", {"name": "m", "digest": "abc"}, "digest: 'abc' is not a digest"),
        ("CreateModelVersion", {"name": "m", "metrics": {"a": float("nan")}}, r"metrics\['a'\]: nan"),
        ("CreateModelVersion", {"name": "m", "size": -1}, "size: -1"),
        ("GetModelVersion", {"name": "churn", "version": "champion"}, "version: 'champion' is not a version"),
        ("SetAlias", {"name": "churn", "alias": "v1", "version": "1"}, "alias: 'v1' looks like a version"),
        ("SetAlias", {"name": "churn", "alias": "production", "version": "1"}, "moves only with a reason"),
        ("UpdateModel", {"name": "churn", "set_tags": {"a": "1"}, "delete_tags": ["a"]}, "delete_tags: 'a'"),
    ):
        with pytest.raises(InvalidArgument, match=says):
            await registry.call(method, **fields)
    for method in ("SetAlias", "DeleteAlias"):
        with pytest.raises(PermissionDenied, match=r"bob \(editor\) may not models:promote"):
            await registry.call(method, BOB, name="churn", alias="prod")
    assert await registry.facts() == []


async def test_projects_do_not_see_each_other(registry: Registry) -> None:
    await registry.version()
    other = Identity(Actor("user", "eve"), "admin", "other")
    with pytest.raises(NotFound, match="project 'default' does not exist or is not yours"):
        await registry.call("GetModel", other, project="default", name="churn")
    with pytest.raises(NotFound, match="project 'other' has no model 'churn'") as caught:
        await registry.call("GetModel", other, name="churn")
    assert caught.value.hint == "there is none yet"
    await registry.call("CreateModelVersion", other, name="churn")
    assert [m.latest_version for m in (await registry.call("ListModels", other)).models] == [1]
    assert [s for s, _ in await registry.facts() if ".other." in s] == [
        "hw.evt.v1.other.model.created.churn",
        "hw.evt.v1.other.model.version_created.churn",
    ]


async def test_events_wait_for_the_bus(registry: Registry, bus: Any) -> None:
    """The change is committed with its event; a bus that is away gets it later, once."""
    bus.child.process.kill()
    bus.child.process.wait()
    made = await registry.version()
    assert made.version == 1
    assert await registry.kit.database.fetchval("SELECT count(*) FROM outbox") == 2
    bus.child.start()
    reader = await bus.connect("infra")
    await registry.facts()
    info = await reader.js.stream_info("HW_EVENTS")
    assert info.state.messages == 2
    last = await reader.js.get_last_msg("HW_EVENTS", "hw.evt.v1.default.model.version_created.churn")
    assert msgspec.json.decode(last.data or b"")["version"] == 1


async def test_the_artifact_service_is_away(service_kit: Any) -> None:
    from headwater_server.kit.rpc import Call
    from headwater_server.registry.blobs import Blobs

    kit = await service_kit("registry", compose=False)
    with pytest.raises(Unavailable, match="the artifact service cannot say whether blob a+ is there"):
        await Blobs(kit, timeout=0.2).check("default", "a" * 64, 0, Call(ANN))
