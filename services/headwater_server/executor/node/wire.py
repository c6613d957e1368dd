"""What the agent reads and writes on the bus: the protobuf JSON of the contracts, as plain structs.

The generated stubs would bring protobuf into every agent. Only the fields an agent needs; the child gets the original.
"""

import base64
import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from headwater_server.kit.ids import subject_token

_encode = msgspec.json.encode


class TaskKey(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    run_id: str
    step: str
    path: str = ""
    index: int = 0


class Held(msgspec.Struct, frozen=True, rename="camel"):
    """An attempt of a task: what heartbeats and cancels speak of."""

    key: TaskKey
    attempt: int = 0


class Code(msgspec.Struct, frozen=True, rename="camel"):
    package: str
    entrypoint: str = ""
    flow_class: str = ""
    python: str = ""


class Environment(msgspec.Struct, frozen=True):
    lock: str
    python: str = ""


class Resources(msgspec.Struct, frozen=True, rename="camel"):
    """memory_mb is text in protobuf's JSON."""

    cpu: float = 0.0
    gpu: float = 0.0
    memory_mb: str | int = 0
    enforce: bool = False


class Step(msgspec.Struct, frozen=True, rename="camel"):
    timeout: str = ""
    environment: Environment | None = None
    # "" or "fork", "none", "process".
    isolation: str = ""
    resources: Resources | None = None
    # MiB kept of stdout and of stderr; None: what logs.py says.
    max_log_mb: int | None = None

    @property
    def gpus(self) -> int:
        return math.ceil(self.resources.gpu) if self.resources is not None else 0


class Frame(msgspec.Struct, frozen=True):
    index: int = 0
    gang: bool = False


class Assignment(msgspec.Struct, rename="camel"):
    """One attempt of one task. `raw` is the message it was read from."""

    key: TaskKey
    code: Code
    attempt: int = 0
    project: str = "default"
    flow: str = ""
    step: Step = Step()
    frames: list[Frame] = []
    dispatched_at: datetime | None = None
    traceparent: str = ""
    raw: bytes = b""
    # Of a member of a gang: where the first one runs.
    main_address: str = ""

    @property
    def held(self) -> Held:
        return Held(self.key, self.attempt)

    @property
    def task_id(self) -> str:
        return (".".join(str(frame.index) for frame in self.frames) or "0") + "".join(self.key.path.partition("~")[1:])

    @property
    def in_gang(self) -> bool:
        return bool(self.frames) and self.frames[-1].gang

    @property
    def timeout(self) -> float:
        """Seconds; 0: none."""
        return float(self.step.timeout.removesuffix("s") or 0)

    @property
    def logs_subject(self) -> str:
        task = subject_token(f"{self.key.step}-{self.task_id}")
        return f"hw.logs.v1.{subject_token(self.project)}.{subject_token(self.key.run_id)}.{task}"

    @property
    def metrics_subject(self) -> str:
        return f"hw.metrics.v1.{subject_token(self.project)}.{subject_token(self.key.run_id)}"

    @property
    def name(self) -> str:
        """For log lines and ids: unique for an attempt."""
        key = self.key
        return f"{key.run_id}/{key.step}/{key.path}/{key.index}/{self.attempt}"


class CompleteReply(msgspec.Struct, rename="camel"):
    disposition: str = ""
    next: msgspec.Raw = msgspec.Raw()
    more: list[msgspec.Raw] = []
    others_wait: bool = False


class CompleteReplies(msgspec.Struct):
    answers: list[msgspec.Raw] = []


class ClaimReply(msgspec.Struct, rename="camel"):
    granted: bool = False
    main_address: str = ""


class OpenReply(msgspec.Struct, rename="camel"):
    session_id: str
    heartbeat_interval: float = 5.0


class Control(msgspec.Struct):
    cancel: list[Held] = []
    reopen: bool = False
    run: list[msgspec.Raw] = []


class Plan(msgspec.Struct, frozen=True, rename="camel"):
    """An upload in parts; part_size is text in protobuf's JSON."""

    upload_id: str
    part_size: str
    parts: int
    present: list[int] = []


class Place(msgspec.Struct, frozen=True):
    """Where a part goes, and what must be said with it."""

    url: str
    headers: dict[str, str] = {}


class BeginReply(msgspec.Struct):
    exists: bool = False
    url: str = ""
    headers: dict[str, str] = {}
    parted: Plan | None = None


class SignReply(msgspec.Struct):
    parts: list[Place]


class BlobReply(msgspec.Struct, frozen=True):
    """size is text in protobuf's JSON."""

    size: str = "0"


class CommitReply(msgspec.Struct):
    blob: BlobReply | None = None


class GetBlobReply(msgspec.Struct):
    url: str
    blob: BlobReply = BlobReply()


_assignment = msgspec.json.Decoder(Assignment)


def read_assignment(data: bytes) -> Assignment:
    """Raises msgspec.MsgspecError (a ValueError) that names what is wrong."""
    found = _assignment.decode(data)
    found.raw = data
    if found.step.timeout and not _is_duration(found.step.timeout):
        raise msgspec.ValidationError(f'step.timeout {found.step.timeout!r} is not a duration like "90s"')
    return found


def _is_duration(text: str) -> bool:
    try:
        return text.endswith("s") and float(text[:-1]) >= 0
    except ValueError:
        return False


def complete_request(
    task: Assignment,
    session: str,
    outcome: dict[str, Any],
    started_at: float,
    *,
    want_next: bool,
    want_more: int,
    traceparent: str,
) -> bytes:
    """outcome: {"success": …} or {"failure": …}."""
    body = {
        "key": task.key,
        "attempt": task.attempt,
        "sessionId": session,
        "startedAt": rfc3339(started_at),
        "wantNext": want_next,
        "wantMore": want_more,
        "traceparent": traceparent,
        **outcome,
    }
    return _encode(body)


def success(manifest: str, next: list[str], foreach_width: int) -> dict[str, Any]:
    result = base64.b64encode(manifest.encode()).decode()
    return {"success": {"result": result, "next": next, "foreachWidth": foreach_width}}


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def age(moment: datetime) -> float:
    """Seconds since then."""
    return (datetime.now(UTC) - moment).total_seconds()
