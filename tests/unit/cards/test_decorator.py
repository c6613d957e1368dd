"""@card: what it says travels in the graph, in the order of the source; what cannot be meant is refused at once."""

import pytest

from headwater import FlowSpec, card, step
from headwater.errors import FlowError
from headwater.flow.graph import flow_graph
from headwater.flow.with_options import apply_with
from headwater.runtime.task import parse


class Carded(FlowSpec):
    @card
    @card(type="blank", id="b", options={"title": "T"}, timeout=10, save_errors=False, customize=True)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self): ...


def cards_of(cls):
    return {each["name"]: each.get("cards") for each in flow_graph(cls)["steps"]}


def test_cards_are_in_the_graph_and_reach_the_task():
    first, second = cards_of(Carded)["start"]
    assert first == {"type": "default", "timeout": "45s", "saveErrors": True, "refreshInterval": 5.0}
    assert second == {"id": "b", "type": "blank", "options": {"title": "T"}, "timeout": "10s", "customize": True,
                      "refreshInterval": 5.0}  # fmt: skip
    body = {"key": {"runId": "r", "step": "start"}, "step": {"cards": [first, second]}}
    assert parse(body).cards == (first, second)


def test_a_card_can_be_added_by_the_command_line():
    class Plain(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self): ...

    apply_with(Plain, ["card:type=blank,id=x"])
    assert [each["id"] for each in cards_of(Plain)["end"]] == ["x"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"id": "a b"}, "letters, digits and _ only"),
        ({"type": ""}, "is not the name of a type"),
        ({"options": [1]}, "is not a dict"),
        ({"options": {"x": object()}}, "options must be JSON"),
        ({"timeout": -1}, "not a number of seconds"),
        ({"refresh_interval": "often"}, "not a number of seconds"),
        ({"titel": "x"}, "does not support the attribute 'titel'"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, why):
    with pytest.raises(FlowError, match=why):
        card(**given)


def test_it_belongs_on_a_step():
    with pytest.raises(FlowError, match="put it on a step"):
        card()(Carded)
