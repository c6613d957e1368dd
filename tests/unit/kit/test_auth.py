"""Tokens are genuine or refused; roles grow strictly; what no role may do is refused with the roles that would."""

import pytest

from headwater_server.kit import auth
from headwater_server.kit.errors import NotFound, PermissionDenied, Unauthenticated

KEY = "k" * 40


def mint(**changes: object) -> str:
    claims: dict = {
        "project": "acme",
        "role": "editor",
        "actor": auth.Actor("user", "ada"),
        "run_id": "r1",
        "step": "train",
        "path": "1",
        "index": 2,
        "attempt": 3,
    }
    return auth.mint_task_token(KEY, **(claims | changes))


def test_a_task_token_carries_its_claims():
    claims = auth.verify_task_token(KEY, mint())
    assert (claims.project, claims.role, claims.run_id, claims.step, claims.path, claims.index, claims.attempt) == (
        "acme",
        "editor",
        "r1",
        "train",
        "1",
        2,
        3,
    )
    identity = claims.identity()
    assert identity.actor == auth.Actor("task", "ada", "r1", "train/1.2")
    with pytest.raises(NotFound, match="'other'"):
        identity.check_project("other")


@pytest.mark.parametrize(
    "forge", [lambda t: t[:-1] + ("0" if t[-1] != "0" else "1"), lambda t: t.replace(".", "A."), lambda t: "hw_task_"]
)
def test_a_forged_task_token_is_refused(forge):
    with pytest.raises(Unauthenticated):
        auth.verify_task_token(KEY, forge(mint()))


def test_a_token_of_another_key_is_refused():
    with pytest.raises(Unauthenticated):
        auth.verify_task_token("other" * 10, mint())
    with pytest.raises(Unauthenticated):
        auth.verify_service_token("other" * 10, auth.service_token(KEY, "scheduler"))


def test_a_service_token_names_its_service():
    assert auth.verify_service_token(KEY, auth.service_token(KEY, "scheduler")) == "scheduler"


def test_without_a_key_nothing_is_genuine():
    with pytest.raises(Unauthenticated, match="HEADWATER_INTERNAL_KEY"):
        auth.verify_task_token("", mint())


def test_each_role_may_all_that_the_one_before_may():
    for lower, higher in zip(auth.HUMAN_ROLES, auth.HUMAN_ROLES[1:], strict=False):
        assert auth.ROLES[lower] < auth.ROLES[higher]
    assert "models:promote" not in auth.ROLES["editor"]
    assert not any("internal:call" in auth.ROLES[r] for r in (*auth.HUMAN_ROLES, "worker"))


def test_a_refusal_names_the_role_that_would_do():
    viewer = auth.Identity(auth.Actor("user", "bob"), "viewer", "acme")
    with pytest.raises(PermissionDenied) as refused:
        viewer.check("models:promote")
    assert "bob (viewer) may not models:promote" in refused.value.message
    assert refused.value.hint == "Needs the role promoter or admin."


def test_identities_travel_between_services():
    identity = auth.Identity(auth.Actor("task", "ada", "r1", "train/1.2"), "runner", "acme")
    assert auth.decode_identity(auth.encode_identity(identity)) == identity


def test_the_cache_forgets_in_time():
    cache = auth.Expiring(5.0, limit=2)
    cache.put("a", 1, at=10.0)
    assert cache.get("a", at=14.9) == 1
    assert cache.get("a", at=15.1) is None
