"""Access tokens: made, narrowed, listed, revoked, expired."""

import asyncpg
import pytest

from headwater_server.gateway.store import Store
from tests.integration.gateway.conftest import ADMIN

TOKENS = "/api/v1/tokens"
RUNS = "/api/v1/projects/default/tracking/runs"


async def test_the_life_of_a_token(edge):
    body = {"name": "watcher", "role": "viewer", "project": "default", "expiresIn": "3600s"}
    made = (await edge.call("POST", TOKENS, body)).json
    secret, token = made["secret"], made["token"]
    assert secret.startswith(f"hw_pat_{token['tokenId']}_") and token["expiresAt"] and "revoked" not in token
    assert (await edge.call("GET", RUNS, token=secret)).status == 200
    listed = (await edge.call("GET", TOKENS)).json["tokens"]
    assert [t["name"] for t in listed] == ["watcher", "admin"] and secret not in str(listed)
    assert (await edge.call("DELETE", f"{TOKENS}/{token['tokenId']}")).json == {}
    assert (await edge.call("GET", RUNS, token=secret)).status == 401, "at once, at the gateway that was asked"
    assert (await edge.call("DELETE", f"{TOKENS}/{token['tokenId']}")).status == 200, "harmless to repeat"
    assert (await edge.call("GET", TOKENS)).json["tokens"][0]["revoked"] is True


async def test_tokens_are_stored_hashed(edge):
    secret = await edge.token("viewer")
    rows = await edge.kit.database.fetch("SELECT * FROM tokens")
    assert len(rows) == 2 and not any(part in str(rows) for part in (secret, secret.rpartition("_")[2], ADMIN))


async def test_a_token_expires(edge, eventually):
    secret = await edge.token("viewer", expiresIn="0.3s")
    assert (await edge.call("GET", RUNS, token=secret)).status == 200

    async def refused() -> bool:
        return (await edge.call("GET", RUNS, token=secret)).status == 401

    await eventually(refused)


async def test_use_is_noted(edge, eventually):
    await edge.call("GET", RUNS)

    async def noted() -> bool:
        return "lastUsedAt" in (await edge.call("GET", TOKENS)).json["tokens"][0]

    await eventually(noted)


async def test_pages_of_tokens(edge):
    for name in "abc":
        await edge.call("POST", TOKENS, {"name": name, "role": "viewer", "project": "default"})
    first = (await edge.call("GET", f"{TOKENS}?pageSize=2")).json
    rest = (await edge.call("GET", f"{TOKENS}?pageSize=2&pageToken={first['nextPageToken']}")).json
    assert [t["name"] for t in first["tokens"] + rest["tokens"]] == ["c", "b", "a", "admin"]
    assert "nextPageToken" not in rest


async def test_an_admin_of_a_project_rules_there_only(edge):
    theirs = await edge.token("admin", "acme")
    assert (
        await edge.call("POST", TOKENS, {"name": "x", "role": "admin", "project": "acme"}, token=theirs)
    ).status == 200
    for project in ("*", "default"):
        answer = await edge.call("POST", TOKENS, {"name": "x", "role": "viewer", "project": project}, token=theirs)
        assert answer.status == 404, project
    assert {t["project"] for t in (await edge.call("GET", TOKENS, token=theirs)).json["tokens"]} == {"acme"}
    boss = next(t for t in (await edge.call("GET", TOKENS)).json["tokens"] if t["project"] == "*")
    assert (await edge.call("DELETE", f"{TOKENS}/{boss['tokenId']}", token=theirs)).status == 404
    assert (await edge.call("GET", TOKENS)).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "viewer", "project": "default"}, "name"),
        ({"name": "x\n", "role": "boss", "project": "default"}, "role"),
        ({"name": "x", "role": "service", "project": "default"}, "role"),
        ({"name": "x", "role": "viewer", "project": "a b"}, "project"),
        ({"name": "x", "role": "viewer", "project": "default", "expiresIn": "-1s"}, "expires_in"),
        ({"name": "x", "role": "viewer", "project": "default", "expiresIn": "soon"}, "expiresIn"),
    ],
)
async def test_bad_tokens_are_refused(edge, body, field):
    answer = await edge.call("POST", TOKENS, body)
    assert answer.status == 400 and answer.error["field"] == field, answer.raw


async def test_unknown_tokens_are_not_revoked(edge):
    assert (await edge.call("DELETE", f"{TOKENS}/0000000000aa00000000")).status == 404
    assert (await edge.call("DELETE", f"{TOKENS}/nonsense")).status == 400


async def test_the_bootstrap_token_follows_the_configuration(edge):
    store = Store(edge.kit.database)
    await store.make_known(ADMIN)
    rows: list[asyncpg.Record] = await store.page("*", "", 10)
    assert len(rows) == 1, "known already"
    await store.revoke(rows[0]["token_id"], "*")
    await store.make_known(ADMIN)
    assert (await store.page("*", "", 10))[0]["revoked_at"], "a restart does not give a revoked token back"
    await store.make_known("hw_pat_another")
    assert len(await store.page("*", "", 10)) == 1 and (await store.page("*", "", 10))[0]["revoked_at"] is None
