"""What a node agent needs to know: flags over environment variables over defaults.

Reads the environment by itself: the settings classes of the services cost more memory than the rest of an idle agent.
"""

import argparse
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from headwater_server.executor.node import devices

_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@dataclass(frozen=True)
class Settings:
    pool: str
    slots: int
    name: str
    nats_url: str
    nats_seed: Path | None
    nats_inbox: str
    home: Path
    cache: Path
    cache_bytes: int
    environments_bytes: int
    url: str
    log_level: str = "info"
    log_format: str = "json"
    labels: dict[str, str] = field(default_factory=dict)
    # Where tasks on other workers reach the tasks of this one.
    address: str = "127.0.0.1"
    gpus: tuple[str, ...] = ()
    # Members of one gang that it takes at a time; never less than its slots.
    gang_slots: int = 0
    enforce_limits: bool = False
    # Holds the id of its session. Who starts a worker with the file of another one has seen that one end.
    session_file: Path | None = None

    @property
    def identity(self) -> str:
        return f"worker-{self.pool}"


def parse(argv: list[str], environ: Mapping[str, str] | None = None) -> Settings:
    """Exits with status 2 and a message on bad input, as argparse does."""
    env = os.environ if environ is None else environ
    parser = _parser(env)
    given = parser.parse_args(argv)
    home = Path(env.get("HEADWATER_HOME") or "~/.headwater").expanduser().absolute()
    if not given.pool or len(given.pool) > 64 or not set(given.pool) <= _TOKEN:
        parser.error(f"--pool {given.pool!r}: use letters, digits, - and _, at most 64")
    seed = env.get("HEADWATER_NATS_SEED", "")
    if seed and not Path(seed).is_file():
        parser.error(f"HEADWATER_NATS_SEED={seed}: there is no such file")
    level = env.get("HEADWATER_LOG_LEVEL", "info")
    if level not in ("debug", "info", "warning", "error"):
        parser.error(f"HEADWATER_LOG_LEVEL={level}: use debug, info, warning or error")
    form = env.get("HEADWATER_LOG_FORMAT", "json")
    if form not in ("json", "console"):
        parser.error(f"HEADWATER_LOG_FORMAT={form}: use json or console")
    return Settings(
        pool=given.pool,
        slots=given.slots,
        name=given.name or f"{socket.gethostname()}/{os.getpid()}",
        nats_url=env.get("HEADWATER_NATS_URL", "nats://127.0.0.1:4222"),
        nats_seed=Path(seed) if seed else None,
        nats_inbox=env.get("HEADWATER_NATS_INBOX", ""),
        home=home,
        cache=Path(given.cache_dir).expanduser().absolute() if given.cache_dir else home / "cache",
        cache_bytes=given.cache_mb << 20,
        environments_bytes=given.environments_mb << 20,
        url=env.get("HEADWATER_URL", ""),
        session_file=Path(env["HEADWATER_SESSION_FILE"]) if env.get("HEADWATER_SESSION_FILE") else None,
        log_level=level,
        log_format=form,
        labels=dict(given.label),
        address=given.address or _own_address(env.get("HEADWATER_NATS_URL", "")),
        gpus=devices.found(env) if given.gpus is None else given.gpus,
        gang_slots=max(given.slots, given.gang_slots),
        enforce_limits=given.enforce_limits,
    )


def _own_address(nats_url: str) -> str:
    """The address of this machine on the way to the bus; nothing is sent."""
    host = (urlsplit(nats_url.split(",", 1)[0]).hostname or "127.0.0.1") if nats_url else "127.0.0.1"
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, 4222, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            return probe.getsockname()[0]
    except OSError:
        return "127.0.0.1"


def _parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m headwater_server worker",
        description="A node agent: pulls the tasks of one pool and runs each in a process of its own.",
        epilog="environment: HEADWATER_NATS_URL, HEADWATER_NATS_SEED (file with the nkey seed of worker-<pool>), "
        "HEADWATER_NATS_INBOX, HEADWATER_URL (the gateway, for tasks), HEADWATER_HOME (default ~/.headwater), "
        "HEADWATER_CACHE_MB, HEADWATER_ENVIRONMENTS_MB, HEADWATER_SESSION_FILE (for who starts it again when it has "
        "died: what it held is then handed out at once), "
        "HEADWATER_LOG_LEVEL, HEADWATER_LOG_FORMAT (json or console), OTEL_EXPORTER_OTLP_ENDPOINT. "
        "SIGTERM stops it at once: what was running is given to another worker.",
    )
    number = os.cpu_count() or 1
    parser.add_argument("--pool", default="default", help="the pool whose tasks it runs (default: default)")
    parser.add_argument(
        "--slots",
        type=_number(1, 1024),
        default=number,
        metavar="N",
        help=f"tasks at a time (default: {number})",
    )
    parser.add_argument(
        "--gpus",
        type=_gpus,
        default=None,
        metavar="N|LIST",
        help="the GPUs that it gives to tasks, each to one at a time: how many (2), or which (0,3 or GPU-8f3a…); "
        "0 for none (default: those of CUDA_VISIBLE_DEVICES, else all that the NVIDIA driver lists)",
    )
    parser.add_argument(
        "--gang-slots",
        type=_number(1, 1024),
        default=0,
        metavar="N",
        help="members of one gang (num_parallel=) that it takes at a time when nothing else runs (default: its slots)",
    )
    parser.add_argument(
        "--enforce-limits",
        action="store_true",
        help="hold every step to the memory and cpu of its @resources, not only steps that say enforce=True",
    )
    parser.add_argument("--name", default="", help="its name for people (default: host name and process id)")
    parser.add_argument(
        "--address", default="", help="where tasks on other workers reach its tasks (default: found out)"
    )
    parser.add_argument("--label", type=_label, action="append", default=[], metavar="KEY=VALUE", help="a label")
    parser.add_argument("--cache-dir", default="", metavar="DIR", help="data and code (default: $HEADWATER_HOME/cache)")
    parser.add_argument(
        "--cache-mb",
        type=_number(16, 1 << 30),
        default=env.get("HEADWATER_CACHE_MB", "10240"),
        metavar="MB",
        help="most data to keep on disk; the least recently used goes first (default: 10240)",
    )
    parser.add_argument(
        "--environments-mb",
        type=_number(16, 1 << 30),
        default=env.get("HEADWATER_ENVIRONMENTS_MB", "20480"),
        metavar="MB",
        help="most disk for environments of steps; the least recently used goes first (default: 20480)",
    )
    return parser


def _number(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not within {least} … {most}")
        return value

    return convert


def _gpus(text: str) -> tuple[str, ...]:
    try:
        return devices.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _label(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value
