"""`make demo`: from a flow to a promoted model and the run that follows, the same every time."""

import re
import sys

import pytest

from headwater.client import Run
from headwater.models import get_version, list_promotions, load_model
from headwater.tracking import get_metric_history, search_runs
from tests.e2e.conftest import EXAMPLES, Platform


@pytest.fixture(scope="module")
def shown(platform: Platform) -> str:
    """What the demo printed."""
    return platform.run(sys.executable, EXAMPLES / "digits" / "demo.py").stdout


def test_the_summary_tells_the_story(shown: str) -> None:
    for text in (
        "train: 12 of 12 tasks done",
        "best      digits/1: MLPClassifier",
        "promoted  digits@champion → version 1 by task",
        "why       best of 12 on validation data",
        "follow-up ScoreChampion",
        "on held-out images",
        "headwater models show digits",
    ):
        assert text in shown, f"{text!r} is missing in\n{shown}"


def test_what_it_left_behind(shown: str, connected: Platform) -> None:
    version = get_version("digits@champion")
    run = Run(f"DigitsFlow/{version.run_id}")
    assert run.successful and len(run["train"]) == 12
    assert version.lineage["step"] == "choose" and run.code and version.lineage["codePackage"] == run.code.path
    assert version.signature["inputs"] == [{"name": "input", "type": "float32", "shape": [-1, 64]}]
    (promotion,) = list_promotions("digits", "champion")
    assert promotion.run_id == run.id and promotion.metrics == version.metrics and "best of 12" in promotion.reason
    nested = search_runs(parent_run_id=run.id, order_by="metrics.accuracy DESC")
    assert len(nested) == 12 and nested[0].metrics["accuracy"] == version.metrics["accuracy"]
    history = get_metric_history(nested[0].run_id, "loss")
    assert [point.step for point in history] == list(range(20)) and history[-1].value < history[0].value
    scored = Run(re.findall(r"follow-up ScoreChampion (\S+)", shown)[0])
    assert scored.trigger and scored.trigger.event.id == promotion.event_id
    assert scored.data and scored.data.accuracy == version.metrics["held_out_accuracy"]
    images, labels = run["start"].task.data.held_out_set
    assert float(load_model("digits@champion").score(images, labels)) == scored.data.accuracy


def test_the_same_seed_gives_the_same_result(shown: str, connected: Platform) -> None:
    first = get_version("digits/1")
    connected.example("digits/flow.py")
    assert get_version("digits@champion").metrics == first.metrics
