"""What MLflow's clients need of the registry: search, stages, deletion, logged models, and webhooks that arrive."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from headwater.api.registry.v1 import logged_models_pb2, webhooks_pb2
from headwater_server.kit.errors import AlreadyExists, InvalidArgument, NotFound
from headwater_server.registry.deliveries import Deliveries
from headwater_server.registry.outgoing import Policy
from headwater_server.registry.sealing import Seal
from tests.harness.fixtures import INTERNAL_KEY
from tests.harness.waiting import eventually
from tests.integration.registry.conftest import ANN, Registry


async def call(registry: Registry, module: Any, method: str, **fields: Any) -> Any:
    request = getattr(module, f"{method}Request")(**fields)
    return await getattr(registry._client, method)(request, on_behalf=ANN)


async def names(registry: Registry, text: str, *order_by: str) -> list[str]:
    reply = await registry.call("SearchModels", filter=text, order_by=order_by)
    return [model.name for model in reply.models]


async def test_search_finds_by_names_tags_and_origin(registry: Registry) -> None:
    for name, tags in (("churn", {"team": "crm"}), ("Churn2", {}), ("fraud", {"team": "risk"})):
        await registry.call("CreateModel", name=name, tags=tags)
    await registry.call("CreateModel", name="greeting", tags={"mlflow.prompt.is_prompt": "true"})
    assert await names(registry, "", "name DESC") == ["fraud", "churn", "Churn2"]
    assert await names(registry, "name ILIKE 'churn%'", "creation_timestamp") == ["churn", "Churn2"]
    assert await names(registry, "tags.team != 'crm' OR name IN ('Churn2')", "name DESC") == ["fraud", "Churn2"]
    assert await names(registry, "tags.`mlflow.prompt.is_prompt` = 'true'") == ["greeting"]
    for number in range(1, 4):
        await registry.version("churn", tags={"n": str(number)}, lineage={"run_id": f"{number:032x}"})
    found = await registry.call("SearchModelVersions", filter="name = 'churn' AND version_number > 1", page_size=1)
    assert [v.version for v in found.versions] == [3]
    more = {"filter": "name = 'churn' AND version_number > 1", "page_token": found.next_page_token}
    rest = await registry.call("SearchModelVersions", **more)
    assert [v.version for v in rest.versions] == [2] and not rest.next_page_token
    found = await registry.call("SearchModelVersions", filter=f"run_id = '{1:032x}' AND tags.n = '1'")
    assert [v.version for v in found.versions] == [1]
    with pytest.raises(InvalidArgument, match="another question"):
        await registry.call("SearchModelVersions", page_token=more["page_token"])


async def test_a_stage_holds_who_is_moved_there_and_tells_of_it(registry: Registry) -> None:
    for _ in range(3):
        await registry.version()
    await registry.call("SetStage", name="churn", version="1", stage="production")
    await registry.call("SetStage", name="churn", version="2", stage="Production", archive_existing=True)
    model = (await registry.call("GetModel", name="churn")).model
    assert {v.stage: v.version for v in model.latest_versions} == {"None": 3, "Production": 2, "Archived": 1}
    await registry.call("SetStage", name="churn", version="2", stage="Production")  # changes nothing
    told = [body for subject, body in await registry.facts() if ".stage_changed." in subject]
    moves = [(body["version"], body["previousStage"], body["stage"]) for body in told]
    assert moves == [(1, "None", "Production"), (1, "Production", "Archived"), (2, "None", "Production")]
    for stage, archive in (("Live", False), ("Archived", True)):
        with pytest.raises(InvalidArgument, match="tage"):
            await registry.call("SetStage", name="churn", version="1", stage=stage, archive_existing=archive)


async def test_what_is_deleted_is_gone_and_its_number_with_it(registry: Registry) -> None:
    for _ in range(2):
        await registry.version()
    await registry.call("SetAlias", name="churn", alias="best", version="2")
    await registry.call("DeleteModelVersion", name="churn", version="2")
    model = (await registry.call("GetModel", name="churn")).model
    assert (model.latest_version, dict(model.aliases)) == (1, {})
    with pytest.raises(NotFound, match="no version 2") as refused:
        await registry.call("GetModelVersion", name="churn", version="2")
    assert refused.value.hint == "it was deleted"
    assert (await registry.version()).version == 3
    await registry.call("CreateModel", name="fraud")
    with pytest.raises(AlreadyExists):
        await registry.call("RenameModel", name="churn", new_name="fraud")
    await registry.call("RenameModel", name="churn", new_name="leavers")
    assert (await registry.call("GetModelVersion", name="leavers", version="latest")).version.version == 3
    await registry.call("DeleteModel", name="leavers")
    assert (await registry.version("leavers")).version == 1
    kinds = [subject.split(".")[5] for subject, _ in await registry.facts()]
    assert kinds.count("alias_removed") == kinds.count("renamed") == kinds.count("deleted") == 1
    assert kinds.index("alias_removed") < kinds.index("version_deleted")


async def test_a_logged_model_gathers_what_is_measured_on_it(registry: Registry) -> None:
    async def logged(method: str, **fields: Any) -> Any:
        return await call(registry, logged_models_pb2, method, **fields)

    new = {"experiment_id": "7", "name": "clf", "artifact_root": "mlflow-artifacts:/7/models", "params": {"c": "1"}}
    first = (await logged("CreateLoggedModel", **new)).model
    again = (await logged("CreateLoggedModel", model_id=first.model_id, **new)).model
    second = (await logged("CreateLoggedModel", **new | {"name": "other"})).model
    assert again == first and first.artifact_uri == f"mlflow-artifacts:/7/models/{first.model_id}/artifacts"
    points = [
        {"model_id": model.model_id, "run_id": "r", "key": "acc", "value": value, "step": step, "dataset_name": data}
        for model, value, step, data in ((first, 0.5, 1, "a"), (first, 0.9, 2, "a"), (second, 0.7, 1, "b"))
    ]
    strange = {"model_id": "m-" + "0" * 32, "run_id": "r", "key": "acc", "value": 1.0}
    for _ in range(2):
        await logged("LogModelMetrics", metrics=[*points, strange])

    async def search(text: str, **more: Any) -> list[str]:
        reply = await logged("SearchLoggedModels", experiment_ids=["7"], filter=text, **more)
        return [model.name for model in reply.models]

    best = [{"field": "metrics.acc", "descending": True}]
    assert await search("", order_by=best) == ["clf", "other"]
    assert await search("metrics.acc < 0.6 AND params.c = '1'") == ["clf"]
    assert await search("", datasets=[{"name": "b"}]) == ["other"]
    assert await search("name LIKE 'o%' AND status = 'PENDING' AND creation_timestamp > 0") == ["other"]
    changed = {"model_id": first.model_id, "state": 2, "set_tags": {"a": "1"}, "params": {"d": "2"}}
    model = (await logged("UpdateLoggedModel", **changed)).model
    assert [(m.value, m.step) for m in model.metrics] == [(0.9, 2)] and dict(model.params) == {"c": "1", "d": "2"}
    with pytest.raises(InvalidArgument, match="written once"):
        await logged("UpdateLoggedModel", model_id=first.model_id, params={"c": "3"})
    with pytest.raises(NotFound, match="No tag with key 'b'"):
        await logged("UpdateLoggedModel", model_id=first.model_id, delete_tags=["b"])
    await logged("DeleteLoggedModel", model_id=first.model_id)
    assert await search("") == ["other"]
    with pytest.raises(NotFound, match="not found"):
        await logged("GetLoggedModel", model_id=first.model_id)
    assert (await logged("GetLoggedModel", model_id=first.model_id, deleted=True)).model.deleted


class Receiver:
    """An HTTP server that answers as it is told, and remembers."""

    def __init__(self) -> None:
        self.status, self.got = 500, []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append(({line.split(": ")[0].lower(): line.split(": ", 1)[1] for line in head[1:] if line}, body))
        writer.write(
            f"HTTP/1.1 {self.status} X\r\nContent-Length: 2\r\nLocation: http://127.0.0.1:1/\r\n\r\nok".encode()
        )
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=1"
    yield made
    server.close()


async def test_a_webhook_hears_of_it_in_the_end_and_the_log_says_how(registry: Registry, receiver: Receiver) -> None:
    async def hooks(method: str, **fields: Any) -> Any:
        return await call(registry, webhooks_pb2, method, **fields)

    new = {"name": "ci", "url": receiver.url, "events": ["model_version.created", "model_version_alias.created"]}
    for wrong in ({"url": "ftp://a.b"}, {"name": "-"}, {"events": ["model_version.set"]}, {"events": []}):
        with pytest.raises(InvalidArgument):
            await hooks("CreateWebhook", **new | wrong)
    made = (await hooks("CreateWebhook", secret="s3cret", **new)).webhook
    await registry.version(tags={"a": "1"}, source="s3://b/m")
    await registry.call("CreateModel", name="unheard")

    async def log() -> Any:
        return (await hooks("ListWebhookDeliveries", webhook_id=made.webhook_id)).deliveries

    await eventually(lambda: log_says(log, state="PENDING", attempts=1, status=500))
    receiver.status = 200
    await registry.kit.database.execute("UPDATE webhook_deliveries SET due_at = now()")
    await eventually(lambda: log_says(log, state="DELIVERED", attempts=2, status=200))
    first, second = receiver.got
    assert first[1] == second[1] and first[0]["x-mlflow-delivery-id"] == second[0]["x-mlflow-delivery-id"]
    said = json.loads(second[1])
    assert (said["entity"], said["action"]) == ("model_version", "created")
    assert said["data"] == {
        "name": "churn", "version": "1", "source": "s3://b/m", "run_id": None, "tags": {"a": "1"}, "description": None,
    }  # fmt: skip
    signed = f"{second[0]['x-mlflow-delivery-id']}.{second[0]['x-mlflow-timestamp']}.".encode() + second[1]
    expected = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert second[0]["x-mlflow-signature"] == f"v1,{expected}"
    await hooks("UpdateWebhook", webhook_id=made.webhook_id, disabled=True)
    await registry.call("SetAlias", name="churn", alias="best", version="1")
    assert len(await log()) == 1
    tested = await hooks("TestWebhook", webhook_id=made.webhook_id, event="model_version_alias.created")
    assert (tested.success, tested.status, tested.body) == (True, 200, "ok")
    receiver.status = 302  # nobody follows it
    assert (await hooks("TestWebhook", webhook_id=made.webhook_id)).status == 302
    await hooks("DeleteWebhook", webhook_id=made.webhook_id)
    assert not (await hooks("ListWebhooks")).webhooks


async def log_says(log: Any, **expected: Any) -> bool:
    deliveries = await log()
    return len(deliveries) == 1 and all(getattr(deliveries[0], name) == value for name, value in expected.items())


async def test_a_version_and_the_note_of_its_logged_model_are_one_write(registry: Registry) -> None:
    new = {"experiment_id": "7", "name": "clf", "artifact_root": "mlflow-artifacts:/7/models"}
    model = (await call(registry, logged_models_pb2, "CreateLoggedModel", **new)).model
    for request_id in ("a", "a", "b"):  # the first is sent twice
        await registry.version(model_id=model.model_id, request_id=request_id)
    found = (await call(registry, logged_models_pb2, "GetLoggedModel", model_id=model.model_id)).model
    versions = [{"name": "churn", "version": "1"}, {"name": "churn", "version": "2"}]
    assert json.loads(found.tags["mlflow.modelVersions"]) == versions
    assert await registry.kit.database.fetchval("SELECT count(*) FROM versions") == 2


async def test_a_webhook_that_goes_takes_its_deliveries_along(registry: Registry) -> None:
    database, events = registry.kit.database, ["model_version.created"]
    hook = {"name": "ci", "url": "http://127.0.0.1:9/", "events": events}
    made = (await call(registry, webhooks_pb2, "CreateWebhook", **hook)).webhook
    pending = "SELECT count(*) FROM webhook_deliveries WHERE due_at IS NOT NULL"
    await registry.version()
    assert await database.fetchval(pending) == 1
    async with database.transaction() as conn:  # somebody deletes it, while a version is made
        await conn.execute("UPDATE webhooks SET deleted_at = now() WHERE id = $1", made.webhook_id)
        version = asyncio.create_task(registry.version())
        await eventually(lambda: database.fetchval("SELECT count(*) = 1 FROM pg_locks WHERE NOT granted"))
    await version
    assert await database.fetchval(pending) == 1
    await database.execute("UPDATE webhooks SET deleted_at = NULL")
    await call(registry, webhooks_pb2, "DeleteWebhook", webhook_id=made.webhook_id)
    assert await database.fetchval(pending) == 0


async def test_postgres_holds_no_secret_that_can_be_read(registry: Registry, receiver: Receiver) -> None:
    database, receiver.status = registry.kit.database, 200
    hook = {"name": "ci", "url": receiver.url, "events": ["model_version.created"], "secret": "s3cret"}
    made = (await call(registry, webhooks_pb2, "CreateWebhook", **hook)).webhook
    assert (await database.fetchval("SELECT secret FROM webhooks")).startswith("sealed:v1:")
    await database.execute("UPDATE webhooks SET secret = 'plain, from before'")
    await Deliveries(database, Policy(), asyncio.Event(), Seal([INTERNAL_KEY])).seal_all()
    assert "plain" not in await database.fetchval("SELECT secret FROM webhooks")
    assert (await call(registry, webhooks_pb2, "TestWebhook", webhook_id=made.webhook_id)).success
    foreign = Seal(["of another installation"]).close("x")
    await database.execute("UPDATE webhooks SET secret = $1", foreign)
    refused = await call(registry, webhooks_pb2, "TestWebhook", webhook_id=made.webhook_id)
    assert not refused.success and "stored with another key" in refused.error and len(receiver.got) == 1
