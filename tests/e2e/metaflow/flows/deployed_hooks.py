"""A flow that others deploy by Metaflow's commands, with hooks that run wherever its runs are started."""

from metaflow import FlowSpec, Parameter, exit_hook, step


def report(run):
    print("report of", run.pathspec, run.successful, run["end"].task.data.doubled)


@exit_hook(on_success=[report])
class DeployedFlow(FlowSpec):
    alpha = Parameter("alpha", type=int, default=3)

    @step
    def start(self):
        self.doubled = self.alpha * 2
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DeployedFlow()
