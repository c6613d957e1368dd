"""The flow of these tests: each step does one thing that a worker must cope with."""

import ctypes
import os
import signal
import sys
import threading
import time

import headwater
from headwater import FlowSpec, step


class Lab(FlowSpec):
    @step
    def trivial(self):
        self.count = getattr(self, "count", 0) + 1
        self.next(self.end)

    @step
    def chatty(self):
        print("hello")
        print("to stderr", file=sys.stderr)
        os.write(1, b"bin\xff\r\n" + b"x" * 20_000 + b"\nno line feed")
        headwater.log_metric("loss", 0.5)
        headwater.log_metric("loss", float("nan"))
        headwater.log_params({"lr": 0.1})
        self.next(self.end)

    @step
    def flood(self):
        for _ in range(300):
            print(("y" * 99 + "\n") * 1000, end="")
        print("the end")
        self.next(self.end)

    @step
    def raises(self):
        raise ValueError("too bad")

    @step
    def exits(self):
        os._exit(7)

    @step
    def crashes(self):
        ctypes.string_at(0)

    @step
    def killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    @step
    def hangs(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(60)

    @step
    def unpicklable(self):
        self.lock = {"inner": threading.Lock()}
        self.next(self.end)

    @step
    def waits(self):
        if os.fork() == 0:
            time.sleep(60)
        print(f"waiting {os.getpgid(0)}", flush=True)
        time.sleep(60)

    @step
    def big(self):
        import numpy

        self.data = numpy.arange(500_000, dtype="float64")
        self.small = list(range(2000))
        self.next(self.reads)

    @step
    def reads(self):
        with open("/proc/self/maps") as maps:
            before = maps.read().count("/blobs/")
        total = float(self.data.sum())
        with open("/proc/self/maps") as maps:
            self.mapped = maps.read().count("/blobs/") - before
        self.total = total
        self.next(self.end)

    @step
    def joins(self, inputs):
        self.counts = [each.count for each in inputs]
        self.next(self.end)

    @headwater.command(
        'echo \'{"loss": 0.25, "step": 3}\'; wc -c < $HW_INPUTS_DIR/in.txt > $HW_OUTPUTS_DIR/n.txt',
        inputs={"text": "in.txt"},
        outputs={"size": "n.txt"},
    )
    @step
    def runs_command(self):
        self.next(self.end)

    @step
    def sees(self):
        self.environment = {k: v for k, v in os.environ.items() if k.startswith("HEADWATER_")}
        self.next(self.end)

    @step
    def end(self):
        pass
