"""The runs that searches are measured on, written straight into the tables of either server: equal rows, in seconds.

10,000 runs with 3 metrics, 4 params and 4 tags each. `python fill.py sqlite:///FILE` (needs mlflow) fills MLflow's
store and prints the id of the experiment; fill_headwater() does the same with the schema `tracking`.
"""

import asyncio
import sys
import uuid
from typing import Any

RUNS = 10_000
NAME = "bench-search"
METRICS = ("acc", "loss", "f1")


def metric(run: int) -> float:
    return ((run * 7919) % 1000) / 1000


def text(run: int, number: int) -> str:
    return str(run % (5 + number))


def fill_mlflow(uri: str, runs: int = RUNS) -> str:
    from mlflow.store.tracking.dbmodels import models
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(uri, "mlflow-artifacts:/")
    experiment = store.create_experiment(NAME)
    rows: dict[Any, list[dict[str, Any]]] = {}
    for n in range(runs):
        run = uuid.uuid4().hex
        rows.setdefault(models.SqlRun, []).append(
            {"run_uuid": run, "name": f"r{n}", "source_type": "LOCAL", "user_id": "bench", "status": "FINISHED",
             "start_time": 1_700_000_000_000 + n, "end_time": 1_700_000_001_000 + n, "lifecycle_stage": "active",
             "experiment_id": int(experiment), "artifact_uri": f"mlflow-artifacts:/{experiment}/{run}/artifacts"}
        )  # fmt: skip
        for key in METRICS:
            point = {"key": key, "value": metric(n), "timestamp": 1, "step": 0, "is_nan": False, "run_uuid": run}
            rows.setdefault(models.SqlMetric, []).append(point)
            rows.setdefault(models.SqlLatestMetric, []).append(point)
        for i in range(4):
            rows.setdefault(models.SqlParam, []).append({"key": f"p{i}", "value": text(n, i), "run_uuid": run})
            rows.setdefault(models.SqlTag, []).append({"key": f"t{i}", "value": text(n, i), "run_uuid": run})
    with store.ManagedSessionMaker() as session:
        for kind, each in rows.items():
            session.bulk_insert_mappings(kind, each)
    return experiment


async def fill_headwater(
    url: str, runs: int = RUNS, metrics: tuple[str, ...] = METRICS, name: str = NAME, texts: int = 4
) -> str:
    import asyncpg

    conn = await asyncpg.connect(url, server_settings={"search_path": "tracking"})
    keys = [*metrics, *(f"p{i}" for i in range(texts)), *(f"t{i}" for i in range(texts))]
    await conn.execute("INSERT INTO keys (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING", keys)
    ids = {row["name"]: row["id"] for row in await conn.fetch("SELECT id, name FROM keys")}
    experiment = await conn.fetchval(
        "INSERT INTO experiments (project, name) VALUES ('default', $1) RETURNING id", name
    )
    made = await conn.fetch(
        """INSERT INTO runs (uuid, project, experiment_id, name, state, started_at, finished_at, user_name)
        SELECT gen_random_uuid(), 'default', $1, 'r' || n, 2,
        to_timestamp(1700000000 + n / 1000.0), to_timestamp(1700000001 + n / 1000.0), 'bench'
        FROM generate_series(0, $2::bigint - 1) n RETURNING id""",
        experiment, runs,
    )  # fmt: skip
    first = min(row["id"] for row in made)
    rows = [(first + n, ids[k], metric(n + i), 0, 1) for n in range(runs) for i, k in enumerate(metrics)]
    await conn.copy_records_to_table(
        "latest_metrics", records=rows, columns=["run_id", "key_id", "value", "step", "ts"]
    )
    await conn.copy_records_to_table("points", records=rows, columns=["run_id", "key_id", "value", "step", "ts"])
    for table, letter in (("params", "p"), ("tags", "t")):
        pairs = [(first + n, ids[f"{letter}{i}"], text(n, i)) for n in range(runs) for i in range(texts)]
        await conn.copy_records_to_table(table, records=pairs, columns=["run_id", "key_id", "value"])
    await settled(conn)
    await conn.close()
    return str(experiment)


async def settled(conn: Any) -> None:
    """Waits, 90 s at most, until Postgres has looked at what came all at once: its own maintenance, each 15 s."""
    began = await conn.fetchval("SELECT clock_timestamp()")
    for _ in range(90):
        await asyncio.sleep(1)
        seen = await conn.fetchval(
            """SELECT bool_and(coalesce(last_autoanalyze > $1 AND last_autovacuum > $1, false)) FROM pg_stat_all_tables
            WHERE schemaname = 'tracking' AND relname IN ('runs', 'latest_metrics', 'params', 'tags')""",
            began,
        )
        if seen:
            return


if __name__ == "__main__":
    print(fill_mlflow(sys.argv[1]))
