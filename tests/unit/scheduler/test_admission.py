"""Who is next when a pool has room."""

from hypothesis import given
from hypothesis import strategies as st

from headwater_server.scheduler.admission import Candidate, Room, pick
from headwater_server.scheduler.needs import Need, Spot, why_waiting

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


def a_spot(numbers: tuple[int, int, int]) -> Spot:
    slots, gpus, memory = numbers
    return Spot("", slots, 2 * slots, gpus, 1000 * memory)


spots = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4), st.integers(1, 4)).map(a_spot), max_size=4)
needy = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2), st.integers(1, 3)).map(
        lambda t: Candidate(f"run{t[0]}", "p", 0, 1, object(), t[3], need=Need(t[1], 1000 * t[2]))
    ),
    max_size=12,
)


@given(needy, spots)
def test_no_worker_gives_what_it_does_not_have(given_candidates, given_spots):
    whole = sum(spot.slots for spot in given_spots)
    for number, spot in enumerate(given_spots):
        spot.session = str(number)
    chosen = pick(given_candidates, Room(whole, whole, spots=given_spots))
    for spot in given_spots:
        tasks = [c.need for c, _ in chosen for session in c.sessions if session == spot.session]
        assert sum(need.gpus for need in tasks) == spot.gpus_used <= spot.gpus
        assert sum(need.memory_mb for need in tasks) == spot.memory_used <= spot.memory_mb
    for c, count in chosen:
        assert not (c.need or c.size > whole) or len(c.sessions) == count * c.size, "all of a gang, or none"


def test_what_is_large_is_not_overtaken_for_ever():
    spot = Spot("a", slots=4, gpus=2, gpus_used=1)
    large, small = (Candidate(name, "p", 0, 1, name, need=Need(gpus)) for name, gpus in (("large", 2), ("small", 1)))
    plain = Candidate("plain", "p", 0, 1, "plain")
    assert [c.item for c, _ in pick([large, small, plain], Room(4, 4, spots=[spot]))] == ["plain"]
    assert [c.item for c, _ in pick([small], Room(4, 4, spots=[Spot("a", 4, gpus=2, gpus_used=1)]))] == ["small"]


def test_why_something_waits():
    one, two = Spot("a", 2, gang_slots=4, gpus=1), Spot("b", 2, gpus=2, gpus_used=2)
    assert why_waiting("s", "p", Need(), 1, [one]) == ""
    assert why_waiting("s", "p", Need(2), 1, []) == "waiting for a worker in pool p with 2 GPUs"
    assert "its workers have 2 at most. Start one with --gpus 4" in why_waiting("s", "p", Need(4), 1, [one, two])
    assert why_waiting("s", "p", Need(2), 1, [one, two]) == "waiting for 2 GPUs: all 2 of pool p are in use"
    assert "needs 4 slots, each with 1 GPU, at once, and pool p has 3" in why_waiting("s", "p", Need(1), 4, [one, two])
    assert "the gang of step s is wider than its 2 slots" in why_waiting("s", "p", Need(), 4, [one])
