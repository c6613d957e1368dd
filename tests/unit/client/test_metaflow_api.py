"""What a Metaflow user expects of the client: namespaces, tags, code, metadata, attempts, pickling, providers."""

import base64
import io
import json
import pickle
import tarfile
from pathlib import Path
from typing import Any

import pytest

from headwater.client import (
    DataArtifact,
    Flow,
    Metaflow,
    Run,
    Step,
    Task,
    default_metadata,
    default_namespace,
    get_metadata,
    get_namespace,
    inspect_spin,
    metadata,
    namespace,
)
from headwater.errors import InvalidArgument, NamespaceMismatch, NotFound
from tests.unit.client.api import Api
from tests.unit.client.test_objects import BASE, RUN, run, served, task  # noqa: F401  (a fixture)


def test_the_callers_own_runs_are_shown_unless_told_otherwise(served: Api) -> None:  # noqa: F811
    assert get_namespace() == "user:ann" == default_namespace()
    assert [flow.id for flow in Metaflow()] == ["Train"] == [flow.id for flow in Metaflow().flows]
    assert served.requests[-1][2] == {"tags": ["user:ann"]}
    assert Metaflow()["Train"].is_in_namespace()
    assert len(served.seen("GET", "/caller")) == 1
    assert namespace("user:bob") == "user:bob" == get_namespace()
    for make in (lambda: Flow("Train"), lambda: Run(RUN), lambda: Step(f"Train/{RUN}/work")):
        with pytest.raises(NamespaceMismatch, match="is not in namespace 'user:bob'"):
            make()
    with pytest.raises(KeyError):
        Metaflow()["Train"]
    assert namespace(None) is None
    before = len(served.requests)
    assert Run(RUN).is_in_namespace() and Flow("Train").latest_run
    assert all("tags" not in query for _, _, query, _ in served.requests[before:])
    namespace("production:Train")
    assert not Run(RUN, _namespace_check=False).is_in_namespace()
    assert default_namespace() == "user:ann"


def test_tags_change_in_one_request(served: Api) -> None:  # noqa: F811
    def change(query: Any, body: Any) -> Any:
        if "user:ann" in body["remove"]:
            return 400, {"error": {"code": "INVALID_ARGUMENT", "message": "'user:ann' is a system tag"}}
        return {"run": run(tags=sorted({"nightly", *body["add"]} - set(body["remove"])))}

    served.routes["POST", f"/api/v1/runs/{RUN}/tags"] = change
    found = Run(RUN)
    found.add_tag("a")
    found.add_tags(["b", "c"])
    found.replace_tag("nightly", "weekly")
    assert found.user_tags == {"weekly"} and "user:ann" in found.system_tags
    found.remove_tags([])
    found.remove_tag("b")
    sent = [body for _, _, body in served.seen("POST", "/tags")]
    assert sent[1:] == [
        {"remove": [], "add": ["b", "c"]},
        {"remove": ["nightly"], "add": ["weekly"]},
        {"remove": ["b"], "add": []},
    ]
    with pytest.raises(InvalidArgument, match="is a system tag"):
        found.remove_tag("user:ann")
    assert Step(f"Train/{RUN}/work")["3"].user_tags == {"nightly"}


def test_code(api: Api) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        info = tarfile.TarInfo("train.py")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"x = 1"))
    import hashlib

    digest = hashlib.sha256(data.getvalue()).hexdigest()
    api.blobs[digest] = data.getvalue()
    code = {"package": digest, "entrypoint": "train.py", "flowClass": "Train"}
    api.routes["GET", f"/api/v1/runs/{RUN}"] = {"run": run(code=code)}
    found = Run(RUN).code
    assert found and (found.path, found.script_name, found.flowspec) == (digest, "train.py", "x = 1")
    assert found.info["flow_name"] == "Train" and found.tarball.getnames() == ["train.py"]
    with found.extract() as folder:
        assert (Path(folder) / "train.py").read_text() == "x = 1"
    api.routes["GET", f"/api/v1/runs/{RUN}"] = {"run": run()}
    assert Run(RUN).code is None


def test_trigger(api: Api) -> None:
    source = {"eventName": "run.succeeded", "eventId": "e1", "payloadJson": json.dumps({"flow": "Train", "runId": RUN})}
    api.routes["GET", f"/api/v1/runs/{RUN}"] = {"run": run(trigger=source)}
    found = Run(RUN).trigger
    assert found and (found.event.name, found.event.type) == ("run.succeeded", "run")
    assert found.run.pathspec == f"Train/{RUN}"
    api.routes["GET", f"/api/v1/runs/{RUN}"] = {"run": run()}
    assert Run(RUN).trigger is None


