"""Two branches that run side by side and meet in a join.

python flow.py run
"""

from headwater import FlowSpec, Parameter, step


class BranchFlow(FlowSpec):
    """Looks at the same numbers in two ways."""

    count = Parameter("count", default=10, help="how many numbers")

    @step
    def start(self):
        self.numbers = list(range(1, self.count + 1))
        self.next(self.add, self.multiply)

    @step
    def add(self):
        self.total = sum(self.numbers)
        self.next(self.join)

    @step
    def multiply(self):
        product = 1
        for number in self.numbers:
            product *= number
        self.product = product
        self.next(self.join)

    @step
    def join(self, inputs):
        # Takes over what is the same, or set in one branch only: numbers, total, product.
        self.merge_artifacts(inputs)
        self.next(self.end)

    @step
    def end(self):
        print(f"sum {self.total}, product {self.product}")


if __name__ == "__main__":
    BranchFlow()
