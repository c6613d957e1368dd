"""Search over runs as Postgres answers it: golden cases of filters, orders and pages."""

import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.tracking import search_sql
from headwater_server.tracking.filters import parse_filter, parse_order
from headwater_server.tracking.store import Store
from tests.integration.tracking.conftest import Tracking

# name: (experiment, params, metrics, tags, state)
RUNS: dict[str, tuple[str, dict[str, str], dict[str, float], dict[str, str], int]] = {
    "a": ("one", {"kernel": "rbf", "lr": "0.1"}, {"acc": 0.9, "val.top-5": 1.0}, {"team": "x"}, 2),
    "b": ("one", {"kernel": "linear"}, {"acc": 0.95}, {"my team": "y"}, 2),
    "c": ("one", {"kernel": "rbf"}, {"acc": 0.5}, {"team": "X"}, 3),
    "d": ("two", {"kernel": "poly_2", "long": "p" * 300}, {"acc": math.nan}, {}, 1),
    "e": ("two", {"it's": "50%"}, {"acc": -math.inf, "loss": 3.0}, {"team": ""}, 1),
    "f": ("two", {}, {}, {"mlflow.note": "hello\nworld"}, 4),
}

CASES = {
    "": "fedcba",
    "metrics.acc > 0.5": "ba",
    "metrics.acc >= 0.5": "cba",
    "metrics.acc < 1": "ecba",
    "metrics.acc != 0.5": "edba",
    "metrics.acc = 0.95": "b",
    "metrics.acc = nan": "d",
    "metrics.acc > nan": "",
    "metrics.acc = -inf": "e",
    "metrics.`val.top-5` = 1 AND metrics.val.top-5 = 1": "a",
    "metrics.acc IS NULL": "f",
    "metrics.acc IS NOT NULL": "edcba",
    "metrics.never > 0": "",
    "metrics.never IS NULL": "fedcba",
    "params.kernel = 'rbf'": "ca",
    "params.kernel != 'rbf'": "db",
    "NOT params.kernel = 'rbf'": "fedb",
    "params.kernel LIKE 'r%'": "ca",
    "params.kernel ILIKE 'LIN%'": "b",
    "params.kernel LIKE 'poly\\_2'": "d",
    "params.kernel IN ('rbf', 'linear')": "cba",
    "params.kernel NOT IN ('rbf', 'linear')": "d",
    "params.lr = 0.1": "a",
    f"params.long = '{'p' * 300}'": "d",
    f"params.long = '{'p' * 299}'": "",
    """params."it's" = '50%'""": "e",
    "tags.team = 'x'": "a",
    "tags.team ILIKE 'x'": "ca",
    "tags.team = ''": "e",
    "tags.\"my team\" = 'y'": "b",
    "tags.mlflow.note LIKE 'hello%'": "f",
    "attributes.state = 'FINISHED'": "ba",
    "status = 'failed' OR state = 'KILLED'": "fc",
    "state != 'RUNNING'": "fcba",
    "state IN ('RUNNING', 'TRACKED_RUN_STATE_FAILED')": "edc",
    "name = 'a' OR run_name LIKE 'b'": "ba",
    "experiment = 'two' AND state = 'RUNNING'": "ed",
    "metrics.acc > 0.4 AND (params.kernel = 'linear' OR tags.team = 'X')": "cb",
    "NOT (metrics.acc > 0.4 OR state = 'KILLED')": "ed",
    "start_time > 0 AND started_at < '2999-01-01T00:00:00Z'": "fedcba",
    "finished_at IS NULL": "ed",
    "parent_run_id IS NULL": "fedcba",
    "name = ''' OR 1=1 --'": "",
}

ORDERS = {
    ("metrics.acc DESC",): "bacedf",
    ("metrics.acc",): "ecabdf",
    ("metrics.acc ASC", "name"): "ecabdf",
    ("params.kernel", "name DESC"): "bdcafe",
    ("state", "name DESC"): "cbafed",
    ("name",): "abcdef",
    ("start_time DESC",): "fedcba",
    ("metrics.never DESC",): "fedcba",
    ("metrics.loss", "metrics.acc DESC"): "ebacdf",
}


