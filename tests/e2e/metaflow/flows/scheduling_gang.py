"""A gang of two."""

from metaflow import FlowSpec, current, parallel, step


class GangFlow(FlowSpec):
    @step
    def start(self):
        self.size = 2
        self.next(self.train, num_parallel=self.size)

    @parallel
    @step
    def train(self):
        self.rank = current.parallel.node_index
        self.nodes = current.parallel.num_nodes
        self.address = current.parallel.main_ip
        self.number = self.input
        self.is_first = current.parallel.control_task_id == current.task_id
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ranks = sorted(each.rank for each in inputs)
        self.merge_artifacts(inputs, include=["size", "nodes"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GangFlow()
