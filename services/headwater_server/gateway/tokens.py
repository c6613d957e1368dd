"""What a token looks like and what may be asked for. Pure: stores nothing.

hw_pat_<id>_<secret>: the id is public and sorts by creation time, the secret is 192 random bits.
"""

import re
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta

from headwater_server.kit.auth import HUMAN_ROLES, ROLES, Identity, token_hash
from headwater_server.kit.errors import InvalidArgument, PermissionDenied
from headwater_server.kit.hints import did_you_mean, shown

DEFAULT_LIFE = timedelta(days=90)
LONGEST_LIFE = timedelta(days=3660)
MAX_NAME = 100
_ID = re.compile(r"^[0-9a-f]{20}$")
_PROJECT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")


@dataclass(frozen=True)
class NewToken:
    token_id: str
    secret: str

    @property
    def hash(self) -> str:
        return token_hash(self.secret)


def new_token() -> NewToken:
    token_id = new_id()
    return NewToken(token_id, f"hw_pat_{token_id}_{secrets.token_hex(24)}")


def new_id() -> str:
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"


def check_id(text: str) -> str:
    if not _ID.match(text):
        raise InvalidArgument(
            f"token_id: {shown(text)} is not the id of a token",
            field="token_id",
            hint="`headwater token list` has them",
        )
    return text


def check_name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidArgument(
            f"name: {shown(text)} is not a name",
            field="name",
            hint=f"1 to {MAX_NAME} printable characters that say who uses the token",
        )
    return name


def check_project(text: str) -> str:
    if text != "*" and not _PROJECT.match(text):
        hint = 'letters, digits, "_", "-" and "."; "*" is every project'
        raise InvalidArgument(f"project: {shown(text)} is not a project", field="project", hint=hint)
    return text


def check_role(text: str, giver: Identity) -> str:
    """Raises InvalidArgument for no role of people, PermissionDenied for one that may more than its giver."""
    if text not in HUMAN_ROLES:
        raise InvalidArgument(f"role: {shown(text)} is not a role", field="role", hint=did_you_mean(text, HUMAN_ROLES))
    if not ROLES[text] <= ROLES.get(giver.role, frozenset()):
        raise PermissionDenied(f"{giver.role} cannot give the role {text}", field="role", reason="ROLE")
    return text


def check_giver(giver: Identity) -> None:
    """A task's token dies with its attempt; what outlives it cannot be made with it."""
    if giver.actor.kind == "task":
        raise PermissionDenied(
            "a task cannot make or revoke tokens", hint="Use a token of a person or a program.", reason="TASK"
        )


def check_life(asked: timedelta) -> timedelta:
    """How long a token lives; zero is the default."""
    if asked == timedelta(0):
        return DEFAULT_LIFE
    if asked < timedelta(0) or asked > LONGEST_LIFE:
        raise InvalidArgument(
            f"expires_in: {asked.total_seconds():g} s is not a life of a token",
            field="expires_in",
            hint=f'more than 0 s and at most {LONGEST_LIFE.days} days, e.g. "7776000s"',
        )
    return asked
