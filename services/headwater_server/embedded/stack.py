"""What the embedded stack consists of: the children, their environments, and when they are ready."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from headwater_server.embedded import nats, postgres, seaweedfs
from headwater_server.embedded.processes import Child, Errand, await_ready
from headwater_server.embedded.secrets_file import Secrets, write_private
from headwater_server.embedded.topology import topology

SERVICES = ("scheduler", "executor", "tracking", "artifact", "registry", "gateway")

# A gang runs on a laptop however few cores it has.
GANG_SLOTS = 64


@dataclass(frozen=True)
class Options:
    home: Path
    split: bool = False
    workers: int = 1
    slots: int = 2
    port: int = 0
    grpc_port: int = 0
    # As the worker's --gpus; "": what it finds.
    gpus: str = ""

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def creds(self) -> Path:
        return self.home / "creds"

    @property
    def cache(self) -> Path:
        """What workers keep of code and data."""
        return self.home / "cache"


def make_folders(options: Options) -> None:
    private = (options.creds, options.logs, options.cache)
    for folder in (options.home, options.state, *private):
        folder.mkdir(parents=True, exist_ok=True)
    # Not the state: the user that runs Postgres must get through it.
    for folder in private:
        folder.chmod(0o700)


def servers(options: Options, made: Secrets) -> list[Child]:
    """NATS, S3 and Postgres, in the order in which to start them: initdb blocks, so it comes last."""
    return [
        nats.child(options.state, options.logs, made.ports, made.nkeys),
        seaweedfs.child(options.state, options.logs, made),
    ]


def database(options: Options, made: Secrets) -> Child:
    return postgres.child(options.state, options.logs, made.ports["postgres"], made.postgres["postgres"])


def _inherited() -> dict[str, str]:
    """The caller's environment without what would steer our own processes, or make them compile at every start."""
    return {k: v for k, v in os.environ.items() if not k.startswith("HEADWATER_") and k != "PYTHONDONTWRITEBYTECODE"}


def apply_env(made: Secrets, options: Options) -> dict[str, str]:
    admin = made.s3["admin"]
    return _inherited() | {
        "HEADWATER_NATS_URL": f"nats://127.0.0.1:{made.ports['nats']}",
        "HEADWATER_NATS_SEED": str(options.creds / "infra.nk"),
        "HEADWATER_DATABASE_URL": f"postgresql://postgres:{made.postgres['postgres']}@127.0.0.1:{made.ports['postgres']}/headwater",
        "HEADWATER_S3_ENDPOINT": f"http://127.0.0.1:{made.ports['s3']}",
        "HEADWATER_S3_ACCESS_KEY": admin[0],
        "HEADWATER_S3_SECRET_KEY": admin[1],
        **{f"POSTGRES_{i.schema.upper()}_PASSWORD": made.postgres[i.schema] for i in topology().services()},
    }


def service_env(made: Secrets, options: Options, names: tuple[str, ...], grpc: dict[str, int]) -> dict[str, str]:
    """The environment of a process that holds these services; grpc: service → port of its process."""
    env = _inherited() | {
        "HEADWATER_NATS_URL": f"nats://127.0.0.1:{made.ports['nats']}",
        "HEADWATER_INTERNAL_KEY": made.internal_key,
        "HEADWATER_GRPC_ADDRESS": f"127.0.0.1:{grpc[names[0]]}",
        "HEADWATER_HTTP_ADDRESS": f"127.0.0.1:{made.ports['http']}",
    }
    for service in SERVICES:
        env[f"HEADWATER_{service.upper()}_ADDRESS"] = f"127.0.0.1:{grpc[service]}"
    for name in names:
        prefix = f"HEADWATER_{name.upper()}_"
        env[prefix + "DATABASE_URL"] = (
            f"postgresql://{name}:{made.postgres[name]}@127.0.0.1:{made.ports['postgres']}/headwater"
        )
        env[prefix + "NATS_SEED"] = str(options.creds / f"{name}.nk")
        if bucket := topology().identities[name].bucket:
            env[prefix + "S3_ENDPOINT"] = f"http://127.0.0.1:{made.ports['s3']}"
            env[prefix + "S3_BUCKET"] = bucket
            env[prefix + "S3_ACCESS_KEY"], env[prefix + "S3_SECRET_KEY"] = made.s3[name]
    if "gateway" in names:
        env["HEADWATER_GATEWAY_BOOTSTRAP_TOKEN"] = made.token
    return env


