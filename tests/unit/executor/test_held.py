"""What a worker over gRPC holds."""

from headwater.api.common.v1 import common_pb2
from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.executor.held import Holding


def key(step):
    return common_pb2.TaskKey(run_id="r", step=step)


def task(step, attempt=1):
    return pb.TaskAssignment(key=key(step), attempt=attempt)


def steps(held):
    return sorted(h.key.step for h in held)


def test_slots_are_filled_and_freed():
    holding = Holding(2, settle=10)
    holding.arriving += 1
    assert holding.free == 1
    holding.arriving -= 1
    holding.give(task("a"), 0)
    holding.give(task("b"), 0)
    assert holding.free == 0
    holding.drop(key("a"), 2)  # another attempt
    assert holding.free == 0
    holding.drop(key("a"), 1)
    holding.drop(key("a"), 1)
    assert holding.free == 1


def test_a_heartbeat_tells_what_the_worker_cannot_know_yet_and_no_more():
    holding = Holding(4, settle=10)
    holding.give(task("old"), 0)
    holding.give(task("new"), 95)
    said = [pb.HeldTask(key=key("said"), attempt=1), pb.HeldTask(key=key("new"), attempt=1)]
    # "old" was given long ago and the worker does not have it: the scheduler is to hand it out again.
    assert steps(holding.heartbeat(said, 100)) == ["new", "said"]
    holding.complete(key("old"), 1)
    assert steps(holding.heartbeat([], 100)) == ["new", "old"]
    holding.drop(key("old"), 1)
    assert steps(holding.heartbeat([], 100)) == ["new"]
