"""Every identity tries every act on real servers; what it may do is written here once more, by hand.

A right that infra/grants.toml gains or loses without a change here fails a test.
"""

import asyncio

import asyncpg
import nats
import pytest

from headwater_server.embedded.topology import topology
from headwater_server.kit.errors import ServiceError
from headwater_server.kit.objects import ObjectStore
from tests.harness.waiting import eventually

SERVICES = ("scheduler", "executor", "tracking", "artifact", "registry", "gateway")
FACTS = {
    f"{entity} fact": f"hw.evt.v1.default.{entity}.happened.x"
    for entity in ("run", "task", "flow", "experiment", "tracked_run", "model", "artifact")
}
STREAMS = ("HW_EVENTS", "HW_EXT", "HW_TASKS", "HW_METRICS", "HW_LOGS", "HW_DLQ")
OWNERS = {
    "HW_EVENTS/scheduler-triggers": "scheduler",
    "HW_EXT/scheduler-ext": "scheduler",
    "HW_EVENTS/executor-logs": "executor",
    "HW_EVENTS/tracking-runs": "tracking",
    "HW_METRICS/tracking-metrics": "tracking",
    "HW_EXT/tracking-ext": "tracking",
    "HW_EVENTS/artifact-index": "artifact",
    "HW_EVENTS/artifact-lineage": "artifact",
}
WORKER_COMMANDS = {
    *(
        f"scheduler.{verb}"
        for verb in ("open_session", "close_session", "claim_task", "complete_task", "list_task_results")
    ),
    *(f"artifact.{verb}" for verb in ("begin_upload", "commit_upload", "sign_parts", "get_blob", "put_card")),
}
COMMANDS = WORKER_COMMANDS | {f"{service}.anything" for service in SERVICES}


def _publish_acts() -> dict[str, str]:
    acts = dict(FACTS)
    acts |= {"work": "hw.task.v1.default", "work of another pool": "hw.task.v1.gpu"}
    acts |= {
        "signal": "hw.ctl.v1.default.w1",
        "heartbeat": "hw.hb.v1.default.w1",
        "heartbeat elsewhere": "hw.hb.v1.gpu.w1",
    }
    acts |= {"logs": "hw.logs.v1.default.r.t", "metrics": "hw.metrics.v1.default.r"}
    acts |= {"foreign fact": "hw.ext.default.data.arrived", "foreign fact elsewhere": "hw.ext.other.data.arrived"}
    acts |= {f"command {name}": f"hw.cmd.v1.{name}" for name in COMMANDS}
    acts |= {f"dead letter of {name}": f"hw.dlq.{name}.hw.evt" for name in SERVICES}
    acts |= {f"reply to {name}": f"_INBOX_{name}.x" for name in topology().identities}
    acts |= {"reply to anybody": "_INBOX.x", "account info": "$JS.API.INFO", "server info": "$SYS.REQ.SERVER.PING"}
    for stream in STREAMS:
        for verb in ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "LEADER.STEPDOWN"):
            acts[f"stream {verb} {stream}"] = f"$JS.API.STREAM.{verb}.{stream}"
        acts[f"new consumer on {stream}"] = f"$JS.API.CONSUMER.CREATE.{stream}.mine"
        acts[f"unnamed consumer on {stream}"] = f"$JS.API.CONSUMER.CREATE.{stream}"
        acts[f"durable consumer on {stream}"] = f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.mine"
    for key in (*OWNERS, "HW_TASKS/pool-default", "HW_TASKS/pool-gpu"):
        name = key.replace("/", ".")
        acts[f"pull {key}"] = f"$JS.API.CONSUMER.MSG.NEXT.{name}"
        acts[f"ack {key}"] = f"$JS.ACK.{name}.1.1.1.1.1"
        acts[f"rewrite {key}"] = f"$JS.API.CONSUMER.CREATE.{name}"
        acts[f"rewrite {key} with a filter"] = f"$JS.API.CONSUMER.CREATE.{name}.hw.x"
        acts[f"delete {key}"] = f"$JS.API.CONSUMER.DELETE.{name}"
        acts[f"pause {key}"] = f"$JS.API.CONSUMER.PAUSE.{name}"
    return acts


