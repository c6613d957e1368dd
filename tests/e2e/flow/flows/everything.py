"""Every transition in one flow: branches, a foreach in a foreach, joins, merge_artifacts, retries, a caught failure."""

from headwater import FlowSpec, JSONType, Parameter, catch, current, retry, step


class Everything(FlowSpec):
    """Uses most of what a flow can do."""

    width = Parameter("width", default=3, help="items of the outer foreach")
    options = Parameter("options", default='{"fail": false}', type=JSONType)

    @step
    def start(self):
        self.common = {"a": [1, 2]}
        self.next(self.fan, self.flaky)

    @step
    def fan(self):
        self.items = list(range(self.width))
        self.next(self.outer, foreach="items")

    @step
    def outer(self):
        self.letters = ["x", "y"]
        self.next(self.inner, foreach="letters")

    @step
    def inner(self):
        self.value = f"{self.foreach_stack()[0][2]}{self.input}{self.index}"
        self.next(self.close_inner)

    @step
    def close_inner(self, inputs):
        self.values = [each.value for each in inputs]
        self.merge_artifacts(inputs, exclude=["value"])
        self.next(self.close_outer)

    @step
    def close_outer(self, inputs):
        self.values = [value for each in inputs for value in each.values]
        self.merge_artifacts(inputs, include=["common"])
        self.next(self.join)

    @catch(var="problem")
    @retry(times=1, seconds_between_retries=0)
    @step
    def flaky(self):
        print("attempt", current.retry_count)
        if self.options["fail"] or current.retry_count == 0:
            raise ValueError("flaky")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = inputs.close_outer.values
        self.problem = inputs.flaky.problem
        self.merge_artifacts(inputs, exclude=["value", "items", "letters"])
        self.next(self.end)

    @step
    def end(self):
        print("values", " ".join(self.values))
        print("common", self.common, "problem", self.problem)


if __name__ == "__main__":
    Everything()
