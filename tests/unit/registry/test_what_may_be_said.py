"""Names, references, tags, evidence: what passes, and errors that name the field, the value and the fix."""

import math

import msgspec
import pytest
from google.protobuf.struct_pb2 import Struct

from headwater.api.registry.v1 import registry_pb2 as pb
from headwater_server.kit.auth import Actor
from headwater_server.kit.envelope import MAX_BODY, encode
from headwater_server.kit.errors import Aborted, InvalidArgument
from headwater_server.registry import facts, limits, origin
from headwater_server.registry.promotions import Move, check_expected, check_reason
from headwater_server.registry.references import Reference, parse_reference
from headwater_server.registry.tags import changed

ANN = Actor("user", "ann")
NOW = facts.timestamp().ToDatetime()


@pytest.mark.parametrize("name", ["churn", "Fraud model (EU)", "größe", "a.b:c", "x" * 256])
def test_names(name: str) -> None:
    assert limits.check_name(name) == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "name: the model has no name"),
        ("x" * 257, "has 257 characters, at most 256"),
        ("a/b", "name: 'a/b' holds '/'"),
        ("a@b", "holds '@'"),
        ("a\nb", r"holds '\\n'"),
        (" a", "is not the name of a model"),
        ("..", "is not the name of a model"),
    ],
)
def test_names_that_are_none(name: str, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says) as caught:
        limits.check_name(name)
    assert caught.value.field == "name" and caught.value.hint


@pytest.mark.parametrize("alias", ["champion", "prod-eu_1", "v", "version1", "7", "x" * 255])
def test_aliases(alias: str) -> None:
    assert limits.check_alias(alias) == alias


@pytest.mark.parametrize("alias", ["", "a b", "a/b", "@a", "a.b", "a\n", "x" * 256, "v1", "V22", "latest", "Latest"])
def test_aliases_that_are_none(alias: str) -> None:
    with pytest.raises(InvalidArgument, match="^alias: ") as caught:
        limits.check_alias(alias)
    assert "champion" in caught.value.hint


def test_references() -> None:
    assert parse_reference("3") == parse_reference("003") == Reference(3)
    assert parse_reference("latest") == Reference()
    assert parse_reference("@champion") == Reference(alias="champion")


@pytest.mark.parametrize("text", ["", "0", "-1", "three", "champion", "1.0", "@", "@a b", "9999999999", "٣", "3\n"])
def test_references_that_are_none(text: str) -> None:
    with pytest.raises(InvalidArgument, match="^version: "):
        parse_reference(text)


def test_tags_change() -> None:
    assert changed({"a": "1", "b": "2"}, {"b": "3", "c": ""}, ["a", "other"]) == {"b": "3", "c": ""}
    with pytest.raises(InvalidArgument, match="delete_tags: 'a' is in set_tags too"):
        changed({}, {"a": "1"}, ["a"])
    with pytest.raises(InvalidArgument, match="set_tags: 140006 bytes in all tags together"):
        changed({"old": "x" * 70_000}, {"new": "x" * 70_000}, [])


@pytest.mark.parametrize("tags", [{"": "x"}, {"a\0": "x"}, {"k" * 251: "x"}, {"a": "x\0"}, {"a": "x" * 100_001}])
def test_tags_that_are_refused(tags: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="^tags"):
        limits.check_tags(tags)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_evidence_is_finite(value: float) -> None:
    with pytest.raises(InvalidArgument, match=r"metrics\['acc'\]: -?(nan|inf) is not a finite number"):
        limits.check_metrics({"acc": value})


def test_a_digest_is_a_sha256() -> None:
    assert limits.check_digest("") == ""
    for wrong in ("sha256:" + "a" * 64, "A" * 64, "a" * 63):
        with pytest.raises(InvalidArgument, match="^digest: "):
            limits.check_digest(wrong)


def test_lineage() -> None:
    task = Actor("task", "ann", "r1")
    assert origin.lineage_of(pb.Lineage(), ANN) is None
    assert origin.lineage_of(pb.Lineage(step="train"), task) == {"step": "train", "runId": "r1"}
    assert origin.lineage_of(pb.Lineage(run_id="r0", attempt=2), task) == {"runId": "r0", "attempt": 2}
    with pytest.raises(InvalidArgument, match="^lineage.step: "):
        origin.lineage_of(pb.Lineage(step="a\0b"), task)


def test_signatures() -> None:
    signature = Struct()
    assert origin.signature_of(signature) is None
    signature.update({"inputs": [{"name": "x", "type": "float64", "shape": [-1, 64]}]})
    assert origin.signature_of(signature) == {"inputs": [{"name": "x", "type": "float64", "shape": [-1, 64]}]}
    for bad, says in (("x" * 300_000, "at most 262144"), ("a\0", "NUL"), (math.nan, "^signature: ")):
        signature["note"] = bad
        with pytest.raises(InvalidArgument, match=says):
            origin.signature_of(signature)
    signature["note"] = "\\u0000 written out"
    assert origin.signature_of(signature)


def test_compare_and_set() -> None:
    check_expected("champion", 3, 3)
    check_expected("champion", 0, 0)
    with pytest.raises(Aborted, match="alias 'champion' points at version 4, not at version 3"):
        check_expected("champion", 4, 3)
    with pytest.raises(Aborted, match="alias 'champion' is not set, not at version 3"):
        check_expected("champion", 0, 3)
    with pytest.raises(Aborted, match="points at version 4, not unset"):
        check_expected("champion", 4, 0)


def test_reasons() -> None:
    check_reason("champion", "", frozenset())
    check_reason("challenger", " ", frozenset({"champion"}))
    check_reason("champion", "better", frozenset({"champion"}))
    for demanding in ({"champion"}, {"*"}):
        with pytest.raises(InvalidArgument, match="reason: alias 'champion' moves only with a reason"):
            check_reason("champion", " ", frozenset(demanding))


def test_events_of_the_largest_objects_fit() -> None:
    tags = limits.check_tags({"a": "\n" * limits.MAX_TAG, **{f"{n:03}": "" for n in range(799)}})
    text = limits.check_text("ü" * limits.MAX_DESCRIPTION, "description", limits.MAX_DESCRIPTION)
    assert len(encode(facts.updated("p", "m" * 256, 1, text, tags, ANN, NOW)).body) < MAX_BODY
    metrics = limits.check_metrics({f"{n:04}" + '"' * 98: 1 / 3e-300 for n in range(1000)})
    reason = limits.check_text("ü" * limits.MAX_REASON, "reason", limits.MAX_REASON)
    promoted = encode(facts.moved("p", "m", Move("a", 2, 1, reason, ANN, metrics), NOW, 2**53))
    assert len(promoted.body) < MAX_BODY
    assert msgspec.json.decode(promoted.body)["previousVersion"] == 1