def test_attempts_and_metadata(api: Api) -> None:
    failed = {"code": "USER_ERROR", "message": "boom", "exceptionType": "ValueError"}
    body = task("end", attempt=3, retryCount=2, state="FAILED", failure=failed, worker="w1")
    asked: list[Any] = []

    def logs(query: Any, body: Any) -> Any:
        asked.append(query)
        return {"chunks": [{"lines": [{"stream": "LOG_STREAM_STDOUT", "text": f"attempt {query['attempt'][0]}"}]}]}

    api.routes |= {
        ("GET", f"/api/v1/runs/{RUN}"): {"run": run("FAILED", code={"package": "ab", "entrypoint": "f.py"})},
        ("GET", f"/api/v1/runs/{RUN}/tasks"): {"tasks": [body]},
        ("GET", f"/api/v1/runs/{RUN}/logs"): logs,
    }
    last, first = Task(f"Train/{RUN}/end/0"), Task(f"Train/{RUN}/end/0", attempt=0)
    assert (last.current_attempt, first.current_attempt) == (2, 0)
    assert (last.stdout, first.stdout) == ("attempt 3\n", "attempt 1\n")
    assert last.stdout_size == 10 and asked[0]["stream"] == ["stdout"]
    assert str(last.exception) == "ValueError: boom" and first.exception is None
    assert first.finished and not first.successful and list(first.artifacts) == []
    assert Task(f"Train/{RUN}/end/0", attempt=2).data is not None
    for wrong in (3, -1):
        with pytest.raises(NotFound, match=f"has no attempt {wrong}; its last one is 2"):
            Task(f"Train/{RUN}/end/0", attempt=wrong)
    facts = last.metadata_dict
    assert (facts["attempt"], facts["attempt_ok"], facts["code-package"]) == ("2", "False", "ab")
    assert [m.task for m in last.metadata if m.name == "attempt"] == [last]
    assert last.environment_info["script"] == "f.py" and last.environment_info["username"] == "ann"


def test_what_a_taken_over_task_wrote_is_read_where_it_ran(api: Api) -> None:
    origin = "01931f00-0000-7000-8000-0000000000bb"
    api.routes |= {
        ("GET", f"/api/v1/runs/{RUN}"): {"run": run(originRunId=origin)},
        ("GET", f"/api/v1/runs/{RUN}/tasks"): {"tasks": [task("start", attempt=0, originRunId=origin)]},
        ("GET", f"/api/v1/runs/{origin}/logs"): {
            "chunks": [{"lines": [{"stream": "LOG_STREAM_STDOUT", "text": "before"}]}]
        },
    }
    found = Task(f"Train/{RUN}/start/0")
    assert found.stdout == "before\n" and found.origin_pathspec == f"Train/{origin}/start/0"
    assert found.metadata_dict["origin-run-id"] == origin == Run(RUN).origin_pathspec.split("/")[1]  # pyright: ignore[reportOptionalMemberAccess]


def test_objects_can_be_pickled(served: Api) -> None:  # noqa: F811
    artifact = DataArtifact(f"Train/{RUN}/join/0/best")
    made = [Flow("Train"), Run(RUN), Step(f"Train/{RUN}/work"), Task(f"Train/{RUN}/join/0"), artifact]
    for each in made:
        again = pickle.loads(pickle.dumps(each))
        assert type(again) is type(each) and again.pathspec == each.pathspec and str(again) == repr(again)
    assert pickle.loads(pickle.dumps(artifact)).data == 99


def test_providers(served: Api, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    assert get_metadata() == f"service@{served.url}"
    other = Api()
    try:
        assert metadata(f"service@{other.url}") == f"service@{other.url}"
        with pytest.raises(NotFound):
            Run(RUN)
        assert default_metadata() == f"service@{served.url}" and Run(RUN).id == RUN
    finally:
        other.stop()
    for wrong in ("local@/tmp", "service@ftp://x", "nonsense"):
        with pytest.raises(InvalidArgument, match="is no metadata provider"):
            metadata(wrong)


def test_a_spun_task_is_read_from_its_folder(api: Api, tmp_path: Path) -> None:
    folder = tmp_path / ".headwater_spin" / RUN / "join" / "0"
    folder.mkdir(parents=True)
    entry = {"inline": base64.b64encode(pickle.dumps(7)).decode(), "type": "int", "encoding": "pickle5", "size": 5}
    result = base64.b64encode(json.dumps({"v": 1, "artifacts": {"best": entry}, "new": ["best"]}).encode()).decode()
    (folder / "spin.json").write_text(json.dumps({"run": run(), "task": task("join", result=result)}))
    inspect_spin(str(tmp_path))
    namespace(None)
    assert Task(f"Train/{RUN}/join/0").data.best == 7 and api.requests == []
    with pytest.raises(NotFound, match="spin it with --persist"):
        Run("other")
    default_metadata()
    with pytest.raises(NotFound):
        Run(RUN)


def test_the_first_member_of_a_gang(api: Api) -> None:
    graph = [
        {"name": "start", "transition": "TRANSITION_FOREACH", "next": ["train"], "gang": True},
        {"name": "train", "transition": "TRANSITION_LINEAR", "next": ["join"]},
        {"name": "join", "transition": "TRANSITION_END", "joins": "start"},
    ]
    tasks = {"start": [task("start")], "train": [task("train", "0"), task("train", "1")]}
    api.routes |= {
        ("GET", f"/api/v1/runs/{RUN}"): {"run": run(graph={"steps": graph})},
        ("GET", f"/api/v1/runs/{RUN}/tasks"): lambda query, body: {"tasks": tasks[query["step"][0]]},
    }
    found = Run(RUN)
    assert found["start"].control_task is None and list(found["start"].control_tasks()) == []
    assert [each.id for each in found["train"].control_tasks()] == ["0"]
