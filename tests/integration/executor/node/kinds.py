"""The flow of the tests of processes and limits: each step tells what it sees of its process, or outgrows its limit."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from headwater import FlowSpec, step
from headwater.errors import ArtifactError
from headwater.runtime import channel

IMPORTED_IN = os.getpid()
COUNTER = [0]


def _ask_on(line: Any) -> None:
    """For blobs that are not there, until nobody answers any more."""
    refused = ""
    while "over" not in refused:
        try:
            line.get_blob("00" * 32)
        except ArtifactError as error:
            refused = str(error)
        time.sleep(0.01)


class Kinds(FlowSpec):
    @step
    def tells(self):
        COUNTER[0] += 1
        leaked = [
            os.environ.get("LEAK", ""),
            *map(str, Path.cwd().glob("leak")),
            *map(str, Path(tempfile.gettempdir()).iterdir()),
        ]
        seen = {"pid": os.getpid(), "imported_in": IMPORTED_IN, "count": COUNTER[0], "leaked": leaked}
        seen["gpus"] = os.environ.get("CUDA_VISIBLE_DEVICES")
        seen["cpus"] = len(os.sched_getaffinity(0))
        print(json.dumps(seen))
        os.environ["LEAK"] = "yes"
        Path("leak").touch()
        tempfile.mkstemp()
        os.chdir("/")
        self.next(self.end)

    @step
    def crashes(self):
        os.kill(os.getpid(), signal.SIGKILL)

    @step
    def raises(self):
        raise ValueError("too bad")

    @step
    def hangs(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        signal.pause()

    @step
    def allocates(self):
        data = bytearray(300 << 20)
        self.size = len(data)
        self.next(self.end)

    @step
    def children_allocate(self):
        code = "import time; data = bytearray(b'x') * (40 << 20); time.sleep(60)"
        for process in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]:
            process.wait()

    @step
    def waits(self):
        print(f"has {os.environ['CUDA_VISIBLE_DEVICES']}", flush=True)
        signal.pause()

    @step
    def leaves_a_thread(self):
        threading.Thread(target=_ask_on, args=(channel.active(),), daemon=True).start()
        self.next(self.end)

    @step
    def end(self):
        pass
