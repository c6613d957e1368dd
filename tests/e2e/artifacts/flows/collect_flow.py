"""Makes a version of a dataset in a step."""

from pathlib import Path

from headwater import File, FlowSpec, Parameter, datasets, step


class CollectFlow(FlowSpec):
    rows = Parameter("rows", default=3)

    @step
    def start(self):
        Path("report.txt").write_text(f"{self.rows} rows")
        self.report = File("report.txt")
        self.next(self.end)

    @step
    def end(self):
        for number in range(self.rows):
            folder = Path("new", "train" if number % 2 else "test")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.csv").write_text(f"row {number}")
        Path("new/left.tmp").write_text("left out")
        made = datasets.create_version(
            "collected",
            ["new", {"report.txt": self.report, "labels.txt": b"a b c"}],
            exclude=["*.tmp"],
            aliases=["production"],
            tags={"rows": self.rows},
            properties={"labels.txt": {"classes": 3}},
        )
        self.made, self.again = str(made), str(datasets.create_version("other", "new", keep=["*.tmp"]))


if __name__ == "__main__":
    CollectFlow()
