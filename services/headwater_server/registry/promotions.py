"""When an alias may move, and what a move is. Pure: store.py writes it, facts.py tells of it."""

from dataclasses import dataclass, field

from headwater_server.kit.auth import Actor
from headwater_server.kit.errors import Aborted, InvalidArgument


@dataclass(frozen=True)
class Move:
    """One move of an alias with its evidence. version 0: it is removed; previous 0: it was not set."""

    alias: str
    version: int
    previous: int
    reason: str
    actor: Actor
    metrics: dict[str, float] = field(default_factory=dict)
    request_id: str | None = None


def check_expected(alias: str, now: int, expected: int) -> None:
    """The compare of compare-and-set. Raises Aborted: somebody else was faster, or the caller looked at old news."""
    if now == expected:
        return
    where = f"points at version {now}" if now else "is not set"
    text = f"expected_version: alias {alias!r} {where}, not {f'at version {expected}' if expected else 'unset'}"
    hint = "look at what has changed, then promote with the version that it points at now"
    raise Aborted(text, field="expected_version", hint=hint, reason="ALIAS_MOVED", version=now)


def check_reason(alias: str, reason: str, demanding: frozenset[str]) -> None:
    """demanding: aliases that only move with a reason; "*" is all of them."""
    if reason.strip() or not demanding & {alias, "*"}:
        return
    hint = 'say why, e.g. reason="accuracy 0.97 on the holdout set" or --reason'
    raise InvalidArgument(f"reason: alias {alias!r} moves only with a reason", field="reason", hint=hint)
