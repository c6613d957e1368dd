"""Who may do what: roles as sets of actions, and the three kinds of tokens.

hw_pat_…   of people and their programs: opaque, stored hashed by the gateway
hw_task_…  of one attempt of one task: signed, carries its claims, dies with the attempt
hw_svc_…   of a service towards other services: signed
Pure: looks nothing up. See identity.py for that.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

import msgspec

from headwater_server.kit.errors import NotFound, PermissionDenied, Unauthenticated

_VIEWER = {
    "runs:read",
    "flows:read",
    "experiments:read",
    "artifacts:read",
    "models:read",
    "workers:read",
    "events:read",
}
_RUNNER = _VIEWER | {"runs:write", "experiments:log", "artifacts:write", "events:write"}
_EDITOR = _RUNNER | {"runs:delete", "flows:write", "experiments:write", "models:write", "datasets:delete"}
_PROMOTER = _EDITOR | {"models:promote"}
_ADMIN = _PROMOTER | {"tokens:write", "events:repair", "artifacts:repair", "projects:write"}

ROLES: dict[str, frozenset[str]] = {
    "viewer": frozenset(_VIEWER),
    "runner": frozenset(_RUNNER),
    "editor": frozenset(_EDITOR),
    "promoter": frozenset(_PROMOTER),
    "admin": frozenset(_ADMIN),
    # Not for people: workers of a pool, and the services among themselves.
    "worker": frozenset({"tasks:execute", "artifacts:read", "artifacts:write"}),
    "service": frozenset(_ADMIN | {"internal:call", "tasks:execute"}),
}
HUMAN_ROLES = ("viewer", "runner", "editor", "promoter", "admin")
ACTIONS = frozenset().union(*ROLES.values())


@dataclass(frozen=True)
class Actor:
    """Who acts: kind is "user", "service", "worker" or "task"; run_id and task (step/task_id) only for a task."""

    kind: str
    name: str
    run_id: str = ""
    task: str = ""


@dataclass(frozen=True)
class Identity:
    """An authenticated caller: project "*" is every project."""

    actor: Actor
    role: str
    project: str = "*"

    def allows(self, action: str) -> bool:
        return action in ROLES.get(self.role, frozenset())

    def check(self, action: str) -> None:
        """Raises PermissionDenied naming the roles that would do."""
        if not self.allows(action):
            able = [r for r in HUMAN_ROLES if action in ROLES[r]]
            raise PermissionDenied(
                f"{self.actor.name} ({self.role}) may not {action}",
                hint=f"Needs the role {' or '.join(able)}." if able else "Only services may.",
                reason="ROLE",
            )

    def check_project(self, project: str) -> None:
        """Raises NotFound: another project's things do not exist for this caller."""
        if self.project not in ("*", project):
            raise NotFound(f"project {project!r} does not exist or is not yours", field="project", reason="PROJECT")


@dataclass(frozen=True)
class TaskClaims:
    """What a task's token says."""

    project: str
    role: str
    actor: Actor
    run_id: str
    step: str
    path: str
    index: int
    attempt: int

    def identity(self) -> Identity:
        before, _, loops = self.path.partition("~")
        task_id = ".".join((*([before] if before else ()), str(self.index))) + (f"~{loops}" if loops else "")
        return Identity(Actor("task", self.actor.name, self.run_id, f"{self.step}/{task_id}"), self.role, self.project)


class _Packed(msgspec.Struct, array_like=True):
    project: str
    role: str
    kind: str
    name: str
    run_id: str
    step: str
    path: str
    index: int
    attempt: int


def _sign(key: str, purpose: bytes, payload: bytes) -> str:
    if not key:
        raise Unauthenticated("this server has no HEADWATER_INTERNAL_KEY", hint="Set it, the same for all services.")
    return hmac.new(key.encode(), purpose + b"\0" + payload, hashlib.sha256).hexdigest()[:43]


def mint_task_token(
    key: str, *, project: str, role: str, actor: Actor, run_id: str, step: str, path: str, index: int, attempt: int
) -> str:
    """The bearer token of one attempt; it may do what the role of the run's starter may, in the run's project."""
    packed = _Packed(project, role, actor.kind, actor.name, run_id, step, path, index, attempt)
    payload = base64.urlsafe_b64encode(msgspec.json.encode(packed)).rstrip(b"=")
    return f"hw_task_{payload.decode()}.{_sign(key, b'task', payload)}"


def verify_task_token(key: str, token: str) -> TaskClaims:
    """The claims of a task's token. Raises Unauthenticated; whether the attempt lives is the scheduler's to say."""
    payload, _, signature = token.removeprefix("hw_task_").partition(".")
    if not hmac.compare_digest(signature, _sign(key, b"task", payload.encode())):
        raise Unauthenticated("the task token is not genuine")
    p = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Packed)
    return TaskClaims(p.project, p.role, Actor(p.kind, p.name), p.run_id, p.step, p.path, p.index, p.attempt)


def service_token(key: str, service: str) -> str:
    return f"hw_svc_{service}_{_sign(key, b'service', service.encode())}"


def verify_service_token(key: str, token: str) -> str:
    """The name of the service. Raises Unauthenticated."""
    service, _, signature = token.removeprefix("hw_svc_").rpartition("_")
    if not service or not hmac.compare_digest(signature, _sign(key, b"service", service.encode())):
        raise Unauthenticated(
            "the service token is not genuine", hint="All services need the same HEADWATER_INTERNAL_KEY."
        )
    return service


def token_hash(token: str) -> str:
    """How a token is stored and looked up: sha256 hex."""
    return hashlib.sha256(token.encode()).hexdigest()


class _OnBehalf(msgspec.Struct, array_like=True):
    kind: str
    name: str
    run_id: str
    role: str
    project: str
    task: str = ""


def encode_identity(identity: Identity) -> str:
    """An identity as a header value, for one service that acts on behalf of a caller."""
    a = identity.actor
    return base64.urlsafe_b64encode(
        msgspec.json.encode(_OnBehalf(a.kind, a.name, a.run_id, identity.role, identity.project, a.task))
    ).decode()


def decode_identity(text: str) -> Identity:
    o = msgspec.json.decode(base64.urlsafe_b64decode(text), type=_OnBehalf)
    return Identity(Actor(o.kind, o.name, o.run_id, o.task), o.role, o.project)


WORKER = Identity(Actor("worker", "worker"), "worker")


@dataclass
class Expiring:
    """A small cache whose entries live `ttl` seconds by the given clock (seconds)."""

    ttl: float
    limit: int = 10_000
    _entries: dict[object, tuple[float, object]] = field(default_factory=dict)

    def get(self, key: object, at: float) -> object | None:
        entry = self._entries.get(key)
        return entry[1] if entry and entry[0] > at else None

    def put(self, key: object, value: object, at: float, ttl: float | None = None) -> None:
        if len(self._entries) >= self.limit:
            self._entries.clear()
        self._entries[key] = (at + (self.ttl if ttl is None else min(ttl, self.ttl)), value)

    def forget(self, key: object) -> None:
        self._entries.pop(key, None)
