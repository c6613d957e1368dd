"""One attempt of one task as the child sees it: the assignment of the scheduler (protobuf JSON) with plain types.

Owns the reading of that JSON; decides nothing.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

Frame = tuple[str, str, int, int]  # step, variable, index, width


@dataclass(frozen=True)
class Key:
    run_id: str
    step: str
    path: str = ""
    index: int = 0

    @property
    def indexes(self) -> tuple[int, ...]:
        """Foreach indexes of this task, outermost first, given that it is inside of a foreach."""
        return (*(int(part) for part in self.path.partition("~")[0].split(".") if part), self.index)

    @property
    def loops(self) -> str:
        """ "~2" in the second round after the first of a loop, which a switch leads around; else ""."""
        return "".join(self.path.partition("~")[1:])


@dataclass(frozen=True)
class Result:
    """The manifest that another task left behind, still as bytes."""

    key: Key
    manifest: bytes


@dataclass(frozen=True)
class Task:
    key: Key
    attempt: int
    retry_count: int
    project: str
    flow: str
    transition: str  # LINEAR, SPLIT, FOREACH or END
    next: tuple[str, ...]
    foreach: str
    joins: str
    retries: int
    timeout: float
    catches: bool
    catch_var: str
    parameters: dict[str, Any]
    inputs: tuple[Result, ...]
    join_width: int
    frames: tuple[Frame, ...]
    caught: dict[str, Any] | None
    origin_run_id: str = ""
    tags: tuple[str, ...] = ()
    username: str = ""
    trigger: dict[str, Any] | None = None
    traceparent: str = ""
    gang: bool = False
    token: str = field(default="", repr=False)
    cards: tuple[dict[str, Any], ...] = ()
    environment: dict[str, Any] | None = None
    # May tasks of its run be taken over from earlier runs?
    reuse: bool = False

    @property
    def task_id(self) -> str:
        return (".".join(str(frame[2]) for frame in self.frames) or "0") + self.key.loops

    @property
    def control_task_id(self) -> str:
        """The id of the first member of the gang that this task is in."""
        return ".".join(str(frame[2]) for frame in (*self.frames[:-1], ("", "", 0, 0))) + self.key.loops

    @property
    def pathspec(self) -> str:
        return f"{self.flow}/{self.key.run_id}/{self.key.step}/{self.task_id}"

    @property
    def last_attempt(self) -> bool:
        """Will a failure be final, because @retry has nothing left?"""
        return self.retry_count >= self.retries


def parse(body: dict[str, Any]) -> Task:
    """A TaskAssignment in the protobuf JSON mapping."""
    step = body.get("step", {})
    catch = step.get("catch")
    return Task(
        key=parse_key(body["key"]),
        attempt=int(body.get("attempt", 0)),
        retry_count=int(body.get("retryCount", 0)),
        project=body.get("project", "default"),
        flow=body.get("flow", ""),
        transition=step.get("transition", "").removeprefix("TRANSITION_"),
        next=tuple(step.get("next", ())),
        foreach=step.get("foreach", ""),
        joins=step.get("joins", ""),
        retries=int(step.get("retry", {}).get("times", 0)),
        timeout=seconds(step.get("timeout", "0s")),
        catches=catch is not None,
        catch_var=(catch or {}).get("var", ""),
        parameters=body.get("parameters", {}),
        inputs=tuple(parse_result(item) for item in body.get("inputs", ())),
        join_width=int(body.get("joinWidth", 0)),
        frames=tuple(
            (frame["step"], frame.get("var", ""), int(frame.get("index", 0)), int(frame.get("width", 0)))
            for frame in body.get("frames", ())
        ),
        caught=body.get("caught"),
        origin_run_id=body.get("originRunId", ""),
        tags=tuple(body.get("tags", ())),
        username=body.get("createdBy", {}).get("name", ""),
        trigger=body.get("trigger"),
        traceparent=body.get("traceparent", ""),
        gang=bool(body.get("frames") and body["frames"][-1].get("gang")),
        token=body.get("token", ""),
        cards=tuple(step.get("cards", ())),
        environment=step.get("environment"),
        reuse=bool(body.get("reuse")),
    )


def parse_key(body: dict[str, Any]) -> Key:
    return Key(body.get("runId", ""), body.get("step", ""), body.get("path", ""), int(body.get("index", 0)))


def parse_result(body: dict[str, Any]) -> Result:
    return Result(parse_key(body.get("key", {})), base64.b64decode(body.get("result", "")))


def seconds(text: str) -> float:
    """A protobuf Duration in JSON, "1.5s"."""
    return float(text.removesuffix("s") or 0)