PUBLISH = _publish_acts()
SUBSCRIBE = {
    "everything": ">",
    "facts": "hw.evt.v1.>",
    "facts of default": "hw.evt.v1.default.>",
    "facts of another project": "hw.evt.v1.other.>",
    "foreign facts": "hw.ext.>",
    "work": "hw.task.v1.>",
    "logs": "hw.logs.v1.>",
    "metrics": "hw.metrics.v1.>",
    "signals of default": "hw.ctl.v1.default.>",
    "signals of all pools": "hw.ctl.v1.>",
    "heartbeats": "hw.hb.v1.>",
    "dead letters": "hw.dlq.>",
    "everybody's replies": "_INBOX.>",
    "server events": "$SYS.>",
    "advisories": "$JS.EVENT.ADVISORY.>",
    **{f"commands to {name}": f"hw.cmd.v1.{name}.>" for name in SERVICES},
    **{f"replies to {name}": f"_INBOX_{name}.>" for name in topology().identities},
}


NOBODYS = "subject.of.nobody"


def _facts(*entities: str) -> set[str]:
    return {f"{entity} fact" for entity in entities}


def _own(service: str) -> set[str]:
    consumers = {f"{verb} {key}" for key, owner in OWNERS.items() if owner == service for verb in ("pull", "ack")}
    return consumers | {f"dead letter of {service}"}


def _reads(*streams: str, unnamed: tuple[str, ...] = ()) -> set[str]:
    return {f"new consumer on {s}" for s in streams} | {f"unnamed consumer on {s}" for s in unnamed}


_TASKS = {"pull HW_TASKS/pool-default", "ack HW_TASKS/pool-default"}
MAY_PUBLISH: dict[str, set[str]] = {
    "scheduler": _own("scheduler") | _facts("run", "task", "flow") | {"work", "work of another pool", "signal"},
    "executor": _own("executor")
    | _TASKS
    | {"logs", "metrics", "heartbeat", "heartbeat elsewhere", "stream PURGE HW_LOGS"}
    | {f"command {name}" for name in COMMANDS if name.startswith("scheduler.")}
    | _reads("HW_LOGS", unnamed=("HW_LOGS",)),
    "tracking": _own("tracking") | _facts("experiment", "tracked_run"),
    "artifact": _own("artifact") | _facts("artifact"),
    "registry": _own("registry") | _facts("model"),
    "gateway": _own("gateway")
    | {"foreign fact", "foreign fact elsewhere", "stream MSG.DELETE HW_DLQ"}
    | {f"command {name}" for name in COMMANDS}
    | _reads("HW_EVENTS", "HW_EXT", "HW_DLQ", unnamed=("HW_DLQ",)),
    "worker-default": _TASKS | {"heartbeat", "logs", "metrics"} | {f"command {name}" for name in WORKER_COMMANDS},
    "publisher-default": {"foreign fact"},
}
MAY_SUBSCRIBE: dict[str, set[str]] = {
    "scheduler": {"commands to scheduler", "heartbeats"},
    "executor": {"commands to executor", "signals of default", "signals of all pools"},
    "tracking": {"commands to tracking"},
    "artifact": {"commands to artifact"},
    "registry": {"commands to registry"},
    "gateway": {"facts", "facts of default", "facts of another project", "logs", "foreign facts"},
    "worker-default": {"signals of default"},
    "publisher-default": {"facts of default"},
}


def test_no_identity_is_forgotten():
    assert set(MAY_PUBLISH) == set(MAY_SUBSCRIBE) == set(topology().identities) - {"infra"}


async def _refused(url: str, seed: str) -> tuple[set[str], set[str]]:
    """The subjects that the server refuses, in lower case."""
    said: list[str] = []

    async def on_error(error: Exception) -> None:
        said.append(str(error).lower())

    connection = await nats.connect(url, nkeys_seed=seed, error_cb=on_error, allow_reconnect=False)
    for subject in SUBSCRIBE.values():
        await connection.subscribe(subject)
    await connection.flush()
    for subject in PUBLISH.values():
        await connection.publish(subject, b"{}")
    await connection.publish(NOBODYS, b"")
    await eventually(lambda: said and NOBODYS in said[-1], what="the refusal of the last act")
    await connection.close()
    kinds: dict[str, set[str]] = {"publish": set(), "subscription": set()}
    for text in said:
        assert "permissions violation for" in text, text
        kind = text.split("permissions violation for ")[1].split(" ")[0]
        kinds[kind].add(text.split('"')[1])
    return kinds["publish"], kinds["subscription"]


