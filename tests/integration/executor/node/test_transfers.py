"""Large blobs between a node and a store that fails: what is acknowledged is there, what is read is right."""

import asyncio
import hashlib
import json
import random
import re
import resource
import time
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from headwater.runtime import codec, manifest
from tests.harness.faults import FaultyS3
from tests.harness.servers import S3Server
from tests.integration.executor.node.cluster import PART, Cluster, Store, artifacts
from tests.integration.executor.node.cluster import manifest as result_of

LARGE, SMALL = random.Random(7).randbytes(12_000_000), random.Random(8).randbytes(300_000)
SUMS = [hashlib.sha256(each).hexdigest() for each in (LARGE, SMALL)]


@pytest_asyncio.fixture
async def data(cluster: Cluster, s3: S3Server):
    """The cluster with the package of data.py, its store behind a proxy that can fail."""
    await cluster.use(Path(__file__).with_name("data.py"))
    with FaultyS3(s3.endpoint) as proxy:
        direct, cluster.store.objects.endpoint = cluster.store.objects.endpoint, proxy.endpoint
        cluster.proxy = proxy  # type: ignore[attr-defined]
        yield cluster
        cluster.store.objects.endpoint = direct
        for entry in encoded().values():
            await cluster.store.objects.delete(entry["digest"])


def encoded() -> dict[str, Any]:
    """The entries that the step leaves, by name."""
    made = {}
    for name, value in {"large": LARGE, "small": SMALL}.items():
        parts = codec.encode(value)
        made[name] = {"digest": hashlib.sha256(parts.join()).hexdigest(), "size": parts.size}
    return made


def task(data: Cluster, step: str, given: str = "", **more: Any) -> Any:
    return data.task(step, given, code={"entrypoint": "data.py", "flowClass": "Data"}, **more)


def cached(data: Cluster, digest: str) -> Path:
    return next((data.home / "cache").rglob(digest))


def sums(completion: Any) -> Any:
    entry = artifacts(completion)["sums"]
    return codec.decode(entry["encoding"], manifest.read(entry, lambda digest: Path()))


async def test_what_fails_in_passing_costs_nothing_but_time(data: Cluster) -> None:
    """Every way to fail, once up and once down; a reader on a node without a cache gets what was made."""
    await data.worker()
    proxy = data.proxy  # type: ignore[attr-defined]
    digests = {name: entry["digest"] for name, entry in encoded().items()}
    for kind in ("503", "refuse", "lost", "spoil"):
        proxy.fail(kind, lambda method, path: method == "PUT" and digests["large"] in path)
    proxy.fail("spoil", lambda method, path: method == "PUT" and digests["small"] in path)
    made = await data.scheduler.run(task(data, "makes"))
    assert {name: entry["digest"] for name, entry in artifacts(made).items()} == digests
    for digest in digests.values():
        assert hashlib.sha256(await data.store.objects.get(digest)).hexdigest() == digest
        cached(data, digest).unlink()
    for kind in ("500", "cut", "refuse", "alter"):
        proxy.fail(kind, lambda method, path: method == "GET" and digests["large"] in path)
    proxy.fail("alter", lambda method, path: method == "GET" and digests["small"] in path)
    assert sums(await data.scheduler.run(task(data, "reads", result_of(made)))) == SUMS
    for digest in digests.values():
        assert hashlib.sha256(cached(data, digest).read_bytes()).hexdigest() == digest


async def test_parts_that_fail_in_passing_are_sent_again_alone(data: Cluster) -> None:
    await data.worker()
    data.store.parts_from = PART
    proxy, digest = data.proxy, encoded()["large"]["digest"]  # type: ignore[attr-defined]
    for number, kind in ((1, "503"), (2, "refuse"), (2, "spoil"), (3, "lost")):
        proxy.fail(
            kind, lambda method, path, n=number: method == "PUT" and digest in path and f"partNumber={n}&" in path
        )
    made = await data.scheduler.run(task(data, "makes"))
    assert artifacts(made)["large"]["digest"] == digest
    assert hashlib.sha256(await data.store.objects.get(digest)).hexdigest() == digest
    sent = [path for method, path in proxy.seen if method == "PUT" and digest in path]
    assert [sum(f"partNumber={n}&" in path for path in sent) for n in (1, 2, 3)] == [2, 3, 2]


async def test_an_upload_goes_on_where_another_worker_died(data: Cluster, eventually: Any) -> None:
    data.store.parts_from = PART
    proxy, digest = data.proxy, encoded()["large"]["digest"]  # type: ignore[attr-defined]
    last = proxy.fail("slow", lambda method, path: method == "PUT" and digest in path and "partNumber=3&" in path)
    worker = await data.worker()
    await data.scheduler.dispatch(task(data, "makes"))

    async def there() -> bool:
        plan = (await data.store.begin_upload(digest, encoded()["large"]["size"]))["parted"]
        return last.met.is_set() and plan["present"] == [1, 2]

    await eventually(there, 20, what="parts 1 and 2 in the store")
    worker.kill()
    await worker.process.wait()
    proxy.seen.clear()
    await data.worker()
    made = await data.scheduler.run(task(data, "makes", attempt=2))
    assert artifacts(made)["large"]["digest"] == digest
    sent = [path for method, path in proxy.seen if method == "PUT" and digest in path]
    assert len(sent) == 1 and "partNumber=3&" in sent[0]


