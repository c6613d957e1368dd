"""Branches, foreach, joins, parameters, constants, a caught failure: what every Metaflow user writes."""

from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, catch, current, environment, retry, step


class BasicFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5, help="learning rate")
    count = Parameter("item-count", default=3, type=int)
    options = Parameter("options", type=JSONType, default='{"a": [1, 2]}')
    names = Parameter("names", separator=",", default="x,y")
    computed = Parameter("computed", type=str, default=lambda context: "for " + context.parameter_name)
    text = IncludeFile("text", default="authoring_basic.txt")
    constant = 42

    @environment(vars={"FLOW_MODE": "test"})
    @step
    def start(self):
        import os

        self.mode = os.environ["FLOW_MODE"]
        self.lines = self.text.split()
        self.retried = current.retry_count
        self.next(self.fan, self.risky)

    @step
    def fan(self):
        self.items = list(range(self.count))
        self.next(self.work, foreach="items")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        if self.input == 1 and current.retry_count == 0:
            raise RuntimeError("flaky")
        self.result = self.input * 10
        self.stack = self.foreach_stack()
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.results = [each.result for each in inputs]
        self.stacks = [each.stack for each in inputs]
        self.merge_artifacts(inputs, include=["mode", "lines"])
        self.next(self.join)

    @catch(var="problem", print_exception=False)
    @step
    def risky(self):
        raise ValueError("expected")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs)
        self.kind = self.problem.type
        self.what = self.problem.exception
        self.next(self.end)

    @step
    def end(self):
        self.step_name = current.step_name
        print("alpha", self.alpha, "results", self.results, "constant", self.constant)


if __name__ == "__main__":
    BasicFlow()
