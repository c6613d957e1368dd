"""A flow whose steps log by mlflow and by Headwater."""

import subprocess

import headwater
from headwater import FlowSpec, Parameter, step

NESTED = """
import mlflow
with mlflow.start_run():
    mlflow.log_metric("accuracy", 0.5)
    with mlflow.start_run(nested=True, run_name="below"):
        raise SystemExit(3)
"""


class OneRunFlow(FlowSpec):
    python = Parameter("python", default="")

    @step
    def start(self):
        headwater.log_metric("own", 1.0)
        subprocess.run([self.python, "-c", 'import mlflow; mlflow.log_metric("theirs", 2.0)'], check=True)
        self.items = [0, 1]
        self.next(self.train, foreach="items")

    @step
    def train(self):
        if self.input == 1:
            subprocess.run([self.python, "-c", NESTED], check=False)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OneRunFlow()
