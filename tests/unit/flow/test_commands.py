"""The smaller commands of a flow file: tag, package, init, output-dot, output-raw, logs scrub, files for programs."""

import json
import tarfile

import pytest

from tests.unit.flow.gateway import RUN_ID, run
from tests.unit.flow.test_cli import Flow, flow, gateway, task  # noqa: F401  (fixtures)


@pytest.fixture
def tagged(gateway):  # noqa: F811
    gateway.runs = [run("SUCCEEDED", tags=["nightly"], systemTags=["user:ann", "date:2026-11-23"])]
    return gateway


def test_tags_change(flow, tagged):  # noqa: F811
    status, out, err = flow("tag", "add", "--run-id", RUN_ID, "a", "b")
    assert status == 0, err
    assert "Operation successful. New tags:" in err
    assert all(text in out for text in (f"For run Hello/{RUN_ID}", "    *a*\n", "    user:ann\n"))
    assert flow("tag", "remove", "--run-id", RUN_ID, "a")[0] == 0
    assert flow("tag", "replace", "--run-id", RUN_ID, "--remove", "b", "--add", "c", "--add", "d")[0] == 0
    assert [(body["remove"], body["add"]) for body in tagged.bodies("/tags")] == [
        ([], ["a", "b"]),
        (["a"], []),
        (["b"], ["c", "d"]),
    ]


def test_tags_are_listed(flow, tagged):  # noqa: F811
    assert "*nightly*\nuser:ann\n" in flow("tag", "list")[1]
    assert flow("tag", "list", "--flat", "--hide-system-tags")[1] == "nightly\n"
    assert flow("--quiet", "tag", "list", RUN_ID)[1] == f"Hello/{RUN_ID} ; date:2026-11-23,user:ann ; nightly\n"
    assert f"For tag *nightly*\n    Hello/{RUN_ID}\n" in flow("tag", "list", "--group-by-tag")[1]
    assert f"For run Hello/{RUN_ID}\n" in flow("tag", "list", "--group-by-run", "--my-runs")[1]
    assert any("tags=user%3Aann" in query for path, query in tagged.queries if path.endswith("/runs"))


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["add", "x"], 1, f"no run is named. Fix: add --run-id; the latest run is {RUN_ID}"),
        (["add", "--run-id", RUN_ID, "--namespace", "user:bob", "x"], 1, "is not in namespace 'user:bob'"),
        (["replace", "--run-id", RUN_ID, "--add", "x"], 2, "to add only, use: tag add"),
        (["replace", "--run-id", RUN_ID, "--remove", "x"], 2, "to remove only, use: tag remove"),
        (["list", RUN_ID, "--run-id", RUN_ID], 2, "not both"),
        (["list", "--all", RUN_ID], 2, "leave out the run"),
        (["ad", "x"], 2, "invalid choice: 'ad'"),
    ],
)
def test_tags_that_cannot_be(flow, tagged, arguments, status, text):  # noqa: F811
    found, _, err = flow("tag", *arguments)
    assert (found, text in err) == (status, True), err
    assert tagged.bodies("/tags") == []


def test_logs_are_scrubbed(flow, gateway):  # noqa: F811
    gateway.runs = [run("SUCCEEDED")]
    gateway.tasks = [task(), task(task_id="1", state="DISPATCHED")]
    status, _, err = flow("logs", "scrub", "latest/work", "--stderr")
    assert status == 0, err
    assert f"Logs have been scrubbed for Hello/{RUN_ID}/work/0: 2 lines are gone." in err
    assert "1 tasks have not finished: --include-not-done scrubs them too." in err
    deleted = [query for path, query in gateway.queries if path.startswith("DELETE")]
    assert deleted == ["step=work&taskId=0&stream=stderr&attempt=1"]
    assert flow("logs", "scrub", "latest/work", "--all", "--include-not-done")[0] == 0
    deleted = [query for path, query in gateway.queries if path.startswith("DELETE")]
    assert deleted[1:] == ["step=work&taskId=0", "step=work&taskId=1"]
    gateway.tasks = [task(state="DISPATCHED")]
    status, _, err = flow("logs", "scrub", "latest/work")
    assert (status, "no task of latest/work has finished" in err) == (1, True)
    status, _, err = flow("logs", "show", "latest/work", "--attempt", "4")
    assert (status, "has no attempt 4; its last one is 0" in err) == (1, True)


def test_the_package(flow, gateway, tmp_path):  # noqa: F811
    (tmp_path / "helper.py").write_text("x = 1\n")
    assert flow("package", "list", "--archive")[1] == "hello.py\nhelper.py\n"
    assert str(tmp_path / "helper.py") in flow("package", "list")[1]
    status, out, _ = flow("package", "info")
    assert status == 0 and "Files:    2" in out and "sha256" in out
    assert flow("package", "save", str(tmp_path / "code.tar"))[0] == 0
    with tarfile.open(tmp_path / "code.tar") as archive:
        assert archive.getnames() == ["hello.py", "helper.py"]
    status, _, err = flow("package", "save", str(tmp_path / "no" / "code.tar"))
    assert (status, "No such file or directory" in err) == (1, True)
    assert gateway.requests == []
    status, out, err = flow("init")
    assert status == 0, err
    assert out.strip() in gateway.blobs and gateway.bodies("/runs") == []


def test_the_graph_for_other_programs(flow, gateway):  # noqa: F811
    status, out, err = flow("output-dot")
    assert status == 0 and "Graphviz" in flow("help")[1] and "dot -Tpng" in err
    assert out.startswith("digraph Hello {") and '"start" -> "work" [label="items" style=bold];' in out
    assert json.loads(flow("output-raw", "--json")[1])["flow"] == "Hello"
    assert "name='work'" in flow("output-raw")[1]
    assert gateway.requests == []


def _steps_without(flow, gateway):  # noqa: F811
    assert flow("run")[0] == 0
    return gateway.bodies("/runs")[-1]["graph"]["steps"]


def test_files_for_programs(flow, gateway, tmp_path):  # noqa: F811
    path = tmp_path / "attributes"
    status, _, err = flow("run", "--runner-attribute-file", str(path), "--max-log-size", "5", "--namespace", "user:bob")
    assert status == 0, err
    assert json.loads(path.read_text()) == {
        "flow_name": "Hello",
        "run_id": RUN_ID,
        "metadata": f"service@{gateway.url}",
    }
    assert "max-log-size" not in err
    assert all(each["maxLogMb"] == 5 for each in gateway.bodies("/runs")[0]["graph"]["steps"])
    assert "a worker keeps at most 16 MiB in all" in flow("run", "--max-log-size", "100")[2]
    assert all("maxLogMb" not in each for each in _steps_without(flow, gateway))
    status, _, err = flow("run", "--run-id-file", str(tmp_path / "no" / "id"))
    assert (status, "cannot write --run-id-file" in err) == (1, True)
