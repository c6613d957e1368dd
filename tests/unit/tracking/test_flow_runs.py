"""How the scheduler's facts become tracked runs, and the names of runs that nobody named."""

import re
import uuid
from datetime import UTC, datetime

import pytest

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.tracking.flow_runs import nested_id, nested_name, parameter_text, started_run
from headwater_server.tracking.names import name_for

RUN = uuid.UUID("0199c0de-0000-7000-8000-000000000001")
AT = datetime(2026, 11, 30, tzinfo=UTC)


def test_a_started_run() -> None:
    run = started_run(
        {
            "runId": str(RUN), "project": "acme", "flow": "Train",
            "parameters": {"lr": 0.1, "n": 3.0, "deep": True, "name": "x"},
            "tags": ["nightly", "env:prod"], "at": "2026-11-30T12:00:00.5Z", "actor": {"kind": "user", "name": "ada"},
            "trigger": {"eventName": "data.arrived", "eventId": "e1"},
        },
        AT,
    )  # fmt: skip
    assert (run.run, run.project, run.flow) == (RUN, "acme", "Train")
    assert run.at == datetime(2026, 11, 30, 12, 0, 0, 500_000, UTC)
    assert run.params == {"lr": "0.1", "n": "3", "deep": "true", "name": "x"}
    assert run.tags == {
        "headwater.flow": "Train", "headwater.user": "ada", "headwater.tags": "nightly,env:prod",
        "headwater.trigger": "data.arrived", "headwater.trigger.event_id": "e1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "field"),
    [({"flow": "x"}, "run_id"), ({"runId": str(RUN)}, "flow"), ({"runId": str(RUN), "flow": "x", "at": "noon"}, "at")],
)
def test_a_bad_fact_names_the_field(data: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        started_run(data, AT)
    assert error.value.field == field


def test_a_long_parameter_is_cut() -> None:
    assert len(parameter_text("x" * 9000)) == 6000
    assert parameter_text({"a": [1.5, None]}) == '{"a":[1.5,null]}'


def test_nested_runs() -> None:
    assert nested_id(RUN, "train/3") == nested_id(RUN, "train/3") != nested_id(RUN, "train/4")
    assert nested_name("train/2.5") == "train[2.5]"


def test_names_are_stable_and_varied() -> None:
    names = {name_for(str(uuid.UUID(int=n))) for n in range(2000)}
    assert len(names) > 1900
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-\d{1,2}", name) for name in names)
    assert name_for("x") == name_for("x")


def test_page_tokens_belong_to_their_question() -> None:
    token = page_token([100], "filter", ["order"])
    assert read_page_token(token, "filter", ["order"]) == [100]
    assert read_page_token("", "filter") is None
    for bad, question in ((token, ("other",)), ("x", ("filter",)), ("!!", ("filter",)), ("W10", ("filter",))):
        with pytest.raises(InvalidArgument, match="page_token"):
            read_page_token(bad, *question)


def test_page_sizes() -> None:
    assert (page_size(0), page_size(7), page_size(10**6)) == (100, 7, 1000)
    with pytest.raises(InvalidArgument, match="-1 is negative"):
        page_size(-1)
