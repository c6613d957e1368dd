"""Runner of whichever package is `metaflow` here: runs, failures and resumption of a flow from code, as JSON."""

import asyncio
import json
import sys

from metaflow import Runner


def facts(running):
    run = running.run
    return [
        running.status,
        running.returncode,
        run.successful,
        sorted(run.user_tags),
        "hello from start" in running.stdout,
    ]


async def beside(file):
    with Runner(file, pylint=False) as runner:
        running = await runner.async_run(width=2)
        early = running.run.id
        lines = [line async for _, line in running.stream_log("stdout")]
        await running.wait()
        return [*facts(running), running.run.id == early, any("total 1" in line for line in lines)]


async def too_long(file):
    with Runner(file, pylint=False) as runner:
        running = await runner.async_run(width=2)
        await running.wait(timeout=0.01)
        return running.status


if __name__ == "__main__":
    file = sys.argv[1]
    found = {}
    with Runner(file, show_output=False, pylint=False, env={"SOME": "thing"}) as runner:
        done = runner.run(width=2, options={"b": 1}, tags=["a", "b"], max_workers=2)
        found["run"] = [*facts(done), done.run.data.total, done.run["start"].task.data.options]
        failed = runner.run(broken=True)
        found["failed"] = [*facts(failed), failed.run["check"].task.successful]
        resumed = runner.resume(origin_run_id=failed.run.id)
        found["resumed"] = [resumed.status, resumed.run.origin_pathspec == failed.run.pathspec]
        try:
            runner.run(no_such_parameter=1)
        except Exception:
            found["unknown"] = "refused"
    found["async"] = asyncio.run(beside(file))
    found["timeout"] = asyncio.run(too_long(file))
    print(json.dumps(found, sort_keys=True))
