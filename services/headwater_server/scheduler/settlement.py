"""One transaction that settles some completions: each decides its attempt once, with all that follows from it.

settle.py and retries.py say what follows; this file reads and writes it. Nothing is visible before the commit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headwater_server.kit.clock import now
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.scheduler import facts
from headwater_server.scheduler.assignments import Dispatch, Input, RunInfo, build
from headwater_server.scheduler.endings import Endings
from headwater_server.scheduler.fanout import Split, is_wide
from headwater_server.scheduler.gangs import Gangs
from headwater_server.scheduler.graph import Step
from headwater_server.scheduler.keys import Key, numbers
from headwater_server.scheduler.retries import Verdict, after_failure
from headwater_server.scheduler.reuse import follows, looked_up
from headwater_server.scheduler.settle import Effects, Finished, NewTask, after_success, wrong_choice
from headwater_server.scheduler.states import RunState, TaskState
from headwater_server.scheduler.store import Store, columns, columns_of, q, task_rows

ACCEPTED, ALREADY, STALE = "DISPOSITION_ACCEPTED", "DISPOSITION_ALREADY", "DISPOSITION_STALE"


# Bytes of results in the assignments of one answer, about: a message on the bus has a limit.
ANSWER_MAX = 256 << 10


@dataclass
class Completion:
    """What a worker says about the end of one attempt: a failure, or else a success."""

    key: Key
    attempt: int
    session_id: str | None
    result: bytes = b""
    foreach_width: int = 0
    chosen: tuple[str, ...] = ()
    failure: dict[str, Any] | None = None
    started_at: datetime | None = None
    want_next: bool = False
    want_more: int = 0
    traceparent: str = ""
    # The run that the result was taken over from.
    origin: str = ""


@dataclass
class Settled:
    """The answer: what it decided, the TaskAssignment (JSON) to start with at once, and what the slot runs after it."""

    disposition: str
    next: dict[str, Any] | None = None
    more: list[dict[str, Any]] = field(default_factory=list)
    others_wait: bool = False


@dataclass
class _Run:
    info: RunInfo
    seq: int
    state: RunState = RunState.RUNNING

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq


@dataclass
class _Success:
    """A completion that was the first of its attempt, and what follows from it."""

    number: int
    completion: Completion
    run: _Run
    effects: Effects


class Settlement:
    """`pools`: where something may be handed out after the commit; `looks_up`: are there tasks that may be taken over
    from an earlier run?"""

    def __init__(
        self,
        tx: OutboxTransaction,
        store: Store,
        endings: Endings,
        infos: dict[str, RunInfo],
        fair: Callable[[str], bool],
        binds: Callable[[str, int], bool],
        secret: str,
    ) -> None:
        self._tx, self._store, self._endings, self._gangs = tx, store, endings, Gangs(endings)
        self._infos, self._fair, self._binds, self._secret = infos, fair, binds, secret
        self._runs: dict[str, _Run] = {}
        self._splits: dict[Key, Split] = {}
        self._joins: set[Key] = set()
        self._arrivals: dict[Key, tuple[Key, int, Key]] = {}
        self._answers: dict[int, Settled] = {}
        self.pools: set[str] = set()
        self.looks_up = False

    async def settle(self, completions: list[Completion]) -> list[Settled]:
        """completions: ordered by run."""
        good: list[tuple[int, Completion]] = []
        bad: list[tuple[int, Completion]] = []
        for number, c in enumerate(completions):
            c.failure = c.failure or wrong_choice(self._step(c.key), c.chosen, c.foreach_width)
            (bad if c.failure else good).append((number, c))
        if bad:  # all runs at once: two statements that lock some each could wait in a circle
            await self._tx.conn.fetch(q.lock_runs, sorted(self._infos))
        if good:
            successes = await self._decide(good)
            await self._write(successes)
            await self._hand_out(successes)
        for number, c in bad:
            await self._fail(number, c)
        await self._explain(completions)
        return [self._answers[number] for number in range(len(completions))]

    def _step(self, key: Key) -> Step:
        return self._infos[key.run_id].plan[key.step]

    # Successes

    async def _decide(self, good: list[tuple[int, Completion]]) -> list[_Success]:
        splits = [self._split_behind(c) for _, c in good]
        rows = await self._tx.conn.fetch(
            q.settle_successes,
            *columns(c.key for _, c in good),
            [c.attempt for _, c in good],
            [c.result for _, c in good],
            [c.foreach_width if self._step(c.key).transition == "FOREACH" else 0 for _, c in good],
            [c.started_at for _, c in good],
            [c.session_id for _, c in good],
            [s.step if s else None for s in splits],
            [s.path if s else None for s in splits],
            [s.index if s else None for s in splits],
            [c.chosen[0] if self._step(c.key).transition == "SWITCH" else "" for _, c in good],
        )
        successes: list[_Success] = []
        for row in rows:
            number, c = good[row["n"] - 1]
            if not row["hit"]:
                continue
            self._answers[number] = Settled(ACCEPTED, others_wait=not self._fair(self._step(c.key).pool))
            run = self._runs.setdefault(c.key.run_id, _Run(self._infos[c.key.run_id], row["event_seq"]))
            self._report(run, c, row)
            successes.append(_Success(number, c, run, self._follow(run, c, row, splits[row["n"] - 1])))
        return successes

    def _split_behind(self, c: Completion) -> Key | None:
        """The split whose join a task arrives at when it is done."""
        plan = self._infos[c.key.run_id].plan
        join = plan.chosen_join(self._step(c.key), c.chosen)
        if join is None:
            return None
        split = plan.split_of(join, c.key)
        if join.name in plan.undecided:
            self._arrivals[c.key] = (split, plan.branch_of(join, c.key), c.key)
        return split

    def _report(self, run: _Run, c: Completion, row: Any) -> None:
        if not row["announced"] and not is_wide(numbers(row["widths"])):
            began = row["started_at"] or row["at"]
            self._tx.add(facts.task_started(run.info, c.key, c.attempt, began, run.next_seq()))
        self._tx.add(
            facts.task_succeeded(
                run.info,
                c.key,
                c.attempt,
                row["at"],
                run.next_seq(),
                result=c.result,
                started_at=row["started_at"],
                foreach_width=row["foreach_width"],
                origin_run_id=c.origin,
                traceparent=c.traceparent,
                inputs=run.info.plan.inputs_of(c.key, row["parent"]),
                depth=self._step(c.key).depth,
            )
        )

    def _follow(self, run: _Run, c: Completion, row: Any, split_key: Key | None) -> Effects:
        split, pool = None, self._step(c.key).pool
        if split_key is not None:
            split = self._splits.setdefault(split_key, Split(row["width"], row["next_index"], row["remaining"]))
            if split.complete and split_key in self._joins:
                self.pools.add(pool)
                return Effects()  # another task of this transaction has opened the join
            if split.complete:
                self._joins.add(split_key)

        held = follows(run.info.reuse, bool(c.origin))

        def may_start(step: Step) -> bool:
            wanted = c.want_next and c.session_id is not None and step.pool == pool and not held
            return wanted and row["paused_at"] is None and not step.limits and not step.need

        chosen = c.chosen[0] if c.chosen else ""
        finished = Finished(c.key, numbers(row["widths"]), c.foreach_width, split, chosen)
        # Each task counts for max_workers, also one that waits.
        more = 0 if self._binds(pool, run.info.max_workers) else min(c.want_more, _fitting(c.result))
        effects = after_success(run.info.plan, finished, may_start, self._fair(pool), more)
        if effects.finished:
            run.state = RunState.SUCCEEDED
            self._tx.add(facts.run_over("run.succeeded", run.info, row["at"], run.next_seq(), row["created_at"]))
        if effects.eager is None or self._step(c.key).need:
            self.pools.add(pool)  # its slot is free, or what else it had
        if effects.waiting:
            self.pools.update(t.step.pool for t in effects.tasks if not t.eager)
            self.pools.update(s.target.pool for s in effects.splits)
        return effects

    async def _write(self, successes: list[_Success]) -> None:
        if not successes:
            return
        conn = self._tx.conn
        priority = {run_id: run.info.priority for run_id, run in self._runs.items()}
        if opened := [split for s in successes for split in s.effects.splits]:
            await self._store.insert_splits(conn, [(split, split.width) for split in opened], priority)
        if arrived := [self._arrivals[s.completion.key] for s in successes if s.completion.key in self._arrivals]:
            await self._store.insert_arrivals(conn, arrived)
        if moved := {key: split for key, split in self._splits.items() if split.moved}:
            await conn.execute(q.advance_splits, *columns(moved), [s.next_index for s in moved.values()])
        made = [(s, task) for s in successes for task in s.effects.tasks]
        told = [self._announce(s, task) for s, task in made]
        runs = self._runs.values()
        await conn.execute(
            q.advance,
            *task_rows([task for _, task in made], priority),
            [s.completion.session_id if task.eager else None for s, task in made],
            told,
            [task.eager and not task.later for _, task in made],
            list(self._runs),
            [run.seq for run in runs],
            [int(run.state) for run in runs],
            [None for _ in runs],
            *self._tx.rows(),
        )
        await self._hold_back(successes)

    async def _hold_back(self, successes: list[_Success]) -> None:
        """Tasks that may be taken over from an earlier run are not handed out before that was looked for."""
        reusing = [s for s in successes if s.run.info.reuse is not None]
        self.looks_up = bool(reusing)
        held = [
            task.key
            for s in reusing
            if follows(s.run.info.reuse, bool(s.completion.origin))
            for task in s.effects.tasks
            if looked_up(s.run.info.reuse, task.step)
        ]
        if held:
            await self._tx.conn.execute(q.hold_back, *columns(held))

    def _announce(self, success: _Success, task: NewTask) -> bool:
        if not task.eager or task.later or is_wide(task.widths):
            return False
        run = success.run
        self._tx.add(facts.task_started(run.info, task.key, 1, now(), run.next_seq()))
        return True

    async def _hand_out(self, successes: list[_Success]) -> None:
        """Puts the assignments of the tasks that start at once into the answers."""
        eager = [(s, task) for s in successes for task in s.effects.given]
        if not eager:
            return
        dispatches = [(Dispatch(s.run.info, task.key, 1, 0, task.widths), task.parent) for s, task in eager]
        known = {
            s.completion.key: Input(s.completion.key, s.completion.attempt, s.completion.result) for s in successes
        }
        inputs = await self._store.inputs(self._tx.conn, dispatches, known)
        for (success, task), (dispatch, _), (given, width) in zip(eager, dispatches, inputs, strict=True):
            assignment, answer = build(dispatch, given, width, self._secret), self._answers[success.number]
            if task.later:
                answer.more.append(assignment)
            else:
                answer.next = assignment

    # Failures

    async def _fail(self, number: int, c: Completion) -> None:
        """One by one: they are rare, and each may end its run."""
        conn, info, failure = self._tx.conn, self._infos[c.key.run_id], c.failure or {}
        row = await conn.fetchrow(q.find_failed, *columns_of(c.key), c.attempt)
        if row is None:
            return
        self._answers[number] = Settled(ACCEPTED)
        self.pools.add(self._step(c.key).pool)
        following = after_failure(self._step(c.key), failure, row["retry_count"], row["caught"])
        again = following.verdict is not Verdict.FINAL
        seq = int(await conn.fetchval(q.next_seq, c.key.run_id, 1) or 0)
        self._tx.add(facts.task_failed(info, c.key, c.attempt, row["at"], seq, failure=failure, will_retry=again))
        if again:
            caught = following.verdict is Verdict.CATCH
            if self._step(c.key).member:
                how = {"retry": not caught, "caught": caught, "failure": failure}
                await self._gangs.restart(self._tx, info, c.key, following.delay, **how)
                return
            await conn.execute(q.retry_task, *columns_of(c.key), failure, following.delay, caught)
            return
        await conn.execute(q.fail_task, *columns_of(c.key), failure, c.session_id, c.started_at)
        await self._endings.fail(self._tx, info, failure, c.key)

    async def _explain(self, completions: list[Completion]) -> None:
        """Answers those that were not the first of their attempt, or came too late."""
        left = [(n, c) for n, c in enumerate(completions) if n not in self._answers]
        if not left:
            return
        for row in await self._tx.conn.fetch(q.find_outcomes, *columns(c.key for _, c in left)):
            number, c = left[row["n"] - 1]
            same = row["attempt"] == c.attempt
            settled = row["state"] in (TaskState.SUCCEEDED, TaskState.FAILED)
            retried = row["state"] == TaskState.READY and c.failure is not None
            self._answers[number] = Settled(ALREADY if same and (settled or retried) else STALE)


def _fitting(result: bytes) -> int:
    """So many assignments one answer may hold. Each carries what its siblings inherited too."""
    return ANSWER_MAX // max(len(result), 1)
