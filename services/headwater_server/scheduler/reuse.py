"""May the result of an earlier run stand in for a task of this one, and how does it read then? Pure.

Three ways: a resumed run takes over what succeeded in its origin, if all that it depends on was taken over; with
changed parameters, what has read none of them and the same inputs; a cached run, what any run has made of the same
code, parameters, inputs and environment. What a task has read is in its manifest (docs/formats.md); without that, none.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from headwater_server.scheduler.graph import Plan, Step

Mode = Literal["resume", "changed", "cached"]
# Inputs of a wider join are not compared; the SDK has the same number.
WIDEST_JOIN = 256
# A manifest may not grow beyond what a worker could have sent.
MOST_BYTES = 32 * 1024

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Reuse:
    """How a run takes over results. again: steps that run in any case; changed: parameters of another value than in
    the origin."""

    mode: Mode
    again: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        return {"mode": self.mode, "again": sorted(self.again), "changed": sorted(self.changed)}


def reuse_of(body: dict[str, Any] | None) -> Reuse | None:
    if body is None:
        return None
    return Reuse(body["mode"], frozenset(body.get("again", ())), frozenset(body.get("changed", ())))


def resuming(plan: Plan, resume_step: str, now: dict[str, Any], before: dict[str, Any], named: Sequence[str]) -> Reuse:
    """named: parameters that count as changed whatever their value. One that the origin did not have cannot have been
    read there."""
    changed = {name for name in before if name in named or not _same(now.get(name), before[name])}
    again = plan.after(resume_step) if resume_step else set()
    return Reuse("changed" if changed else "resume", frozenset(again), frozenset(changed))


def looked_up(reuse: Reuse | None, step: Step) -> bool:
    """Could any earlier result do for a task of this step? The last step of a resumed run always runs, so that it has a
    result of its own; a gang comes from its origin as a whole or not at all."""
    if reuse is None or step.name in reuse.again:
        return False
    if reuse.mode == "cached":
        return bool(step.json.get("code")) and not step.json.get("noCache") and not step.member
    return step.transition != "END" and (reuse.mode == "resume" or not step.member)


def follows(reuse: Reuse | None, taken: bool) -> bool:
    """May what follows a task be taken over? After one that ran, a resumed run has nothing that fits."""
    return reuse is not None and (taken or reuse.mode != "resume")


def comparable(mode: Mode, now: Plan, before: Plan, step: str) -> bool:
    """Do tasks of a step mean the same in both plans?"""
    mine, theirs = now.steps[step], before.steps.get(step)
    if theirs is None or (mine.transition, mine.depth, mine.gang) != (theirs.transition, theirs.depth, theirs.gang):
        return False
    if mode != "cached":
        return True
    same_code = mine.json.get("code") == theirs.json.get("code") and mine.next == theirs.next
    return same_code and _lock(mine) == _lock(theirs)


def usable(step: Step, width: int, chosen: str) -> bool:
    """Can the run go on from such an end of a task?"""
    if step.transition == "SWITCH":
        return chosen in step.next
    return step.transition != "FOREACH" or width >= 1


@dataclass(frozen=True)
class Given:
    """What a task would get now. inputs: manifests of its predecessors, in order (none: the first step); None: they
    cannot be compared. items: identities of the items of its innermost foreach, where they are known."""

    inputs: list[Manifest] | None
    items: list[str] = field(default_factory=list)
    index: int = 0


def taken_over(
    step: Step,
    around: Sequence[Step],
    earlier: bytes,
    given: Given,
    same: Callable[[str], bool],
    environment: str | None,
) -> bytes | None:
    """The manifest that the task leaves if the earlier result stands in for it; None: it has to run.

    around: the open foreach steps; same(name): has a parameter the same value; environment: that of the client of a
    cached run, None where it does not matter.
    """
    before = parsed(earlier)
    reads = before.get("reads") if before is not None else None
    if before is None or not isinstance(reads, dict) or given.inputs is None:
        return None
    if environment is not None and not _same_surroundings(step, reads, environment):
        return None
    if "*" in reads.get("parameters", ()) and not same("*"):
        return None
    if not all(same(name) for name in reads.get("parameters", ()) if name != "*"):
        return None
    if step.joins:
        return earlier if reads.get("all") == state(given.inputs) else None
    inherited = given.inputs[0] if given.inputs else {}
    if not _same_item(reads.get("item"), around, inherited, given) or not _same_artifacts(reads, inherited):
        return None
    return _rebased(step, around, before, inherited)


def parsed(result: bytes) -> Manifest | None:
    """None: no manifest, or one that lies elsewhere."""
    try:
        body = msgspec.json.decode(result) if result else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return body if isinstance(body, dict) and "manifest" not in body else None


def identity(entry: dict[str, Any]) -> str:
    """As runtime/reads.py of the SDK says it."""
    text = f"{entry.get('encoding', '')} {entry.get('digest', '')} {entry.get('name', '')}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def state(manifests: Sequence[Manifest]) -> str:
    """As runtime/reads.py of the SDK says it."""
    digest = hashlib.sha256()
    for each in manifests:
        artifacts = sorted([name, identity(entry)] for name, entry in each.get("artifacts", {}).items())
        lists = sorted([step, identity(entry)] for step, entry in each.get("foreach", {}).items())
        digest.update(json.dumps([artifacts, lists], separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()[:32]


def same_parameters(reuse: Reuse, mine: dict[str, Any], theirs: dict[str, Any]) -> Callable[[str], bool]:
    """The test whether a parameter has the same value in both runs; "*": whether all have."""
    if reuse.mode != "cached":
        return lambda name: name not in reuse.changed and not (name == "*" and reuse.changed)

    def same(name: str) -> bool:
        if name == "*":
            return _same(mine, theirs)
        return _same(mine.get(name), theirs.get(name))

    return same


def _same(one: Any, other: Any) -> bool:
    """1, 1.0 and true are equal to Python, and not to a flow."""
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")


def _lock(step: Step) -> str:
    return step.json.get("environment", {}).get("lock", "")


def _same_surroundings(step: Step, reads: dict[str, Any], environment: str) -> bool:
    if reads.get("asks"):
        return False
    return bool(_lock(step)) or (environment != "" and reads.get("env") == environment)


def _same_item(item: dict[str, str] | None, around: Sequence[Step], inherited: Manifest, given: Given) -> bool:
    if not item:
        return True
    if not around:
        return False
    innermost = around[-1]
    entry = inherited.get("foreach", {}).get(innermost.name) or inherited.get("artifacts", {}).get(innermost.foreach)
    if entry is not None and identity(entry) == item.get("list"):
        return True
    return bool(item.get("item")) and given.index < len(given.items) and given.items[given.index] == item["item"]


def _same_artifacts(reads: dict[str, Any], inherited: Manifest) -> bool:
    if "all" in reads:
        return reads["all"] == state([inherited])
    artifacts = inherited.get("artifacts", {})
    for name, value in reads.get("artifacts", {}).items():
        if (identity(artifacts[name]) if name in artifacts else "") != value:
            return False
    return True


def _rebased(step: Step, around: Sequence[Step], before: Manifest, inherited: Manifest) -> bytes | None:
    """The task's own artifacts over those that it inherits now: what it did not read may be another value."""
    made = before.get("new", [])
    own = before.get("artifacts", {})
    if not all(name in own for name in made):
        return None
    artifacts = {**inherited.get("artifacts", {}), **{name: own[name] for name in made}}
    open_ = {each.name for each in around}
    lists = {name: entry for name, entry in inherited.get("foreach", {}).items() if name in open_}
    if step.name in before.get("foreach", {}):
        lists[step.name] = before["foreach"][step.name]
    body = {**before, "artifacts": artifacts, "foreach": lists}
    if not lists:
        del body["foreach"]
    data = msgspec.json.encode(body, order="sorted")
    return data if len(data) <= MOST_BYTES else None
