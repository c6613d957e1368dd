"""Artifacts that are made from one another, files and folders among them."""

from pathlib import Path

from headwater import File, FlowSpec, Folder, Parameter, command, step


class MadeFlow(FlowSpec):
    size = Parameter("size", default=3)
    unused = Parameter("unused", default=1)

    @step
    def start(self):
        self.numbers = list(range(self.size))
        self.other = "not looked at"
        self.next(self.shell)

    @command(
        "mkdir -p $HW_OUTPUTS_DIR/out/deep && echo hi > $HW_OUTPUTS_DIR/out/deep/a.txt", outputs={"shelled": "out"}
    )
    @step
    def shell(self):
        self.next(self.plot)

    @step
    def plot(self):
        Path("plots/deep").mkdir(parents=True)
        for number in self.numbers:
            Path(f"plots/deep/{number}.txt").write_text(f"plot {number}")
        Path("note.md").write_text("# note")
        self.plots, self.note = Folder("plots"), File("note.md")
        self.next(self.end)

    @step
    def end(self):
        self.found = sorted(path.name for path in self.plots.rglob("*.txt"))
        self.said = (self.shelled / "deep" / "a.txt").read_text().strip()


if __name__ == "__main__":
    MadeFlow()