@pytest_asyncio.fixture
async def filled(tracking: Tracking) -> Tracking:
    for name, (experiment, params, metrics, tags, state) in RUNS.items():
        run_id = await tracking.new_run(name, experiment=experiment, tags=tags)
        points = [pb.Metric(key=key, value=value, step=1) for key, value in metrics.items()]
        await tracking.call("LogBatch", run_id=run_id, metrics=points, params=params)
        if state != pb.TRACKED_RUN_STATE_RUNNING:
            await tracking.call("UpdateTrackedRun", run_id=run_id, state=state)
    return tracking


async def test_filters(filled: Tracking) -> None:
    found = {text: "".join(await filled.search(text)) for text in CASES}
    assert found == CASES


async def test_orders(filled: Tracking) -> None:
    for order, names in ORDERS.items():
        whole = await filled.search(order_by=order)
        assert "".join(whole) == names, order


@pytest.mark.parametrize("order", [[], ["metrics.acc DESC"], ["params.kernel"], ["name"]])
@pytest.mark.parametrize("size", [1, 2, 5])
async def test_pages(filled: Tracking, order: list[str], size: int) -> None:
    whole, token, paged = await filled.search(order_by=order), "", []
    while True:
        answer = await filled.call("SearchTrackedRuns", order_by=order, page_size=size, page_token=token)
        assert len(answer.runs) <= size
        paged += [run.name for run in answer.runs]
        token = answer.next_page_token
        if not token:
            break
    assert paged == whole


@pytest.mark.parametrize("look", [1, 3, 10, 1000])
async def test_the_best_runs_alone_answer_as_all_runs_do(tracking: Tracking, monkeypatch, look: int) -> None:
    """Values that many runs share lie about the end of those that are looked at; some runs have none, or NaN."""
    monkeypatch.setattr(search_sql, "_LOOK_LEAST", look)
    monkeypatch.setattr(search_sql, "_LOOK", 0)
    acc = [(0.1 * (n * 7 % 4), math.nan, None)[0 if n % 9 else n % 2 + 1] for n in range(40)]
    ids = await _runs_with(tracking, "acc", acc, [str(n % 3) for n in range(40)])
    keys, store = await Store(tracking.database).known_keys(["acc", "p"]), Store(tracking.database)

    def place(run: int, way: int) -> tuple[int, float, int]:
        value = acc[run]
        rank = 2 if value is None else int(math.isnan(value))
        return rank, 0 if rank else way * (value or 0.0), -run  # the newest first

    for text, passes in {
        "": lambda _: True,
        "params.p = '1'": lambda run: run % 3 == 1,
        "metrics.acc > 0.05": lambda run: (acc[run] or 0) > 0.05,
        "metrics.acc <= 0.2 AND params.p IN ('0', '2')": lambda run: (
            acc[run] is not None and acc[run] <= 0.2 and run % 3 != 1
        ),
        "NOT metrics.acc > 0.05 OR params.p = '2'": lambda run: not (acc[run] or 0) > 0.05 or run % 3 == 2,
    }.items():
        for order, way in (("metrics.acc ASC", 1), ("metrics.acc DESC", -1)):
            expected = sorted(filter(passes, range(40)), key=lambda run: place(run, way))
            for limit, offset in ((1, 0), (5, 0), (4, 3), (60, 0)):
                queries = search_sql.search_queries(
                    parse_filter(text),
                    [parse_order(order)],
                    keys,
                    search_sql.Scope("default"),
                    limit=limit,
                    offset=offset,
                )
                found = [ids.index(row["id"]) for row in await store.find(queries, limit)]
                assert found == expected[offset : offset + limit], (text, order, limit, offset)


async def test_texts_about_as_long_as_what_the_index_holds_of_them(tracking: Tracking) -> None:
    texts = ["x" * size for size in (126, 127, 128, 129, 300)]
    await _runs_with(tracking, "acc", [None] * 5, texts)
    for text in texts:
        assert await tracking.search(f"params.p = '{text}'") == [str(len(text))]
        assert await tracking.search(f"params.p IN ('{text}', 'y')") == [str(len(text))]
    assert await tracking.search(f"params.p IN ('{texts[0]}', '{texts[2]}')") == ["128", "126"]


