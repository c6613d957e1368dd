"""A parameter, a foreach, a branch, and a step that needs a second attempt."""

from metaflow import FlowSpec, Parameter, current, retry, step


class HelloFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5)

    @step
    def start(self):
        self.items = ["a", "b", "c"]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.word = self.input * 2
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.words = [i.word for i in inputs]
        self.next(self.fork)

    @step
    def fork(self):
        self.next(self.left, self.right)

    @retry(times=1, minutes_between_retries=0)
    @step
    def left(self):
        self.tries = current.retry_count
        if self.tries == 0:
            raise ValueError("on purpose")
        self.next(self.join)

    @step
    def right(self):
        self.size = len(self.words)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs, include=["words", "size"])
        self.next(self.end)

    @step
    def end(self):
        print("the end", self.words, self.alpha)


if __name__ == "__main__":
    HelloFlow()
