"""The passwords, keys and ports of one embedded stack: made once, kept in <home>/state/secrets.json (mode 0600)."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headwater_server.embedded.processes import claim, free_port, is_free
from headwater_server.embedded.topology import topology

PORTS = (
    "nats",
    "postgres",
    "grpc",
    "http",
    "s3",
    "s3_grpc",
    "master",
    "master_grpc",
    "volume",
    "volume_grpc",
    "filer",
    "filer_grpc",
    "admin",
    "admin_grpc",
)


@dataclass
class Secrets:
    internal_key: str
    token: str
    postgres: dict[str, str]
    nkeys: dict[str, str]
    s3: dict[str, list[str]]
    jwt: str
    ports: dict[str, int] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self), indent=1))


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    temporary.replace(path)


def load_or_make(path: Path, creds: Path) -> Secrets:
    """The secrets of this home; new ones, with seed files of the bus identities in `creds`, at the first start."""
    if path.exists():
        found = Secrets(**json.loads(path.read_text()))
        missing = [i for i in topology().identities if i not in found.nkeys]
        if not missing and found.s3.keys() >= {"admin", *topology().buckets()}:
            return found
        found.nkeys |= _make_nkeys(creds, missing)
        _complete(found)
        return found
    made = Secrets(
        internal_key=secrets.token_urlsafe(32),
        token=f"hw_pat_{secrets.token_hex(6)}_{secrets.token_urlsafe(24)}",
        postgres={"postgres": secrets.token_hex(16)},
        nkeys=_make_nkeys(creds, list(topology().identities)),
        s3={},
        jwt=secrets.token_hex(16),
    )
    _complete(made)
    return made


def _complete(made: Secrets) -> None:
    for identity in topology().services():
        made.postgres.setdefault(identity.schema, secrets.token_hex(16))
    for name in ("admin", *topology().buckets()):
        made.s3.setdefault(name, [secrets.token_hex(10), secrets.token_hex(20)])


def _make_nkeys(creds: Path, names: list[str]) -> dict[str, str]:
    import nkeys

    public: dict[str, str] = {}
    for name in names:
        seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
        write_private(creds / f"{name}.nk", seed.decode())
        public[name] = nkeys.from_seed(bytearray(seed)).public_key.decode()  # type: ignore[union-attr]
    return public


def choose_ports(made: Secrets, wanted: dict[str, int], names: tuple[str, ...] = PORTS) -> None:
    """Keeps last time's ports where they are still free, and takes wanted ones as they are."""
    taken = set(wanted.values())
    for name in names:
        port = wanted.get(name) or made.ports.get(name, 0)
        while not port or (name not in wanted and (port in taken or not is_free(port) or not claim(port))):
            port = free_port()
        taken.add(port)
        made.ports[name] = port