async def _runs_with(tracking: Tracking, key: str, numbers: list[float | None], texts: list[str]) -> list[int]:
    """Inner ids of runs, each a second after the one before; each is called as its text is long."""
    await tracking.new_run("first", experiment="many")
    database = tracking.database
    experiment = await database.fetchval("SELECT id FROM experiments WHERE name = 'many'")
    await database.execute("DELETE FROM runs")
    await database.execute("INSERT INTO keys (name) VALUES ($1), ('p')", key)
    ids = {row["name"]: row["id"] for row in await database.fetch("SELECT id, name FROM keys")}
    runs = await database.fetch(
        """INSERT INTO runs (uuid, project, experiment_id, name, state, started_at)
        SELECT gen_random_uuid(), 'default', $1, length(t.text), 2, to_timestamp(t.n)
        FROM unnest($2::text[]) WITH ORDINALITY AS t (text, n) ORDER BY t.n RETURNING id""",
        experiment,
        texts,
    )
    found = sorted(row["id"] for row in runs)
    await database.execute(
        "INSERT INTO params SELECT id, $1, value FROM unnest($2::bigint[], $3::text[]) AS t (id, value)",
        ids["p"], found, texts,
    )  # fmt: skip
    known = [(run, value) for run, value in zip(found, numbers, strict=True) if value is not None]
    await database.execute(
        "INSERT INTO latest_metrics SELECT id, $1, val, 0, 0 FROM unnest($2::bigint[], $3::float8[]) AS t (id, val)",
        ids[key], [run for run, _ in known], [value for _, value in known],
    )  # fmt: skip
    return found


async def test_scopes(filled: Tracking) -> None:
    assert await filled.search(experiments=["two"]) == ["f", "e", "d"]
    assert await filled.search("metrics.acc > 0", experiments=["one", "two"]) == ["c", "b", "a"]
    with pytest.raises(NotFound, match="experiments: project 'default' has no experiment 'tow'") as caught:
        await filled.search(experiments=["one", "tow"])
    assert "'two'" in caught.value.hint
    listed = (await filled.call("ListExperiments", page_size=1)).experiments
    assert [(e.name, e.runs) for e in listed] == [("one", 3)]


async def test_a_page_belongs_to_its_question(filled: Tracking) -> None:
    token = (await filled.call("SearchTrackedRuns", page_size=2)).next_page_token
    for fields, says in (
        ({"filter": "name = 'a'", "page_token": token}, "page_token: belongs to another question"),
        ({"page_token": "x"}, "page_token: not a token"),
        ({"page_size": -1}, "page_size: -1 is negative"),
    ):
        with pytest.raises(InvalidArgument, match=says):
            await filled.call("SearchTrackedRuns", **fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"filter": "metrics.acc >"}, "filter: expected a value, found the end at position 14"),
        ({"filter": "metric"}, "filter: unknown attribute 'metric' at position 1"),
        ({"filter": "metrics.acc > 'high'"}, "is a number, 'high' is a text"),
        ({"filter": "params.lr > 0.1"}, "params.lr is text, > does not apply"),
        ({"filter": "state = 'DONE'"}, "filter: 'DONE' is not the state of a run"),
        ({"filter": "run_id = 'x'"}, "filter: 'x' is not the id of a run"),
        ({"filter": "name = 'a"}, "a quote that is not closed"),
        ({"filter": "start_time > 1e300"}, "is not a time"),
        ({"order_by": ["name", "metrics.acc DOWN"]}, r"order_by\[1\]: expected ASC, DESC or the end, found DOWN"),
    ],
)
async def test_searches_that_are_refused(tracking: Tracking, fields: Any, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says) as caught:
        await tracking.call("SearchTrackedRuns", **fields)
    assert caught.value.field


async def test_experiments(tracking: Tracking, eventually: Callable[..., Awaitable[Any]]) -> None:
    for name in ("b", "a", "c"):
        await tracking.call("CreateExperiment", name=name, tags={"k": name})
    first = await tracking.call("ListExperiments", page_size=2)
    rest = await tracking.call("ListExperiments", page_size=2, page_token=first.next_page_token)
    assert [e.name for e in (*first.experiments, *rest.experiments)] == ["a", "b", "c"]
    assert (await tracking.call("GetExperiment", name="b")).experiment.tags == {"k": "b"}
    with pytest.raises(NotFound, match="project 'default' has no experiment 'bb'"):
        await tracking.call("GetExperiment", name="bb")
    await eventually(lambda: len(tracking.told) == 3)
    assert tracking.told[0][0] == "hw.evt.v1.default.experiment.created.b"
