"""What becomes of a task: its outcome, its log, its metrics and its blobs, on real servers and in real processes."""

import base64
import json
import pickle
from pathlib import Path

from tests.integration.executor.node.cluster import RUN, Cluster, artifacts, manifest, result, tar


async def test_a_chain_runs_in_one_slot_by_the_reply_of_each_completion(cluster: Cluster) -> None:
    def answer(body):
        if len(cluster.scheduler.completions) < 5:
            following = cluster.task("trivial", manifest(body), key={"index": len(cluster.scheduler.completions)})
            return {"disposition": "DISPOSITION_ACCEPTED", "next": following}
        return {"disposition": "DISPOSITION_ACCEPTED"}

    cluster.scheduler.answer = answer
    await cluster.worker()
    await cluster.scheduler.dispatch(cluster.task("trivial"))
    last = await cluster.scheduler.completion(5)
    assert [c["key"].get("index", 0) for c in cluster.scheduler.completions] == [0, 1, 2, 3, 4]
    assert last["success"]["next"] == ["end"] and last["wantNext"] and last["sessionId"] == "s1"
    assert artifacts(last)["count"]["inline"] == "gAVLBS4="  # 5
    assert cluster.store.begun == []  # trivial results cost no object


async def test_output_metrics_and_params_are_stored_before_the_task_completes(cluster: Cluster) -> None:
    await cluster.worker()
    frame = {"step": "split", "var": "xs", "index": 3, "width": 9}
    done = await cluster.scheduler.run(cluster.task("chatty", key={"index": 3}, frames=[frame]))
    assert "success" in done
    lines = await cluster.lines("chatty", "3")
    out = [text for stream, text in lines if stream == "STDOUT"]
    assert out == ["hello", "bin�", "x" * 16384, "x" * (20_000 - 16384), "no line feed"]
    assert [text for stream, text in lines if stream == "STDERR"] == ["to stderr"]
    batches = await cluster.stream("HW_METRICS", f"hw.metrics.v1.default.{RUN}")
    points = [(point["key"], point["value"]) for batch in batches for point in batch["metrics"]]
    assert points == [("loss", 0.5), ("loss", "NaN")]
    assert {batch["task"] for batch in batches} == {"chatty/3"}
    assert len({batch["batchId"] for batch in batches}) == len(batches)
    assert [batch["params"]["lr"] for batch in batches if batch["params"]] == ["0.1"]


async def test_a_flood_of_output_is_cut_and_said_to_be(cluster: Cluster) -> None:
    await cluster.worker()
    assert "success" in await cluster.scheduler.run(cluster.task("flood"))
    lines = await cluster.lines("flood")
    kept = [text for stream, text in lines if stream == "STDOUT"]
    assert len(kept) == 100_000 and lines[-1][0] == "SYSTEM"
    assert "200001 more lines" in lines[-1][1]


FAILURES = [
    ("raises", "USER_ERROR", "too bad"),
    ("exits", "EXITED", "exit status 7"),
    ("crashes", "KILLED", "SIGSEGV"),
    ("killed", "KILLED", "SIGKILL"),
    ("unpicklable", "USER_ERROR", "self.lock['inner'] of step unpicklable cannot be stored"),
    ("hangs", "TIMEOUT", "longer than its @timeout of 0.2 s"),
]


async def test_a_failure_says_what_happened(cluster: Cluster) -> None:
    await cluster.worker()
    for step, code, text in FAILURES:
        failure = (await cluster.scheduler.run(cluster.task(step, spec={"timeout": "0.2s"})))["failure"]
        assert failure["code"] == code and text in failure["message"], failure
        assert any(text in line for _, line in await cluster.lines(step)), step
        assert failure["hint"] or code == "USER_ERROR"
        if step == "raises":
            assert failure["exceptionType"] == "ValueError" and 'raise ValueError("too bad")' in failure["traceback"]


async def test_a_large_artifact_is_stored_once_and_mapped_by_the_next_step(cluster: Cluster) -> None:
    await cluster.worker()
    first = await cluster.scheduler.run(cluster.task("big"))
    entry = artifacts(first)["data"]
    info = await cluster.store.objects.head(entry["digest"])
    assert info is not None and info.size == entry["size"]
    cluster.store.read.clear()
    second = await cluster.scheduler.run(cluster.task("reads", manifest(first)))
    found = artifacts(second)
    assert found["data"] == entry and found["mapped"]["inline"] == "gAVLAS4="  # one mapping of the cached file
    assert cluster.store.read == []

    # Another worker has an empty cache: it fetches the blob. The digest is checked on the way.
    for worker in cluster.workers:
        await worker.stop()
    await cluster.worker("--cache-dir", str(cluster.home / "other"))
    again = await cluster.scheduler.run(cluster.task("reads", manifest(first)))
    assert artifacts(again)["total"] == found["total"] and entry["digest"] in cluster.store.read


