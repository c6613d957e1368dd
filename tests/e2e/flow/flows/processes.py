"""A step for each kind of process, a gang wider than the worker, and a step that outgrows its memory limit."""

import os
import time
from pathlib import Path

from headwater import FlowSpec, Parameter, catch, current, isolation, parallel, resources, step

IMPORTED_IN = os.getpid()


class Processes(FlowSpec):
    many = Parameter("many", default=20)
    meeting = Parameter("meeting", help="an empty directory where the members of the gang meet", required=True)
    memory = Parameter("memory", default=300, help="MB that the last step takes")

    @step
    def start(self):
        self.items = list(range(self.many))
        self.next(self.short, foreach="items")

    @isolation("none")
    @step
    def short(self):
        self.pid = os.getpid()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.pids = {each.pid for each in inputs}
        self.next(self.fresh)

    @isolation("process")
    @step
    def fresh(self):
        self.alone = os.getpid() == IMPORTED_IN
        self.next(self.gang, num_parallel=4)

    @parallel
    @step
    def gang(self):
        here = Path(self.meeting)
        (here / str(current.parallel.node_index)).touch()
        while len(list(here.iterdir())) < current.parallel.num_nodes:  # as collective operations do
            time.sleep(0.01)
        self.node = current.parallel.node_index
        self.next(self.gathered)

    @step
    def gathered(self, inputs):
        self.merge_artifacts(inputs, include=["pids", "alone"])
        self.nodes = [each.node for each in inputs]
        self.next(self.greedy)

    @catch(var="problem")
    @resources(memory=100, enforce=True)
    @step
    def greedy(self):
        self.size = len(bytearray(self.memory << 20))
        self.next(self.end)

    @step
    def end(self):
        print("processes", len(self.pids), "alone", self.alone, "nodes", self.nodes, "problem", self.problem)


if __name__ == "__main__":
    Processes()
