"""What Metaflow's documentation teaches about cards: components, several cards of a step, refreshes, a custom type."""

from metaflow import FlowSpec, Parameter, card, current, step
from metaflow.cards import (
    Artifact,
    Error,
    EventsTimeline,
    Image,
    JSONViewer,
    Markdown,
    ProgressBar,
    PythonCode,
    Table,
    ValueBox,
    VegaChart,
    YAMLViewer,
    get_cards,
)

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8ffff3f0005fe02fea7356ad90000000049454e44ae426082"
)


def square(x):
    return x * x


class CardsTour(FlowSpec):
    alpha = Parameter("alpha", default=0.5)

    @card
    @step
    def start(self):
        self.evil = "<script>document.title='owned'</script>"
        current.card.append(Markdown("# A title\n\nwith *text* and <b>no HTML</b>"))
        current.card.append(Table([["row", 1], ["artifact", Artifact({"a": 2})]], headers=["what", "value"]))
        current.card.extend([Image(PNG, "a dot"), Error(ValueError("wrong"), "A problem"), PythonCode(square)])
        self.items = [1, 2]
        self.next(self.branch, foreach="items")

    @card(type="blank", id="live", refresh_interval=0.1)
    @card(id="facts")
    @step
    def branch(self):
        bar = ProgressBar(max=3, label="epochs")
        events = EventsTimeline(title="Events")
        current.card["live"].append(bar, id="bar")
        current.card["live"].append(events)
        for epoch in range(3):
            bar.update(epoch + 1)
            events.update({"epoch": epoch})
            current.card["live"].refresh()
        current.card["facts"].append(ValueBox(title="Score", value=self.input))
        values = [{"x": x, "y": x * self.input} for x in range(4)]
        axes = {name: {"field": name, "type": "quantitative"} for name in ("x", "y")}
        current.card["facts"].append(VegaChart({"data": {"values": values}, "mark": "line", "encoding": axes}))
        current.card["facts"].append(JSONViewer({"n": self.input}))
        current.card["facts"].append(YAMLViewer({"n": self.input}))
        self.score = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.scores = [each.score for each in inputs]
        self.next(self.check)

    @step
    def check(self):
        found = get_cards(f"{current.flow_name}/{current.run_id}/start/{self.start_task()}")
        self.found = [(each.type, each.id, len(each.get()) > 1000) for each in found]
        self.next(self.end)

    def start_task(self):
        return next(iter(current.run["start"])).id

    @card(type="no_such_type")
    @step
    def end(self):
        self.done = True


if __name__ == "__main__":
    CardsTour()
