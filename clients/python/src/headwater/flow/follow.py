"""Follows a run until it is over: prints what its tasks say and do, reconnects, and tells how it ended.

Reads the live stream of the gateway and nothing else; the run does not need this process.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

from headwater.client import http
from headwater.errors import ServerError, Unavailable
from headwater.flow.terminal import GREEN, RED, YELLOW, Terminal

FINAL = {"RUN_STATE_SUCCEEDED": "succeeded", "RUN_STATE_FAILED": "failed", "RUN_STATE_CANCELLED": "cancelled"}
# How long the server may be away before following is given up; the run itself goes on.
PATIENCE = 600.0
# Lines kept to know those again that the server sends twice when we come back (it repeats two seconds).
KEPT_LINES = 5000


class Follower:
    """One run on its way to the end. `run` is the newest Run (JSON) that is known."""

    def __init__(self, run: dict[str, Any], terminal: Terminal, package: str = "") -> None:
        self.run = run
        self.run_id: str = run["runId"]
        self.terminal = terminal
        self.package = package
        self.failed_task: tuple[str, str] = ("", "")
        self.most_splits = 0  # of one foreach; 0: any number
        self.excess = ""  # why the run was cancelled by us
        self._seen: set[str] = set()
        self._last_id = ""
        self._tracebacks: set[tuple[str, str]] = set()
        self._waiting_for = ""
        self._begun: dict[tuple[str, str], int] = {}  # the newest attempt of a task whose start was told
        self._told: deque[tuple[str, ...]] = deque(maxlen=KEPT_LINES)
        self._repeated: Counter[tuple[str, ...]] = Counter()

    def follow(self) -> dict[str, Any]:
        """Prints until the run is final and returns it. Raises Unavailable when the server stays away too long."""
        lost = 0.0
        pause = 0.1
        while True:
            try:
                for event, ident, data in http.connect().stream(
                    f"{http.API}/runs/{self.run_id}/stream", {"logs": True}, last_id=self._last_id
                ):
                    if lost:
                        self.terminal.note("Connected again.")
                        lost, pause = 0.0, 0.1
                    self._last_id = ident or self._last_id
                    if self._take(event, ident, data):
                        return self.run
            except Unavailable:
                lost = lost or time.monotonic()
                if pause == 0.1:
                    self.terminal.warn("Lost the connection to the server; the run goes on. Reconnecting …")
                if time.monotonic() - lost > PATIENCE:
                    raise
            http.disconnect()
            time.sleep(pause)
            pause = min(pause * 2, 2.0)

    def _take(self, event: str, ident: str, data: dict[str, Any]) -> bool:
        """Handles one event of the stream; true when the run is over."""
        if event == "log":
            self._log(data)
        elif event in ("snapshot", "end"):
            self.run = data
            self._repeated = Counter(self._told)
            if waiting := data.get("waitingFor", ""):
                self._waiting(waiting)
            return data.get("state") in FINAL and event == "end"
        elif ident not in self._seen:
            self._seen.add(ident)
            self._fact(event, data.get("time", ""), data.get("data", data))
        return False

    def _waiting(self, text: str) -> None:
        if text != self._waiting_for:
            self._waiting_for = text
            self.terminal.line(text[:1].upper() + text[1:] + ".", colour=YELLOW)

    def _fact(self, event: str, when: str, fact: dict[str, Any]) -> None:
        if not event.startswith("task."):
            return
        step, task_id = fact.get("step", ""), fact.get("taskId", "0")
        attempt = int(fact.get("attempt", 1))
        if event == "task.started":
            self._begins(step, task_id, attempt, when)
        elif event == "task.succeeded":
            self._begun[step, task_id] = attempt
            self._task_succeeded(fact, step, task_id, when)
        elif event == "task.failed":
            self._begun[step, task_id] = attempt
            self._task_failed(fact, step, task_id, when)

    def _begins(self, step: str, task_id: str, attempt: int, when: str) -> None:
        """Once per attempt: what a task says may come before the fact that it started, or in its place."""
        if step and self._begun.get((step, task_id), 0) < attempt:
            self._begun[step, task_id] = attempt
            again = " (retry)" if attempt > 1 else ""
            self.terminal.line(f"Task is starting{again}.", time=when, task=self._where(step, task_id))

    def _task_succeeded(self, fact: dict[str, Any], step: str, task_id: str, when: str) -> None:
        where = self._where(step, task_id)
        width = int(fact.get("foreachWidth", 0))
        text = "Task finished successfully."
        if origin := fact.get("originRunId"):
            text = f"Taken over from run {origin}."
            if self.run.get("cached"):
                text = f"Cached from {fact.get('flow', '')}/{origin}/{step}/{task_id}."
        elif width:
            self.terminal.line(f"Foreach yields {width} tasks.", time=when, task=where)
        self.terminal.line(text, time=when, task=where)
        if 0 < self.most_splits < width and not self.excess:
            self._stop_wide(step, width)

    def _stop_wide(self, step: str, width: int) -> None:
        from headwater.flow.run import cancel

        self.excess = (
            f"Foreach in step {step} yielded {width} child steps which is more than the current maximum of "
            f"{self.most_splits} children. You can raise the maximum with the --max-num-splits option."
        )
        cancel(self.run_id, self.excess)

    def _task_failed(self, fact: dict[str, Any], step: str, task_id: str, when: str) -> None:
        failure = fact.get("failure", {})
        again = fact.get("willRetry", False)
        if not again:
            self.failed_task = (step, task_id)
        text = f"Task failed: {summary(failure)}" + (" (another attempt follows)" if again else "")
        where = self._where(step, task_id)
        self.terminal.line(text, time=when, task=where, colour=YELLOW if again else RED, always=True)

    def _log(self, chunk: dict[str, Any]) -> None:
        step, task_id = chunk.get("key", {}).get("step", ""), chunk.get("taskId", "0")
        where = self._where(step, task_id)
        for line in chunk.get("lines", ()):
            text = line.get("text", "").rstrip("\n")
            told = (step, task_id, line.get("time", ""), text)
            if self._repeated[told] > 0:
                self._repeated[told] -= 1
                continue
            self._told.append(told)
            self._begins(step, task_id, int(chunk.get("attempt", 1)), line.get("time", ""))
            if text.startswith("Traceback (most recent call last)"):
                self._tracebacks.add((step, task_id))
            self.terminal.line(text, time=line.get("time", ""), task=where, always=True)

    def _where(self, step: str, task_id: str) -> str:
        return f"{short(self.run_id)}/{step}/{task_id}"

    def report(self) -> int:
        """Prints how the run ended; the exit status of the command."""
        state = self.run.get("state")
        if self.excess:
            self.terminal.error(f"The run was stopped: {self.excess}")
            return 1
        if state == "RUN_STATE_SUCCEEDED":
            self.terminal.line("Done!", colour=GREEN)
            return 0
        if state == "RUN_STATE_CANCELLED":
            reason = self.run.get("failure", {}).get("message", "")
            self.terminal.error(f"The run was cancelled{f': {reason}' if reason else ''}.")
            return 1
        self._report_failure(self.run.get("failure", {}))
        return 1

    def _report_failure(self, failure: dict[str, Any]) -> None:
        step, task_id = self.failed_task if self.failed_task[0] else self._find_failed()
        where = f" in step {step}, task {task_id}" if step else ""
        self.terminal.error(f"Run {self.run_id} failed{where}: {summary(failure)}")
        traceback = failure.get("traceback", "")
        if traceback and (step, task_id) not in self._tracebacks:
            self.terminal.error(local_paths(traceback.rstrip(), self.package))
        if hint := failure.get("hint"):
            self.terminal.error(f"Hint: {hint}")

    def _find_failed(self) -> tuple[str, str]:
        """The failed task, when its event did not reach us."""
        query = {"state": "TASK_STATE_FAILED", "pageSize": 1}
        try:
            tasks = http.connect().call("GET", f"{http.API}/runs/{self.run_id}/tasks", query=query).get("tasks", [])
        except ServerError:
            return "", ""
        return (tasks[0]["key"]["step"], tasks[0].get("taskId", "0")) if tasks else ("", "")


def short(run_id: str) -> str:
    """The end of a run id, enough to tell runs apart; the server takes it in place of the whole."""
    return run_id[-8:]


def summary(failure: dict[str, Any]) -> str:
    """One line of a Failure: "ValueError: boom", or its code where there was no exception."""
    message = failure.get("message", "").strip() or "no reason given"
    kind = failure.get("exceptionType", "").rsplit(".", 1)[-1]
    prefix = kind if kind and not message.startswith(kind) else ""
    code = failure.get("code", "")
    if not kind and code not in ("", "USER_ERROR"):
        prefix = code
    return f"{prefix}: {message}" if prefix else message


def local_paths(traceback: str, package: str) -> str:
    """File names of the unpacked code package as they are in the user's folder."""
    if not package:
        return traceback
    import re

    return re.sub(rf'File "[^"]*/{package}/', 'File "', traceback)
