"""Starts when somebody publishes data.arrived, from any language.

headwater deploy ingest.py
headwater events publish data.arrived '{"uri": "file:///tmp/new.csv", "rows": 3}'
nats pub hw.ext.default.data.arrived '{"uri": "file:///tmp/new.csv", "rows": 3}'
"""

from headwater import FlowSpec, Parameter, current, step, trigger


@trigger(event="data.arrived", parameters={"uri": "uri", "rows": "rows"})
class IngestFlow(FlowSpec):
    """Takes in whatever has arrived."""

    uri = Parameter("uri", default="", help="where the data lies")
    rows = Parameter("rows", default=0, help="how much there is")

    @step
    def start(self):
        self.source = self.uri or "nowhere"
        self.event = current.trigger.event.name if current.trigger else None
        self.next(self.end)

    @step
    def end(self):
        print(f"{self.rows} rows from {self.source}, because of {self.event or 'a person'}")


if __name__ == "__main__":
    IngestFlow()
