"""Mutators and user step decorators: what is added, in which order it runs, what a skipped step leaves behind."""

from metaflow import (
    USER_SKIP_STEP,
    Config,
    FlowMutator,
    FlowSpec,
    Parameter,
    StepMutator,
    UserStepDecorator,
    environment,
    retry,
    step,
    user_step_decorator,
)


class AddsThings(FlowMutator):
    def init(self, extra):
        self.extra = extra

    def pre_mutate(self, mutable_flow):
        mutable_flow.add_parameter("added", Parameter("added", type=int, default=self.extra))

    def mutate(self, mutable_flow):
        for name, config in mutable_flow.configs:
            assert name == "config"
            mutable_flow.start.add_decorator(environment, deco_kwargs={"vars": {"FROM_CONFIG": config.word}})
        for _, each in mutable_flow.steps:
            if each.has_decorator("retry"):
                each.remove_decorator("retry")


class Tagged(StepMutator):
    def init(self, word):
        self.word = word

    def mutate(self, mutable_step):
        mutable_step.add_decorator("environment", deco_kwargs={"vars": {"TAGGED": self.word}})


class Traced(UserStepDecorator):
    def init(self, *args, **kwargs):
        self.name = kwargs.get("name", "plain")

    def pre_step(self, step_name, flow, inputs=None):
        flow.trace = getattr(flow, "trace", []) + ["pre %s %s" % (self.name, step_name)]

    def post_step(self, step_name, flow, exception=None):
        flow.trace = flow.trace + ["post %s %s" % (self.name, step_name)]
        if exception is not None:
            flow.swallowed = str(exception)
        return


@user_step_decorator
def around(step_name, flow, inputs=None):
    flow.trace = getattr(flow, "trace", []) + ["before " + step_name]
    yield
    flow.trace = flow.trace + ["after " + step_name]


@user_step_decorator
def skipped(step_name, flow, inputs, attributes):
    flow.skipped = attributes["why"]
    yield USER_SKIP_STEP


def stand_in(flow):
    flow.replaced = "yes"
    return True


@user_step_decorator
def replaced(step_name, flow, inputs=None):
    yield stand_in


@AddsThings(7)
class MutatorFlow(FlowSpec):
    config = Config("config", default_value={"word": "configured"})

    @Traced(name="outer")
    @around
    @step
    def start(self):
        import os

        self.word = os.environ["FROM_CONFIG"]
        self.number = self.added
        self.next(self.tagged)

    @Tagged("tag")
    @retry(times=3)
    @step
    def tagged(self):
        import os

        self.tag = os.environ["TAGGED"]
        self.next(self.left, self.right)

    @skipped(why="not needed")
    @step
    def left(self):
        self.skipped = "it ran"
        self.next(self.join)

    @replaced
    @step
    def right(self):
        self.replaced = "no"
        self.next(self.join)

    @Traced
    @step
    def join(self, inputs):
        self.merge_artifacts(inputs)
        raise ValueError("gone")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorFlow()
