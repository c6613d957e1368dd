"""`headwater run pause|resume|cancel`, `limits`, `deployment pause|resume`, against the real platform."""

import sys

FLOW = """
import os, time
from headwater import FlowSpec, Parameter, concurrency, step, trigger


@trigger(event="held.back")
class Held(FlowSpec):
    file = Parameter("file", default="")

    @step
    def start(self):
        while os.path.exists(self.file):
            time.sleep(0.01)
        self.next(self.end)

    @concurrency("warehouse")
    @step
    def end(self):
        pass


if __name__ == "__main__":
    Held()
"""


async def test_what_is_held_back(platform, tmp_path, eventually):
    flow, hold = tmp_path / "held.py", tmp_path / "hold"
    flow.write_text(FLOW)
    hold.touch()

    def start() -> str:
        return platform.run(sys.executable, flow, "run", "--file", hold, "--detach").stdout.strip()

    def state(run: str, step: str) -> str:
        tasks = platform.json("run", "show", run)["tasks"]
        return next((task["state"] for task in tasks if task["key"]["step"] == step), "")

    run = start()
    await eventually(lambda: state(run, "start") == "TASK_STATE_DISPATCHED")
    assert f"Run {run[-8:]} of Held is paused." in platform.headwater("run", "pause", run[-8:])
    hold.unlink()
    await eventually(lambda: state(run, "start") == "TASK_STATE_SUCCEEDED")
    shown = platform.json("run", "show", run)
    assert shown["run"]["waitingFor"].startswith("paused") and state(run, "end") == "TASK_STATE_READY"

    assert "At most 0 tasks with warehouse" in platform.headwater("limits", "set", "warehouse", "0")
    assert "goes on" in platform.headwater("run", "resume", run)
    assert platform.json("limits") == [{"key": "warehouse"}]
    assert state(run, "end") == "TASK_STATE_READY"
    assert "No limit for warehouse." in platform.headwater("limits", "remove", "warehouse")
    await eventually(lambda: platform.json("run", "show", run)["run"]["state"] == "RUN_STATE_SUCCEEDED")
    over = platform.run(sys.executable, "-m", "headwater.cli.main", "run", "pause", run, fails=True)
    assert "is over: it has succeeded" in over.stderr

    hold.touch()
    other = start()
    assert "is cancelled" in platform.headwater("run", "cancel", other, "--reason", "changed my mind")
    assert platform.json("run", "show", other)["run"]["failure"]["message"] == "changed my mind"

    platform.headwater("deploy", flow)
    assert platform.headwater("deployment", "pause", "Held") == "Held is paused.\n"
    assert platform.headwater("deployment", "resume", "Held") == "Held can be started again.\n"
    unknown = platform.run(sys.executable, "-m", "headwater.cli.main", "deployment", "pause", "Nope", fails=True)
    assert "Nope" in unknown.stderr
    platform.headwater("undeploy", "Held")