async def test_a_full_store_is_said_at_once(data: Cluster) -> None:
    await data.worker()
    proxy, digest = data.proxy, encoded()["large"]["digest"]  # type: ignore[attr-defined]
    full = b"<Error><Code>XMinioStorageFull</Code><Message>no space left on device</Message></Error>"
    for parts_from in (1 << 40, PART):
        data.store.parts_from = parts_from
        fault = proxy.fail("507", lambda method, path: method == "PUT" and digest in path, 100, body=full)
        began = time.monotonic()
        failure = (await data.scheduler.run(task(data, "makes")))["failure"]
        assert "has no room for" in failure["message"] and failure["retryable"]
        assert time.monotonic() - began < 5
        fault.times = 0


async def test_what_is_damaged_for_good_fails_the_step_and_is_never_seen(data: Cluster) -> None:
    await data.worker()
    made = await data.scheduler.run(task(data, "makes"))
    entry = encoded()["large"]
    body = await data.store.objects.get(entry["digest"])
    cached(data, entry["digest"]).unlink()
    for wrong, words in (
        (body[:-8], f"where {len(body)} were put"),
        (body[:-1] + b"\0", "the stored bytes of blob .* are not those"),
    ):
        url = data.store.objects.presign("PUT", entry["digest"])
        assert (await data.store.objects.http.request("PUT", url, body=wrong)).status == 200
        known = data.store.get_blob

        async def get_blob(digest: str, size: int, known: Any = known) -> Any:  # what the service has in its books
            reply = await known(digest, size)
            reply["blob"]["size"] = str(len(body)) if digest == entry["digest"] else reply["blob"]["size"]
            return reply

        data.store.get_blob = get_blob  # type: ignore[method-assign]
        failure = (await data.scheduler.run(task(data, "reads", result_of(made))))["failure"]
        assert re.search(words, failure["message"]), failure["message"]
        assert not list((data.home / "cache").rglob(entry["digest"]))


async def test_two_writers_of_one_blob_and_two_agents_with_one_cache(data: Cluster) -> None:
    await asyncio.gather(data.worker("--name", "a"), data.worker("--name", "b"))
    tasks = [task(data, "makes", key={"index": index}) for index in range(4)]
    for each in tasks:
        await data.scheduler.dispatch(each)
    done = [await data.scheduler.completion(number) for number in range(1, 5)]
    assert len({json.dumps(artifacts(each), sort_keys=True) for each in done}) == 1
    for entry in encoded().values():
        assert hashlib.sha256(cached(data, entry["digest"]).read_bytes()).hexdigest() == entry["digest"]


async def test_a_full_disk_is_said(data: Cluster) -> None:
    """A limit on the size of files stands for the end of the disk."""
    worker = await data.worker()
    made = await data.scheduler.run(task(data, "makes"))
    cached(data, encoded()["large"]["digest"]).unlink()
    worker.kill()
    await worker.process.wait()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10 << 20, before[1]))
    try:
        await data.worker()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    failure = (await data.scheduler.run(task(data, "reads", result_of(made))))["failure"]
    assert "this worker's disk: [Errno 27] File too large" in failure["message"]
    failure = (await data.scheduler.run(task(data, "makes")))["failure"]
    assert "self.large of step makes cannot be written: [Errno 27]" in failure["message"]
    assert not [path for path in data.home.rglob("tmp/*") if path.is_file()]


POINTS = ("begin_upload", "sending", "commit_upload", "committed", "completed")


@pytest.mark.parametrize(
    ("parts_from", "points"),
    [(1 << 40, POINTS), (PART, ("sign_parts", *POINTS))],
    ids=["one-piece", "parts"],
)
async def test_kill_9_at_each_point_of_an_upload(
    data: Cluster, eventually: Any, parts_from: int, points: tuple[str, ...]
) -> None:
    """Whatever the worker was doing: nothing is acknowledged that is not there, and the next one carries on."""
    digest, store, scheduler = encoded()["large"]["digest"], data.store, data.scheduler
    store.parts_from = parts_from
    worker = await data.worker()
    for attempt, point in enumerate(points, 1):
        reached, go, key = asyncio.Event(), asyncio.Event(), {"runId": f"0198a000-0000-7000-8000-{attempt:012}"}
        fault = None
        if point == "sending":
            fault = data.proxy.fail("slow", lambda method, path: method == "PUT" and digest in path)  # type: ignore
        elif point == "completed":
            scheduler.answer = lambda body, reached=reached: reached.set() or {"error": {"code": "UNAVAILABLE"}}
        else:
            hold(store, point, digest, reached, go)
        before = len(scheduler.completions)
        await scheduler.dispatch(task(data, "makes", key=key))
        await eventually(lambda fault=fault, reached=reached: (fault.met if fault else reached).is_set(), 20)
        worker.kill()
        await worker.process.wait()
        assert (len(scheduler.completions) > before) == (point == "completed")
        go.set()
        if fault is not None:
            fault.release.set()
        scheduler.answer = lambda body: {"disposition": "DISPOSITION_ACCEPTED"}
        worker, number = await data.worker(), len(scheduler.completions) + 1
        await scheduler.dispatch(task(data, "makes", key=key, attempt=2))
        assert artifacts(await scheduler.completion(number))["large"]["digest"] == digest
        assert hashlib.sha256(await store.objects.get(digest)).hexdigest() == digest
        assert hashlib.sha256(cached(data, digest).read_bytes()).hexdigest() == digest
        await store.objects.delete(digest)
        cached(data, digest).unlink()


def hold(store: Store, point: str, digest: str, reached: asyncio.Event, go: asyncio.Event) -> None:
    """The next call of a command for this blob is not answered before `go`, or with "committed" not after it."""
    name, after = ("commit_upload", True) if point == "committed" else (point, False)
    real = getattr(store, name)

    async def held(asked: str, size: Any) -> Any:
        reply = await real(asked, size) if after else None
        if asked == digest and not go.is_set():
            reached.set()
            await go.wait()
        return reply or await real(asked, size)

    setattr(store, name, held)
