"""Reading what a task made, from a manifest that may come from anybody."""

import hashlib
import json

import pytest

from headwater.runtime import manifest as sdk
from headwater_server.artifact.keys import upload_key
from headwater_server.artifact.limits import EMPTY, check_digest, check_size
from headwater_server.artifact.manifests import Elsewhere, needed, read_manifest
from headwater_server.kit.errors import InvalidArgument

HEX = hashlib.sha256(b"x").hexdigest()


def body(**changes):
    entry = {"type": "int", "encoding": "pickle5", "size": 3, "digest": HEX, "inline": "AAAA"}
    return {"v": 1, "artifacts": {"a": entry, "old": entry}, "new": ["a"]} | changes


def test_only_what_the_task_assigned_itself_counts():
    (made,) = read_manifest(json.dumps(body()))
    assert (made.name, made.size, made.type, made.encoding, made.digest.hex()) == ("a", 3, "int", "pickle5", HEX)


def test_what_the_runtime_writes_is_what_is_read(tmp_path):
    writer, manifest = sdk.Writer(tmp_path), sdk.Manifest()
    for name, value in (("small", 1), ("packed", "x" * 5000), ("blob", b"y" * 300_000)):
        manifest.artifacts[name] = writer.add(value)
        manifest.new.append(name)
    made = read_manifest(sdk.seal(manifest, writer))
    assert [(m.name, m.type) for m in made] == [("blob", "bytes"), ("packed", "str"), ("small", "int")]

    manifest.artifacts |= {f"name{n}": manifest.artifacts["small"] for n in range(1000)}
    sealed = sdk.seal(manifest, writer)
    assert read_manifest(sealed) == Elsewhere(bytes.fromhex(writer.blobs[-1].digest))


def test_no_manifest_is_no_artifact():
    assert read_manifest("") == [] == read_manifest(b"{}")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ("{", "manifest"),
        ("[]", "manifest"),
        (json.dumps(body(v=2)), "manifest.v"),
        (json.dumps(body(new="a")), "manifest"),
        (json.dumps(body(new=[7])), "manifest.new"),
        (json.dumps(body(artifacts={"a": 1})), "manifest.artifacts['a']"),
        (json.dumps(body(artifacts={"a": {"digest": "x"}})), "manifest.artifacts['a'].digest"),
        (json.dumps(body(artifacts={"a": {"digest": HEX, "size": -1}})), "manifest.artifacts['a'].size"),
        (json.dumps(body(artifacts={"a": {"digest": HEX, "type": "a\0"}})), "manifest.artifacts['a'].type"),
        (json.dumps({"v": 1, "manifest": "../etc"}), "manifest.manifest"),
        ("[" * 100_000, "manifest"),
    ],
)
def test_what_is_wrong_is_named(data, field):
    with pytest.raises(InvalidArgument) as caught:
        read_manifest(data)
    assert caught.value.field == field


def test_digests_and_sizes():
    digest = check_digest(HEX)
    assert check_size(5 << 30, digest) == 5 << 30 and check_size(0, EMPTY) == 0
    for wrong in ("", HEX.upper(), HEX[1:], HEX + "0", "g" * 64, HEX + "\n"):
        with pytest.raises(InvalidArgument, match="sha256"):
            check_digest(wrong)
    for size, of in ((-1, digest), ((5 << 30) + 1, digest), (0, digest), (1, EMPTY)):
        with pytest.raises(InvalidArgument, match="size"):
            check_size(size, of)


def test_projects_upload_to_keys_of_their_own():
    digest = bytes.fromhex(HEX)
    assert upload_key(digest, "a") != upload_key(digest, "b")
    assert upload_key(digest, "../../x").count("/") == 3


def test_the_blobs_that_a_manifest_needs():
    a, b, c, d, e = (letter * 64 for letter in "abcde")
    body = {
        "v": 1,
        "artifacts": {
            "inline": {"digest": "1" * 64, "inline": "AA=="},
            "packed": {"digest": "2" * 64, "pack": a, "offset": 0},
            "own": {"digest": b},
            "foreign": {"digest": "not one of ours"},
        },
        "new": ["own"],
        "foreach": {"split": {"digest": c, "var": "x", "groups": e}},
    }
    assert needed(json.dumps(body)) == {bytes.fromhex(each) for each in (a, b, c, e)}
    assert needed(json.dumps({"v": 1, "manifest": d})) == {bytes.fromhex(d)}
    assert needed("") == needed("{}") == set()
