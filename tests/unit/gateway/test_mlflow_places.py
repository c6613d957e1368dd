"""Paths of artifacts and sources of versions: what could mean another place is refused, in every spelling."""

from urllib.parse import quote

import pytest

from headwater_server.gateway.mlflow import artifact_paths as paths
from headwater_server.gateway.mlflow import sources
from headwater_server.gateway.mlflow.artifact_streams import wanted_range
from headwater_server.gateway.mlflow.artifacts import attachment, media_of
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.request import HttpError

RUN, MODEL = "0af7651916cd43dd8448eb211c80319c", "m-7f54c0e4e3da497eae8cfa2303984698"
CLIMBS = ["../etc", "a/../../etc", "a/..", "..\\etc", "a\\..\\b", ";/../etc", "..;/etc", "#../etc", "a#../b", "?../etc"]
CLIMBS += ["．．/etc", "‥/etc", "..%00", "a\0b", "/etc/passwd", "file:/etc", "FILE:///etc", "//host/x", "C:/x", "./a"]
CLIMBS += ["a\nb", "x" * 4096]


@pytest.mark.parametrize("path", CLIMBS)
@pytest.mark.parametrize("encoded", [0, 1, 2, 3])
def test_no_path_leaves_its_tree(path, encoded):
    for _ in range(encoded):
        path = quote(path, safe="")
    with pytest.raises(MlflowError, match="Invalid path"):
        paths.safe(path)


@pytest.mark.parametrize(
    "sent, place",
    [
        ("", "files"),
        (f"0/{RUN}/artifacts", f"runs/{RUN}"),
        (f"0/{RUN}/artifacts/model/MLmodel", f"runs/{RUN}/model/MLmodel"),
        (f"my/own place/{RUN}/artifacts/a.txt", f"runs/{RUN}/a.txt"),
        ("3/0af76519-16cd-43dd-8448-eb211c80319c/artifacts/a", f"runs/{RUN}/a"),
        (f"3/models/{MODEL}/artifacts/MLmodel", f"models/{MODEL}/MLmodel"),
        (f"3/models/{MODEL}/artifacts", f"models/{MODEL}"),
        ("3/traces/tr-1/artifacts/traces.json", "files/3/traces/tr-1/artifacts/traces.json"),
        ("a..b/c...d/100% ü.txt", "files/a..b/c...d/100% ü.txt"),
    ],
)
def test_what_a_run_has_is_one_tree(sent, place):
    assert paths.in_tree(paths.safe(sent)) == place


def test_nobody_reaches_a_run_by_another_name():
    """Below files/ there is no way into runs/ or models/."""
    for sent in (f"runs/{RUN}/x", f"models/{MODEL}/x", "files/runs"):
        assert paths.in_tree(paths.safe(sent)).startswith("files/")


REFUSED = ["/etc", "etc/passwd", "file:///etc", "FILE:/etc", "file://localhost/etc", "//host/etc", "", "http://h/x"]
REFUSED += ["https://169.254.169.254/latest", "ftp://h/x", "s3://b/../x", "s3://b/..%2fx", "s3://b/%252e%252e/x"]
REFUSED += ["s3://b/x#../../y", "s3://b/x?../../y", "s3://b\\..\\x", "s3://b/x\0", "s3://b/x;/../y", "1:/x"]
REFUSED += [f"runs:/{'f' * 32}/m", "runs:/../m", f"runs://host/{RUN}/m", f"models:/{MODEL}", f"models://h/{MODEL}"]
REFUSED += [f"mlflow-artifacts:/0/{'f' * 32}/artifacts/m", f"mlflow-artifacts://host/0/{RUN}/artifacts/m"]
REFUSED += [f"mlflow-artifacts:/0/{RUN}/artifacts/../../x", "mlflow-artifacts:/", f"mlflow-artifacts:/0/{RUN}"]


@pytest.mark.parametrize("source", REFUSED)
def test_no_version_lies_where_its_run_does_not(source):
    with pytest.raises(MlflowError, match=r"Invalid|cannot use"):
        sources.check_source(source, RUN, "")


def test_where_versions_may_lie():
    for source in (f"runs:/{RUN}/m", f"mlflow-artifacts:/0/{RUN}/artifacts/m", "s3://bucket/models/1", "dbfs:/x"):
        sources.check_source(source, RUN, "")
    for source in (f"models:/{MODEL}", f"mlflow-artifacts:/0/models/{MODEL}/artifacts"):
        sources.check_source(source, "", MODEL)
    assert sources.version_of("models:/churn/3") == sources.OfModel("churn", "3")
    assert sources.version_of("models:/churn@best") == sources.OfModel("churn", "@best")
    assert sources.version_of(f"models:/{MODEL}") is None
    with pytest.raises(MlflowError):
        sources.version_of("models:/a/b/c")


def test_no_browser_shows_an_artifact_as_a_page():
    assert attachment('a"; x=.html').startswith('attachment; filename="a x=.html"; filename*=UTF-8')
    assert attachment("日本") == "attachment; filename=\"download\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC"
    assert media_of("MLmodel") == media_of("a.yaml") == "text/plain"
    assert media_of("a.unknown") == "application/octet-stream"


def test_a_range_is_what_http_says():
    assert wanted_range("", 10) is wanted_range("bytes=-", 10) is wanted_range("bytes=0-1,3-4", 10) is None
    assert wanted_range("bytes=2-4", 10) == (2, 5) and wanted_range("bytes=8-99", 10) == (8, 10)
    assert wanted_range("bytes=7-", 10) == wanted_range("bytes=-3", 10) == (7, 10)
    for text in ("bytes=10-", "bytes=5-4", "bytes=-0"):
        with pytest.raises(HttpError, match="10 bytes"):
            wanted_range(text, 10)
