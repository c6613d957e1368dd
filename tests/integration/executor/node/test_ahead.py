"""Short tasks of a foreach: a slot has some ahead, and gives back what it cannot begin soon."""

from tests.integration.executor.node.cluster import Cluster, Message

WIDTH = 12


def branch(cluster: Cluster, index: int, step: str = "trivial") -> Message:
    return cluster.task(
        step, key={"index": index}, frames=[{"step": "split", "var": "xs", "index": index, "width": 99}]
    )


def indexes(messages: list[Message]) -> list[int]:
    return [message["key"].get("index", 0) for message in messages]


async def test_a_slot_runs_all_it_is_given_and_answers_for_several_at_once(cluster: Cluster) -> None:
    given = 1

    def answer(body: Message) -> Message:
        nonlocal given
        count = min(body["wantNext"] + body["wantMore"], WIDTH - given)
        tasks = [branch(cluster, given + number) for number in range(count)]
        given += count
        reply = {"disposition": "DISPOSITION_ACCEPTED"}
        return reply | ({"next": tasks[0], "more": tasks[1:]} if tasks else {})

    cluster.scheduler.answer = answer
    await cluster.worker("--slots", "1")
    await cluster.scheduler.dispatch(branch(cluster, 0))
    await cluster.scheduler.completion(WIDTH)
    assert sorted(indexes(cluster.scheduler.completions)) == list(range(WIDTH))
    assert all("success" in each for each in cluster.scheduler.completions)
    assert any(len(message["completions"]) > 1 for message in cluster.scheduler.messages)
    assert cluster.scheduler.unbegun == []


async def test_a_slow_task_holds_up_none_of_those_behind_it(cluster: Cluster, eventually) -> None:
    def answer(body: Message) -> Message:
        if body["key"].get("index"):
            return {"disposition": "DISPOSITION_ACCEPTED"}
        more = [branch(cluster, 2), branch(cluster, 3)]
        return {"disposition": "DISPOSITION_ACCEPTED", "next": branch(cluster, 1, "waits"), "more": more}

    cluster.scheduler.answer = answer
    await cluster.worker("--slots", "1")
    await cluster.scheduler.dispatch(branch(cluster, 0))
    await eventually(lambda: len(cluster.scheduler.unbegun) == 2)
    assert indexes(cluster.scheduler.unbegun) == [2, 3]
    await eventually(lambda: [indexes(cluster.scheduler.beats[-1]["held"])] == [[1]])


async def test_other_slots_of_the_worker_that_are_free_take_what_one_has_ahead(cluster: Cluster, eventually) -> None:
    def answer(body: Message) -> Message:
        if body["key"].get("index"):
            return {"disposition": "DISPOSITION_ACCEPTED"}
        more = [branch(cluster, number) for number in range(2, 9)]
        return {"disposition": "DISPOSITION_ACCEPTED", "next": branch(cluster, 1, "waits"), "more": more}

    cluster.scheduler.answer = answer
    await cluster.worker("--slots", "2")
    await cluster.scheduler.dispatch(branch(cluster, 0))
    await eventually(lambda: {*range(2, 9)} <= {*indexes(cluster.scheduler.completions + cluster.scheduler.unbegun)})
    assert len(cluster.scheduler.completions) > 1  # on a busy machine the first has some given back meanwhile


async def test_who_is_one_more_than_there_are_slots_asks_for_nothing(cluster: Cluster, eventually) -> None:
    await cluster.worker("--slots", "1")
    await cluster.scheduler.dispatch(branch(cluster, 0, "waits"))
    await eventually(lambda: [indexes(cluster.scheduler.beats[-1]["held"])] == [[0]])
    await cluster.scheduler.control({"run": [branch(cluster, 1)]})
    done = await cluster.scheduler.completion()
    assert done["key"]["index"] == 1 and not done.get("wantNext")


async def test_fewer_tasks_are_ahead_where_each_is_large(cluster: Cluster) -> None:
    async def asked(number: int, padding: str) -> int:
        done = await cluster.scheduler.run(branch(cluster, number) | {"parameters": {"text": padding}})
        assert done["wantNext"]
        return done.get("wantMore", 0)

    await cluster.worker("--slots", "1")
    assert 2 <= max([await asked(number, "") for number in range(10)]) <= 31
    assert max([await asked(number, "x" * 20_000) for number in range(10, 20)]) <= 2


async def test_what_has_not_begun_is_given_back_when_others_wait(cluster: Cluster, eventually) -> None:
    def answer(body: Message) -> Message:
        reply = {"disposition": "DISPOSITION_ACCEPTED"}
        match body["key"].get("index", 0):
            case 0:
                return reply | {"next": branch(cluster, 1), "more": [branch(cluster, n) for n in range(2, 99)]}
            case 1:
                return reply | {"othersWait": True}
        return reply

    cluster.scheduler.answer = answer
    await cluster.worker("--slots", "1")
    await cluster.scheduler.dispatch(branch(cluster, 0))
    await eventually(lambda: cluster.scheduler.unbegun)
    back = indexes(cluster.scheduler.unbegun)
    await eventually(lambda: sorted(indexes(cluster.scheduler.completions) + back) == list(range(99)))
    assert back


async def test_a_cancelled_task_takes_none_of_those_behind_it_along(cluster: Cluster, eventually) -> None:
    def answer(body: Message) -> Message:
        if body["key"].get("index"):
            return {"disposition": "DISPOSITION_ACCEPTED"}
        following = {"next": branch(cluster, 1, "waits"), "more": [branch(cluster, 2), branch(cluster, 3)]}
        return {"disposition": "DISPOSITION_ACCEPTED"} | following

    cluster.scheduler.answer = answer
    await cluster.worker("--slots", "1")
    await cluster.scheduler.dispatch(branch(cluster, 0))
    await cluster.scheduler.completion(1)
    cancelled = [
        {"key": branch(cluster, number, step)["key"], "attempt": 1} for number, step in ((1, "waits"), (2, "trivial"))
    ]

    async def nothing_is_left() -> bool:
        await cluster.scheduler.control({"cancel": cancelled})  # the worker may have been told of them only now
        return 3 in told() and not cluster.scheduler.beats[-1]["held"]

    def told() -> list[int]:
        return indexes(cluster.scheduler.unbegun + cluster.scheduler.completions[1:])

    await eventually(nothing_is_left)
    assert 1 not in told()