def worker_env(made: Secrets, options: Options, label: str) -> dict[str, str]:
    """A worker gets the right to work for its pool, and nothing of the services' secrets."""
    return _inherited() | {
        "HEADWATER_HOME": str(options.home),
        "HEADWATER_URL": f"http://127.0.0.1:{made.ports['http']}",
        "HEADWATER_NATS_URL": f"nats://127.0.0.1:{made.ports['nats']}",
        "HEADWATER_NATS_SEED": str(options.creds / "worker-default.nk"),
        "HEADWATER_NATS_INBOX": "_INBOX_worker-default",
        # The supervisor has waited for a worker that it starts again.
        "HEADWATER_SESSION_FILE": str(options.state / f"{label}.session"),
    }


def services(options: Options, made: Secrets) -> list[Child]:
    """One process with all services, or one each; and the workers."""
    groups: dict[str, tuple[str, ...]] = {name: (name,) for name in SERVICES} if options.split else {"all": SERVICES}
    grpc = {service: made.ports[f"grpc_{service}" if options.split else "grpc"] for service in SERVICES}
    children = [
        Child(
            label,
            [sys.executable, "-m", "headwater_server", label],
            options.logs / f"{label}.log",
            ready=lambda _: True,
            env=service_env(made, options, names, grpc),
        )
        for label, names in groups.items()
    ]
    for number in range(options.workers):
        label = "worker" if options.workers == 1 else f"worker-{number + 1}"
        command = [
            sys.executable,
            "-m",
            "headwater_server",
            "worker",
            "--pool",
            "default",
            "--slots",
            str(options.slots),
            "--gang-slots",
            str(GANG_SLOTS),
            *(["--gpus", options.gpus] if options.gpus else []),
        ]
        children.append(
            Child(
                label,
                command,
                options.logs / f"{label}.log",
                ready=lambda _: True,
                env=worker_env(made, options, label),
            )
        )
    return children


def provision(options: Options, made: Secrets) -> Errand:
    """Makes streams, roles, schemas and buckets; waits by itself for the servers that it needs."""
    command = [sys.executable, "-m", "headwater_server", "admin", "apply"]
    return Errand("provisioning", command, options.logs / "apply.log", env=apply_env(made, options))


def sync_uploads(options: Options, made: Secrets) -> Errand:
    """Tells the S3 server to fsync what is written to our buckets; it remembers. Needs a running one."""
    p = made.ports
    script = "".join(
        f"fs.configure -locationPrefix=/buckets/{b} -fsync=true -apply\n" for b in topology().buckets().values()
    )
    command = [
        str(nats.binary("weed")), "shell", f"-master=127.0.0.1:{p['master']}.{p['master_grpc']}",
        f"-filer=127.0.0.1:{p['filer']}.{p['filer_grpc']}",
    ]  # fmt: skip
    log = options.logs / "s3-setup.log"
    return Errand("configuring the S3 server", command, log, cwd=options.state / "s3", stdin=script)


def get(port: int, path: str, token: str = "") -> tuple[int, bytes]:
    """Status and body of a GET to our gateway; status 0: nobody answers."""
    import http.client  # not before the servers are on their way

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def await_platform(options: Options, made: Secrets, children: list[Child], patience: float) -> None:
    """Returns when the gateway is ready and every worker has opened its session."""

    def ready(_: Child) -> bool:
        if get(made.ports["http"], "/readyz")[0] != 200:
            return False
        status, body = get(made.ports["http"], "/api/v1/workers", made.token)
        return status == 200 and len(json.loads(body).get("workers", [])) >= options.workers

    for child in children:
        child.ready = lambda _: True
    children[0].ready = ready
    await_ready(children, patience)


def write_state(options: Options, made: Secrets, version: str, started_at: str, children: list[Child]) -> None:
    """stack.json and the token: what clients of this home look for."""
    write_private(options.home / "token", made.token + "\n")
    state = {
        "pid": os.getpid(),
        "url": f"http://127.0.0.1:{made.ports['http']}",
        "grpc": f"127.0.0.1:{made.ports['grpc']}",
        "nats_url": f"nats://127.0.0.1:{made.ports['nats']}",
        "s3_endpoint": f"http://127.0.0.1:{made.ports['s3']}",
        "postgres_port": made.ports["postgres"],
        "started_at": started_at,
        "version": version,
        "split": options.split,
        "slots": options.slots,
        "processes": {child.name: child.pid for child in children},
        "restarts": {child.name: child.starts - 1 for child in children if child.starts > 1},
    }
    write_private(options.home / "stack.json", json.dumps(state, indent=1) + "\n")
