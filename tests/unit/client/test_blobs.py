"""Blobs outside of a task: sent once, cached, and checked every time they are read."""

import hashlib
from pathlib import Path

import pytest

from headwater.artifacts import blobs
from headwater.errors import ArtifactError, DataLoss, NotFound
from tests.unit.client.api import Api


def test_bytes_and_files_go_up_once(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"content")
    digest = blobs.put(file)
    assert digest == hashlib.sha256(b"content").hexdigest() == blobs.put(b"content")
    assert api.blobs == {digest: b"content"}
    assert [path.endswith("/commit") for path, _, _ in api.seen("POST")] == [False, True, False]


def test_what_was_read_is_cached(api: Api) -> None:
    digest = blobs.put(b"content")
    path = blobs.get(digest)
    assert path.read_bytes() == b"content" and path.parent.parent == blobs.cache()
    before = len(api.requests)
    assert blobs.get(digest) == path and len(api.requests) == before


def test_damaged_bytes_are_never_handed_out(api: Api) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    api.blobs[digest] = b"c0ntent"
    with pytest.raises(DataLoss, match=f"blob {digest} is damaged") as caught:
        blobs.get(digest)
    assert caught.value.reason == "DIGEST_MISMATCH"
    assert not any(path.is_file() for path in blobs.cache().rglob("*"))


def test_a_damaged_cache_heals(api: Api) -> None:
    digest = blobs.put(b"content")
    path = blobs.get(digest)
    path.chmod(0o644)
    path.write_bytes(b"c0ntent")
    assert blobs.get(digest).read_bytes() == b"content"


def test_what_does_not_exist(api: Api, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        blobs.get("0" * 64)
    with pytest.raises(ArtifactError, match="cannot be read"):
        blobs.put(tmp_path / "nothing")
