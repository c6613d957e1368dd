"""Steps that show what a child makes of its task."""

import atexit
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import headwater
from headwater import FlowSpec, Parameter, catch, current, step

# What the import of this file saw: nothing of a task.
SEEN_AT_IMPORT = {
    "environ": sorted(name for name in os.environ if name in ("HEADWATER_RUN_ID", "HEADWATER_TOKEN", "TRACEPARENT")),
    "running": current.is_running_flow,
    "name": __name__,
}


class Point:
    def __init__(self, x):
        self.x = x


class Children(FlowSpec):
    who = Parameter("who", default="nobody")

    @step
    def start(self):
        self.seen_at_import = SEEN_AT_IMPORT
        self.run_id = current.run_id
        self.pathspec = current.pathspec
        self.traceparent = os.environ["TRACEPARENT"]
        self.drawn = random.random()
        self.temp = tempfile.gettempdir()
        self.point = Point(3)
        self.group_is_own = os.getpgid(0) == os.getpid()
        self.files = sorted(os.listdir("."))  # noqa: PTH208
        self.next(self.middle)

    @step
    def middle(self):
        self.x = self.point.x
        self.next(self.end)

    @step
    def fans_out(self):
        self.items = (str(i) for i in range(3))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.got = (self.input, self.index)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.got = [each.got for each in inputs]
        self.merge_artifacts(inputs, include=["items"])
        self.next(self.end)

    @step
    def writes_files(self):
        Path("left.txt").write_text("x")
        self.next(self.end)

    @step
    def late(self):
        def say():
            time.sleep(0.05)
            print("from a thread")

        threading.Thread(target=say).start()
        atexit.register(print, "at exit")
        headwater.log_metric("a", 1)
        self.next(self.end)

    @catch(var="problem")
    @step
    def caught(self):
        self.before = 1
        raise KeyError("k")

    @step
    def times_out(self):
        time.sleep(30)

    @step
    def leaves(self):
        sys.exit("enough")

    @step
    def forgets(self):
        pass

    @step
    def lambdas(self):
        self.double = lambda x: 2 * x
        self.next(self.end)

    @headwater.command("false")
    @step
    def command_fails(self):
        self.next(self.end)

    @headwater.command("true", outputs={"model": "m.bin"})
    @step
    def command_leaves_nothing(self):
        self.next(self.end)

    @headwater.command("echo {who} ${HOME:+home} {other}", outputs={})
    @step
    def command_fills(self):
        self.next(self.end)

    @step
    def end(self):
        pass
