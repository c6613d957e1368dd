"""Who is next when a pool has room."""

from hypothesis import given
from hypothesis import strategies as st

from headwater_server.scheduler.admission import Candidate, pick

candidates = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 6)).map(
        # a run belongs to one project and has one priority
        lambda t: Candidate(f"run{t[0]}", f"project{t[0] % 2}", t[0] % 3, t[1], object())
    ),
    max_size=12,
)
limits = st.dictionaries(st.integers(0, 5).map(lambda n: f"run{n}"), st.integers(0, 4))


def by_run(chosen: list[tuple[Candidate, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for candidate, count in chosen:
        found[candidate.run_id] = found.get(candidate.run_id, 0) + count
    return found


@given(candidates, st.integers(0, 30), limits)
def test_room_and_limits_are_kept_and_used(given_candidates, room, given_limits):
    chosen = pick(given_candidates, room, given_limits)
    counts = {id(c.item): count for c, count in chosen}
    assert len(counts) == len(chosen), "no candidate is named twice"
    known = {id(c.item): c for c in given_candidates}
    assert all(0 < count <= known[item].count for item, count in counts.items())
    taken = by_run(chosen)
    assert all(taken.get(run, 0) <= limit for run, limit in given_limits.items())
    wanted: dict[str, int] = {}
    for c in given_candidates:
        wanted[c.run_id] = wanted.get(c.run_id, 0) + c.count
    possible = sum(min(count, given_limits.get(run, count)) for run, count in wanted.items())
    assert sum(counts.values()) == min(room, possible), "no slot stays empty while somebody wants it"


@given(candidates, st.integers(0, 30))
def test_priority_goes_first_then_turns_are_taken(given_candidates, room):
    taken = by_run(pick(given_candidates, room))
    runs = {c.run_id: c for c in given_candidates}
    wanted = {run: sum(c.count for c in given_candidates if c.run_id == run) for run in runs}
    for run, c in runs.items():
        for other, o in runs.items():
            unserved = taken.get(other, 0) < wanted[other]
            if c.priority < o.priority and unserved:
                assert run not in taken, "while a higher priority waits, a lower one gets nothing"
            if (c.priority, c.project) == (o.priority, o.project) and unserved:
                assert taken.get(run, 0) <= taken.get(other, 0) + 1, "nobody is more than one turn ahead"


def test_projects_take_turns_however_many_runs_they_have():
    many = [Candidate(f"a{i}", "a", 0, 1, f"a{i}") for i in range(10)]
    chosen = pick([*many, Candidate("b0", "b", 0, 5, "b")], 6)
    assert {c.item: n for c, n in chosen} == {"a0": 1, "a1": 1, "a2": 1, "b": 3}


def test_a_run_keeps_its_own_order():
    chosen = pick([Candidate("r", "p", 0, 1, n) for n in range(5)], 3)
    assert [c.item for c, _ in chosen] == [0, 1, 2]
