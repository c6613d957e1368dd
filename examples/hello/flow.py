"""The smallest flow that passes something on.

python flow.py run --whom Ada
"""

from headwater import FlowSpec, Parameter, step


class HelloFlow(FlowSpec):
    """Greets somebody."""

    whom = Parameter("whom", default="world", help="whom to greet")

    @step
    def start(self):
        self.greeting = f"Hello, {self.whom}!"
        self.next(self.shout)

    @step
    def shout(self):
        self.loud = self.greeting.upper()
        self.next(self.end)

    @step
    def end(self):
        print(self.loud)


if __name__ == "__main__":
    HelloFlow()