@pytest.mark.parametrize("identity", MAY_PUBLISH)
async def test_the_bus_allows_what_is_granted_and_nothing_else(bus, identity):
    refused, unheard = await _refused(bus.url, str(bus.seed(identity)))
    assert {act for act, subject in PUBLISH.items() if subject.lower() not in refused} == MAY_PUBLISH[identity]
    heard = {act for act, subject in SUBSCRIBE.items() if subject.lower() not in unheard}
    assert heard == MAY_SUBSCRIBE[identity] | {f"replies to {identity}"}


@pytest.mark.parametrize("options", [{}, {"user": "scheduler", "password": "x"}, {"token": "x"}])
async def test_the_bus_answers_nobody_without_a_key(bus, options):
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        await nats.connect(bus.url, allow_reconnect=False, max_reconnect_attempts=0, error_cb=_ignore, **options)


async def _ignore(error: Exception) -> None:
    return None


FORBIDDEN_SQL = (
    "CREATE TABLE mine (x int)",
    "CREATE SCHEMA mine",
    "CREATE TABLE public.mine (x int)",
    "DROP TABLE outbox",
    "TRUNCATE inbox",
    "ALTER TABLE outbox ADD COLUMN x int",
    "DELETE FROM migrations",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "SET ROLE tracking_owner",
    "SET ROLE postgres",
    "COPY outbox TO '/tmp/stolen'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM pg_authid",
    "CREATE EXTENSION pg_stat_statements",
)


@pytest.mark.parametrize("statement", FORBIDDEN_SQL)
async def test_a_service_has_rows_and_no_other_right(new_database, statement):
    connection = await asyncpg.connect(await new_database("tracking"))
    try:
        await connection.execute("SELECT count(*) FROM outbox")
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("other", [s for s in SERVICES if s != "tracking"])
async def test_a_service_sees_its_own_schema_only(new_database, postgres, other):
    database = (await new_database("tracking")).rpartition("/")[2]
    stranger = await asyncpg.connect(postgres.url(other, database))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await stranger.execute("SELECT * FROM tracking.outbox")
    finally:
        await stranger.close()


@pytest.mark.parametrize("password", ["", "postgres", "tracking"])
async def test_the_database_answers_nobody_without_the_password(postgres, password):
    where = {"host": "127.0.0.1", "port": postgres.port, "database": "postgres"}
    for user in ("postgres", "tracking", "tracking_owner"):
        with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)):
            await asyncpg.connect(**where, user=user, password=password)


@pytest.mark.parametrize(("service", "bucket"), [("artifact", "headwater-logs"), ("executor", "headwater-artifacts")])
async def test_a_key_opens_one_bucket(s3, service, bucket):
    access, secret = s3.keys[service]
    own = s3.settings(service)["s3_bucket"]
    await ObjectStore(s3.endpoint, own, access, secret).put("probe", b"x")
    foreign = ObjectStore(s3.endpoint, bucket, access, secret)
    for act in (foreign.put("probe", b"x"), foreign.get("probe"), foreign.delete("probe")):
        with pytest.raises(ServiceError, match=r"403|AccessDenied"):
            await act


async def test_the_s3_server_answers_nobody_without_a_key(s3):
    admin = ObjectStore(s3.endpoint, "headwater-logs", *s3.keys["admin"])
    await admin.put("probe", b"secret")
    raw = {name: port for name, port in s3.ports.items() if not name.endswith("_grpc") and name != "s3"}
    paths = ("/buckets/headwater-logs/probe", "/dir/assign", "/headwater-logs/probe", "/")
    answers = await asyncio.gather(*(_get(port, path) for port in (*raw.values(), s3.ports["s3"]) for path in paths))
    assert not [answer for answer in answers if b"secret" in answer or b'"fid"' in answer]


async def _get(port: int, path: str) -> bytes:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
    try:
        return await asyncio.wait_for(reader.read(65536), 5)
    except (OSError, TimeoutError):
        return b""
    finally:
        writer.close()
