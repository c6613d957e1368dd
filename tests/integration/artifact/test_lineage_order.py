"""The graph is a function of the set of events, whatever their order, repetition and batches; and so is a rebuild."""

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.api.common.v1 import common_pb2
from headwater.api.events.v1 import events_pb2
from headwater_server.artifact.lineage import events
from headwater_server.artifact.lineage.store import LineageStore
from headwater_server.artifact.store import q
from headwater_server.kit.clock import timestamp
from headwater_server.kit.database import Database
from headwater_server.kit.envelope import Envelope, encode
from tests.unit.artifact.lineage_events import OTHER, RUN, entry, manifest, started, succeeded, version

LOGGED = "m-" + "1" * 32
TRACKED = "01890a5d-ac96-774b-bcce-b302099a8059"
START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL, DATA, SMALL = entry("model"), entry("data"), entry("small", inline="eA==")


def at(minute):
    return timestamp(START + timedelta(minutes=minute))


def moved(alias, number, minute, uid=7):
    return events_pb2.ModelPromoted(
        project="default", name="churn", alias=alias, version=number, model_uid=uid, at=at(minute)
    )


def finished(minute, **more):
    return events_pb2.TrackedRunFinished(
        run_id=TRACKED, project="default", experiment="mine", state="TRACKED_RUN_STATE_FINISHED", at=at(minute), **more
    )


TRIGGER = common_pb2.TriggerSource(
    event_id="e1", event_name="run.succeeded", event_subject="hw.evt.v1.default.run.succeeded.x",
    payload_json=f'{{"runId": "{RUN}"}}',
)  # fmt: skip
FOREIGN = common_pb2.TriggerSource(event_id="HW_EXT:7", event_name="data.arrived", event_subject="hw.ext.default.data")


def reads_data():
    return {"parameters": ["lr"], "artifacts": ["data"]}


ALL = [
    started(at=at(0), parameters={"lr": 0.1}),
    succeeded("start", at=at(1), manifest=manifest({"data": DATA, "small": SMALL})),
    *(
        succeeded(
            "train", str(n), at=at(2 + n), depth=1,
            manifest=manifest({"model": MODEL, "n": SMALL}, {"data": DATA}, reads=reads_data()),
        )
        for n in range(3)
    ),
    succeeded(
        "join", at=at(6), inputs=[common_pb2.TaskInput(step="train", all=True)],
        manifest=manifest({"best": MODEL}, reads={"parameters": [], "all": "x"}),
    ),
    started(OTHER, at=at(7), origin_run_id=RUN, trigger=TRIGGER),
    succeeded("start", run=OTHER, at=at(8), origin_run_id=RUN, manifest=manifest({"data": DATA})),
    succeeded(
        "use", run=OTHER, at=at(9),
        manifest=manifest({}, uses=[
            {"model": "churn", "modelUid": 7, "version": 1}, {"digest": MODEL["digest"]},
            {"run": RUN, "artifact": "best", "digest": MODEL["digest"]},
        ]),
    ),
    events_pb2.RunDeleted(run_id=OTHER, project="default", flow="F", at=at(20)),
    events_pb2.RunDeleted(run_id=RUN, project="default", flow="F", at=at(21), heirs=[OTHER]),
    version(number=1, run_id=RUN, step="join", task_id="0", artifact="best", digest=MODEL["digest"], at=at(10)),
    version(number=2, run_id=RUN, model_id=LOGGED, at=at(11)),
    moved("champion", 1, 12),
    moved("champion", 2, 13),
    moved("old", 1, 14),
    events_pb2.ModelAliasRemoved(project="default", name="churn", alias="champion", model_uid=7, at=at(15)),
    events_pb2.ModelRenamed(project="default", name="leavers", previous_name="churn", model_uid=7, at=at(16)),
    events_pb2.ModelVersionDeleted(project="default", name="leavers", version=1, model_uid=7, at=at(17)),
    events_pb2.ModelDeleted(project="default", name="leavers", model_uid=7, at=at(18)),
    version(number=1, model_uid=8, digest=MODEL["digest"], at=at(19)),
    moved("champion", 1, 22, uid=8),
    events_pb2.ModelLogged(project="default", model_id=LOGGED, name="net", run_id=TRACKED, at=at(3)),
    finished(4, metrics={"loss": 0.5}, params={"lr": "1"}, output_models=[LOGGED]),
    finished(5, metrics={"loss": 0.25, "acc": 1.0}, datasets=[common_pb2.TrackedDataset(name="iris", digest="1f")]),
    started("01890a5d-ac96-774b-bcce-b302099a8060", at=at(3), trigger=FOREIGN),
]  # fmt: skip
FACTS = []
for event in ALL:
    message = encode(event)
    envelope = Envelope.decode(message.subject, message.headers, message.body)
    told = envelope.data.get("manifestJson")
    FACTS.append(events.fact_of(envelope, json.loads(told) if told else None))


class Graphs:
    """A store that begins anew each time."""

    def __init__(self, database):
        self.database, self.store = database, LineageStore(database)

    async def of(self, batches):
        for table in ("events", "nodes", "edges", "names", "gone"):
            await self.database.execute(f"DELETE FROM lineage_{table}")
        for batch in batches:
            await self.store.add(batch)
        return await self.seen()

    async def seen(self):
        build = await self.database.fetchval(q.lineage_active)
        found = []
        for table in ("nodes", "edges", "names"):
            rows = await self.database.fetch(f"SELECT * FROM lineage_{table} WHERE build = $1", build)
            found.append({tuple(row.values())[1:] for row in rows})
        return found


@pytest.fixture
def graphs(postgres):
    with asyncio.Runner() as runner:
        url = runner.run(postgres.new_database("artifact"))
        database = runner.run(Database.connect(url, size=2, name="artifact"))
        yield runner, Graphs(database)
        runner.run(database.close())
        runner.run(postgres.drop(url))


def test_the_whole_of_it_is_a_graph_without_loose_ends(graphs):
    runner, made = graphs
    nodes, edges, names = runner.run(made.of([FACTS]))
    ends = {end for edge in edges for end in edge[:2]}
    assert ends <= {node[0] for node in nodes}
    assert not {node[4] for node in nodes if node[5] is None and node[0] not in ends}
    assert {name[3] for name in names} == {"mine", "F", "churn"}  # of what was not deleted
    lives, _, _ = runner.run(made.of([[f for f in FACTS if not f.type.endswith("deleted")]]))
    assert len(lives) > len(nodes) + 15


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_order_repetition_and_batches_make_no_difference(graphs, data):
    runner, made = graphs
    chosen = data.draw(st.lists(st.sampled_from(range(len(FACTS))), min_size=1, unique=True).map(sorted))
    told = data.draw(st.permutations([*chosen, *data.draw(st.lists(st.sampled_from(chosen), max_size=5))]))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(told)), max_size=4)) | {0, len(told)})
    batches = [[FACTS[n] for n in told[a:b]] for a, b in itertools.pairwise(cuts)]
    expected = runner.run(made.of([[FACTS[n]] for n in chosen]))
    assert runner.run(made.of(batches)) == expected
    rebuilt = runner.run(made.store.rebuild())
    assert not rebuilt.changed
    assert runner.run(made.seen()) == expected