async def test_a_join_reads_the_results_of_its_tasks_page_by_page(cluster: Cluster) -> None:
    await cluster.worker()
    one = manifest(await cluster.scheduler.run(cluster.task("trivial")))
    two = manifest(await cluster.scheduler.run(cluster.task("trivial", one)))
    cluster.scheduler.results = [
        result({"runId": RUN, "step": "trivial", "index": i}, (one, two)[i % 2]) for i in range(5)
    ]
    done = await cluster.scheduler.run(cluster.task("joins", joinWidth=5, spec={"joins": "split"}))
    assert artifacts(done)["counts"]["inline"] == "gAWVDwAAAAAAAABdlChLAUsCSwFLAksBZS4="  # [1, 2, 1, 2, 1]


async def test_a_command_step_gets_its_input_and_leaves_a_file(cluster: Cluster) -> None:
    await cluster.worker()
    text = {"digest": "x", "encoding": "json", "inline": "ImFiYyI=", "size": 5, "type": "str"}
    given = json.dumps({"v": 1, "artifacts": {"text": text}, "new": ["text"]})
    done = await cluster.scheduler.run(cluster.task("runs_command", given))
    entry = artifacts(done)["size"]
    assert entry["encoding"] == "file" and entry["name"] == "n.txt"
    assert (await cluster.store.objects.get(entry["digest"])).strip() == b"3"
    assert ("STDOUT", '{"loss": 0.25, "step": 3}') in await cluster.lines("runs_command")
    (batch,) = await cluster.stream("HW_METRICS", f"hw.metrics.v1.default.{RUN}")
    assert batch["metrics"][0]["key"] == "loss" and batch["metrics"][0]["value"] == 0.25


async def test_user_code_sees_its_own_token_and_nothing_of_the_worker(cluster: Cluster) -> None:
    await cluster.worker()
    done = await cluster.scheduler.run(cluster.task("sees", token="hw_task_t", traceparent="00-1-2-01"))
    seen = pickle.loads(base64.b64decode(artifacts(done)["environment"]["inline"]))
    assert seen["HEADWATER_TOKEN"] == "hw_task_t" and seen["HEADWATER_CODE_PACKAGE"] == cluster.package
    assert not {"HEADWATER_NATS_SEED", "HEADWATER_NATS_URL", "HEADWATER_HOME"} & set(seen)


PACKAGES: list[tuple[dict[str, bytes] | None, str, str]] = [
    ({"lab.py": b"import not_there_at_all"}, "USER_ERROR", "No module named 'not_there_at_all'"),
    ({"lab.py": b"import os; os._exit(3)"}, "CODE_PACKAGE", "exit status 3"),
    ({"other.py": b""}, "CODE_PACKAGE", "has no file 'lab.py'"),
    ({"../evil.py": b"", "lab.py": b""}, "CODE_PACKAGE", "'../evil.py' leads out of the package"),
    (None, "CODE_PACKAGE", "no blob"),
]


async def test_a_package_that_cannot_be_used(cluster: Cluster) -> None:
    await cluster.worker()
    for number, (files, code, text) in enumerate(PACKAGES):  # other tasks: a worker does not take what it still has
        cluster.package = await cluster.store.put(tar(files)) if files is not None else "0" * 64
        failure = (await cluster.scheduler.run(cluster.task("trivial", key={"index": number})))["failure"]
        assert failure["code"] == code and text in failure["message"], failure
    assert not (cluster.home / "cache" / "packages" / "evil.py").exists()


async def test_directories_of_a_task_are_gone_afterwards(cluster: Cluster, eventually) -> None:
    worker = await cluster.worker()
    await cluster.scheduler.run(cluster.task("big"))
    folder = next((cluster.home / "cache" / "tasks").iterdir()) / "1"

    def left() -> bool:
        names = [path.name for path in folder.iterdir()]
        return not any(name.endswith(".out") for name in names) and len(names) <= 6

    await eventually(left)
    await worker.stop()
    assert not Path(folder).exists() and not list((cluster.home / "cache" / "blobs" / "tmp").iterdir())
