"""`current.card`: which card is meant, when pages are sent, and that no card fails a task."""

import time
from types import SimpleNamespace

import pytest

from headwater.cards import Markdown, MetaflowCard, ProgressBar, live
from headwater.cards.registry import UnknownCard, card_class
from headwater.runtime.task import Key


class Channel:
    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)

    def last(self, slot="0"):
        return [message for message in self.sent if message["slot"] == slot][-1]


class Flow:
    _parameters = {"alpha": 0.5}
    _store = SimpleNamespace(names=lambda: ["before"])
    before = "x"
    alpha = 0.5

    def __init__(self):
        self.model = {"a": 1}


class Slow(MetaflowCard):
    type = "slow"

    def render(self, task):
        time.sleep(5)
        return ""


class Own(MetaflowCard):
    type = "own"

    def __init__(self, options=None, components=(), graph=None):
        self.options = options

    def render(self, task):
        return f"{self.options['greeting']} {task.data.model} {task['before'].data} {'nope' in task}"


def opened(*specs):
    key = Key("run", "train")
    task = SimpleNamespace(
        key=key, task_id="0", pathspec="Flow/run/train/0", attempt=1, retry_count=0, username="ann", tags=("a",),
        origin_run_id="",
    )  # fmt: skip
    channel = Channel()
    return live.Cards(list(specs), task, Flow(), channel), channel


def test_the_default_card_tells_of_the_task():
    cards, channel = opened({"type": "default"})
    cards.append(Markdown("# Hello"))
    cards.finish(None)
    page = channel.last()
    assert page["final"] and page["sequence"] == live.FINAL
    for part in ("<h1>Hello</h1>", "Flow/run/train/0", "succeeded", "alpha", "{&#x27;a&#x27;: 1}", "ann"):
        assert part in page["html"]


def test_a_task_that_failed_has_a_card_too():
    cards, channel = opened({})
    cards.finish({"code": "USER_ERROR", "message": "boom <b>"})
    assert "boom &lt;b&gt;" in channel.last()["html"] and "failed" in channel.last()["html"]


def test_refreshes_are_not_more_frequent_than_asked():
    cards, channel = opened({"refreshInterval": 3600})
    bar = ProgressBar(10)
    cards.append(bar, id="bar")
    cards.refresh()
    bar.update(5)
    cards.refresh()
    assert len(channel.sent) == 1 and not channel.sent[0]["final"] and "running" in channel.sent[0]["html"]
    cards.refresh(force=True)
    assert len(channel.sent) == 2 and "width:50.0%" in channel.last()["html"]
    cards.components["bar"].update(10)
    cards.finish(None)
    assert "width:100.0%" in channel.last()["html"]


def test_which_card_is_meant(capsys):
    cards, channel = opened({"id": "a"}, {"id": "b", "type": "blank"}, {"type": "own"})
    cards.append(Markdown("x"))
    assert "cannot tell which @card" in capsys.readouterr().err
    cards["b"].append(Markdown("here"))
    cards["nope"].append(Markdown("y"))
    assert "`current.card['nope']` is not present" in capsys.readouterr().err
    cards["a"].append("no component")
    assert "not a valid MetaflowCardComponent" in capsys.readouterr().err
    assert "a" in cards and "nope" not in cards and len(cards.get("blank")) == 1

    cards, channel = opened({"id": "a"}, {"id": "b", "customize": True})
    cards.extend([Markdown("one"), Markdown("two")])
    cards.finish(None)
    assert "two" in channel.last("1")["html"] and "two" not in channel.last("0")["html"]

    cards, channel = opened({"id": "a"}, {})
    cards.append(Markdown("nameless"))
    cards.clear()
    cards.append(Markdown("again"))
    cards.finish(None)
    assert "again" in channel.last("1")["html"] and "nameless" not in channel.last("1")["html"]


def test_a_type_of_ones_own():
    cards, channel = opened({"type": "own", "options": {"greeting": "hi"}})
    cards.refresh()
    assert not channel.sent  # it does not say how to be rendered while the task runs
    cards.finish(None)
    assert channel.last()["html"] == "hi {'a': 1} x False"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"type": "own"}, "KeyError"),
        ({"type": "nope"}, "MetaflowCard named nope not found"),
        ({"type": "nowhere:Card"}, "No module named"),
        ({"type": "headwater.cards.types:represent"}, "is not a subclass"),
        ({"type": "slow", "timeout": "0.05s"}, "took longer than 0.05 s"),
    ],
)
def test_a_card_that_fails_shows_why_or_nothing(spec, why, capsys):
    cards, channel = opened({**spec, "saveErrors": True}, spec)
    cards.finish(None)
    assert (
        why in channel.last()["html"].replace("&#x27;", "'")
        and "Card Render Failed With Error" in channel.last()["html"]
    )
    assert [message["slot"] for message in channel.sent] == ["0"]
    assert capsys.readouterr().err.count("[@card WARNING]") >= 2


def test_a_page_that_is_too_large_is_not_sent(monkeypatch):
    monkeypatch.setattr(live, "MOST_HTML", 20_000)
    cards, channel = opened({"type": "blank"})
    cards.append(Markdown("x" * 30_000))
    cards.finish(None)
    assert len(channel.last()["html"]) < 20_000 and "is the limit" in channel.last()["html"]


def test_unknown_types_name_the_known_ones():
    with pytest.raises(UnknownCard) as caught:
        card_class("defualt")
    assert "default, blank" in caught.value.hint
    assert card_class("taskspec") is card_class("taskspec_card")
