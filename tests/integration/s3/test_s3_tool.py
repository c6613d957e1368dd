"""The S3 tool against a real S3 server, through a proxy that fails when it is told to."""

import io
import os
import re
from pathlib import Path

import pytest

from headwater import S3
from headwater.s3 import (
    MetaflowS3AccessDenied,
    MetaflowS3Exception,
    MetaflowS3InvalidObject,
    MetaflowS3InvalidRange,
    MetaflowS3NotFound,
    MetaflowS3URLException,
    RangeInfo,
    S3GetObject,
    S3PutObject,
)
from tests.harness.faults import FaultyS3

BIG = os.urandom(8192) * 2600  # 21 MB: several parts


@pytest.fixture
def proxy(s3):
    with FaultyS3(s3.endpoint) as made:
        yield made


@pytest.fixture
def root(s3, proxy, monkeypatch, tmp_path, request):
    """A folder of this test in a bucket; the tool is configured as users do it."""
    access, secret = s3.keys["metaflow"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("METAFLOW_S3_ENDPOINT_URL", proxy.endpoint)
    monkeypatch.setenv("METAFLOW_TEMPDIR", str(tmp_path))
    monkeypatch.setenv("METAFLOW_S3_RETRY_COUNT", "2")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return f"s3://headwater-metaflow/tests/{re.sub(r'[^a-z]', '-', request.node.name)}"


def test_what_is_put_is_got_with_what_is_known_of_it(root, tmp_path):
    (tmp_path / "file.bin").write_bytes(BIG)
    with S3(s3root=root) as s3:
        assert s3.put("text", "grüße", content_type="text/plain", metadata={"a": "b  c"}) == f"{root}/text"
        stored = s3.put_many([("one", b"1"), S3PutObject("two", io.BytesIO(b"22"), metadata={"x": "y"}), ("no", "")])
        assert stored == [(key, f"{root}/{key}") for key in ("one", "two", "no")]
        assert s3.put_files([("d/big", str(tmp_path / "file.bin"))]) == [("d/big", f"{root}/d/big")]
        text = s3.get("text")
        assert (text.text, text.key, text.url, text.prefix) == ("grüße", "text", f"{root}/text", root)
        assert (text.metadata, text.content_type, text.size) == ({"a": "b  c"}, "text/plain", 7)
        assert text.downloaded and text.has_info and text.last_modified and text.path.startswith(str(tmp_path))
        big, two, empty = s3.get_many(["d/big", "two", "no"])
        assert (big.blob == BIG, two.blob, two.metadata, empty.blob) == (True, b"22", {"x": "y"}, b"")
        assert big.range_info == RangeInfo(len(BIG), 0, len(BIG))
        looked = s3.info_many(["text", "nothing"], return_missing=True)
        assert [(each.exists, each.downloaded, each.size) for each in looked] == [
            (True, False, 7),
            (False, False, None),
        ]
        assert str(looked[1]) == f"<S3Object {root}/nothing (object does not exist)>"
        part, end, rest = s3.get_many([S3GetObject("text", 1, 2), S3GetObject("text", 0, -3), S3GetObject("two", 1)])
        assert (part.blob, end.blob, rest.blob) == ("grüße".encode()[1:3], "ße".encode(), b"2")
        assert part.range_info == RangeInfo(7, 1, 2)
        assert s3.put("text", b"other", overwrite=False) and s3.get("text").text == "grüße"
        assert s3.put_many([("text", b"other"), ("new", b"")], overwrite=False) == [("new", f"{root}/new")]
        full = S3()
        assert full.get(f"{root}/two").key == f"{root}/two"
        full.close()
        where = text.path
    assert not Path(where).exists()


def test_listings(root):
    files = ["a/0.txt", "a/b/1.txt", "a/c/2.txt", "a/d/e/3.txt", "ab/x.txt", "f/4.txt"]
    with S3(s3root=root) as s3:
        s3.put_many([(name, name) for name in files])
        found = [(each.key, each.exists) for each in s3.list_paths(["a", "f"])]
        assert sorted(found) == [("0.txt", True), ("4.txt", True), ("b", False), ("c", False), ("d", False)]
        assert sorted((each.key, each.exists) for each in s3.list_paths()) == [
            ("a", False),
            ("ab", False),
            ("f", False),
        ]
        assert sorted(each.key for each in s3.list_recursive(["a"])) == [name[2:] for name in files[:4]]
        assert sorted(each.key for each in s3.get_all()) == files
        got = s3.get_recursive(["a/", "f"], return_info=True)
        assert sorted((each.key, each.text) for each in got) == [(name, name) for name in files if name[:2] != "ab"]
        assert s3.list_recursive(["none"]) == [] == s3.get_many([])


def test_bad_input_is_named(root, monkeypatch):
    with S3(s3root=root) as s3:
        for call in (lambda: s3.get("none"), lambda: s3.info("none"), lambda: s3.get_many(["none"])):
            with pytest.raises(MetaflowS3NotFound, match=f"{root}/none"):
                call()
        assert not s3.get("none", return_missing=True).exists
        with pytest.raises(MetaflowS3NotFound, match="Local file not found: /nowhere"):
            s3.put_files([("x", "/nowhere")])
        with pytest.raises(MetaflowS3InvalidObject, match="'x' is not a string or a bytes"):
            s3.put("x", {"no": "bytes"})
        with pytest.raises(MetaflowS3URLException, match="Don't use absolute"):
            s3.get("s3://other/x")
        s3.put("x", "123")
        with pytest.raises(MetaflowS3InvalidRange):
            s3.get(S3GetObject("x", 10, 5))
    with S3() as s3, pytest.raises(MetaflowS3URLException, match="Initialize S3 with an 's3root'"):
        s3.get("x")
    with S3() as s3, pytest.raises((MetaflowS3AccessDenied, MetaflowS3URLException)):
        s3.put("s3://headwater-artifacts/blobs/x", b"")
    with pytest.raises(MetaflowS3URLException, match="prefixed with s3://"):
        S3(s3root="http://x")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with S3(s3root=root) as s3, pytest.raises(MetaflowS3AccessDenied, match="no credentials .* Fix: set AWS_ACCESS"):
        s3.get("x")


@pytest.mark.parametrize("kind", ["503", "500", "cut", "refuse", "lost"])
def test_what_fails_in_passing_is_tried_again(root, proxy, kind):
    with S3(s3root=root) as s3:
        proxy.fail(kind, lambda method, path: method == "PUT")
        proxy.fail(kind, lambda method, path: method == "PUT" and "partNumber=2" in path)
        proxy.fail(kind, lambda method, path: method == "GET" and "/big" in path, times=2)
        s3.put("big", BIG)
        assert s3.get("big").blob == BIG


def test_what_goes_on_failing_ends_and_leaves_nothing(root, proxy, tmp_path):
    with S3(s3root=root) as s3:
        proxy.fail("503", lambda method, path: method == "PUT" and "partNumber=2" in path, times=99)
        with pytest.raises(MetaflowS3Exception, match="answers 503 .*SlowDown.* after 2 more tries"):
            s3.put("big", BIG)
        assert not s3.info("big", return_missing=True).exists
        assert proxy.seen[-2][0] == "DELETE"  # the upload was given up
        s3.put("small", b"x")
        proxy.fail("cut", lambda method, path: method == "GET", times=99)
        with pytest.raises(MetaflowS3Exception):
            s3.get("small")
        assert not list(tmp_path.rglob("*one_file*"))
