"""One trace from the command through gateway, scheduler, bus, worker, user code and S3, received over real OTLP."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Platform
from tests.e2e.trace.collector import Collector, Span


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Collector, str]]:
    """What a run of flow.py exported, and the id of its trace."""
    collector = Collector()
    platform = Platform(tmp_path_factory.mktemp("traced"))
    platform.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
    platform.headwater("up", "--detach")
    try:
        platform.run(sys.executable, Path(__file__).with_name("flow.py"), "run")
    finally:
        platform.headwater("down")  # everybody exports what is left when it stops
        collector.stop()
    (root,) = [s for s in collector.spans.values() if s.name == "run TracedFlow"]
    yield collector, root.trace


def find(collector: Collector, trace: str, name: str, **attributes: object) -> list[Span]:
    return [
        s
        for s in collector.spans.values()
        if s.trace == trace and s.name == name and attributes.items() <= s.attributes.items()
    ]


def test_user_code_and_s3_descend_from_the_command(traced: tuple[Collector, str]) -> None:
    collector, trace = traced
    shown = "\n".join(sorted(f"{s.service}: {s.name}" for s in collector.spans.values() if s.trace == trace))
    for name in ("user code", "upload blob"):
        spans = find(collector, trace, name)
        assert spans, f"no {name!r} in\n{shown}"
        lines = [(s.service, s.name) for s in collector.ancestors(spans[0])]
        services = [service for service, _ in lines]
        assert services[-1] == "headwater-cli" and lines[-1][1] == "run TracedFlow", lines
        assert [s for s in ("headwater-worker", "headwater-scheduler", "headwater-gateway") if s not in services] == []


def test_every_step_has_one_span_and_completes_under_it(traced: tuple[Collector, str]) -> None:
    collector, trace = traced
    tasks = [s for s in collector.spans.values() if s.trace == trace and s.name.startswith("task ")]
    assert sorted(s.attributes["hw.step"] for s in tasks) == ["end", "start"]
    settled = [s for s in collector.spans.values() if s.trace == trace and s.name.endswith("CompleteTask")]
    above = [{a.id for a in collector.ancestors(s)} for s in settled]
    assert all(any(task.id in ids for ids in above) for task in tasks), json.dumps([s.name for s in settled])


def test_what_follows_the_events_is_in_the_same_trace(traced: tuple[Collector, str]) -> None:
    collector, trace = traced
    assert {s.service for s in find(collector, trace, "process run.started")} >= {"headwater-tracking"}
    assert {s.service for s in find(collector, trace, "process run.succeeded")} >= {"headwater-executor"}
    assert all(s.trace == trace for s in collector.spans.values() if "run." in s.name)
