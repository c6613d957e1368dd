"""Is started by a new version of a dataset, and reads it in every way there is."""

from headwater import FlowSpec, IncludeFile, Parameter, artifacts, datasets, step, trigger


@trigger(event="dataset.version_created", parameters={"data": "uri"}, filter={"name": "collected"})
class TrainFlow(FlowSpec):
    data = Parameter("data", default="dataset://collected/production")
    labels = IncludeFile("labels", default="dataset://collected/production/labels.txt")

    @step
    def start(self):
        folder = datasets.download(self.data, "in")
        self.found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        linked = artifacts.get(f"{self.data}/train")
        self.linked = sorted(path.read_text() for path in linked.iterdir())
        self.next(self.end)

    @step
    def end(self):
        with artifacts.open("dataset://collected/production/report.txt") as file:
            self.report = file.read()
        with artifacts.open(next(iter(datasets.files(self.data, "labels.txt"))).uri, "rb") as file:
            self.raw = file.read()
        self.said = self.labels


if __name__ == "__main__":
    TrainFlow()
