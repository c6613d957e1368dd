"""`python flow.py …` against the real platform, which the first of these commands starts."""

import pickle
import re
import signal

import pytest


def _run_id(out):
    return re.search(r"run-id ([0-9a-f-]{36})", out).group(1)


def test_every_transition(flow):
    status, out, err = flow("everything.py", "run", "--tag", "e2e")
    assert status == 0, out + err
    assert "values 0x0 0y1 1x0 1y1 2x0 2y1" in out
    assert "common {'a': [1, 2]} problem None" in out
    assert "Task failed: ValueError: flaky (another attempt follows)" in out
    assert out.rstrip().endswith("Done!")
    run = _run_id(out)

    status, out, err = flow("everything.py", "dump", f"{run}/inner/2.1")
    assert status == 0, err
    assert re.search(r"^value +'2y1'$", out, re.MULTILINE)

    status, out, err = flow("everything.py", "logs", "show", f"{run}/end")
    assert status == 0, err
    assert "values 0x0 0y1" in out


def test_a_caught_failure_lets_the_flow_go_on(flow):
    status, out, err = flow("everything.py", "run", "--options", '{"fail": true}', "--width", "1")
    assert status == 0, out + err
    assert "problem ValueError: flaky" in out


def test_failure_then_resume(flow, tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    status, out, err = flow("linear.py", "run", "--flag", str(flag))
    assert status == 1
    first = _run_id(out)
    assert f"Run {first} failed in step middle, task 0: RuntimeError: asked to fail" in err
    assert "headwater/runtime" not in out + err
    flag.unlink()
    status, out, err = flow("linear.py", "resume", "--run-id-file", str(tmp_path / "id"))
    assert status == 0, out + err
    assert f"Taken over from run {first}" in out
    assert f"first run {first} doubled [2, 2, 2]" in out
    second = (tmp_path / "id").read_text()
    assert second != first
    status, out, err = flow("linear.py", "dump", f"{second}/end", "--file", str(tmp_path / "dump"))
    assert status == 0, err
    assert pickle.loads((tmp_path / "dump").read_bytes())[f"{second}/end/0"]["doubled"] == [2, 2, 2]
    status, out, err = flow("linear.py", "resume", "start", "--origin-run-id", first)
    assert status == 0, err
    assert "Taken over" not in out


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_cancels_the_run(start, state_of, tmp_path, number, expected):
    hold = tmp_path / "hold"
    hold.touch()
    process = start("linear.py", "run", "--hold", str(hold))
    run = _run_id(process.until("run-id"))
    process.until("/middle/0] Task is starting")
    process.process.send_signal(number)
    status, _, err = process.end()
    assert status == expected, err
    assert "The run is cancelled." in err
    assert state_of(run)["state"] == "RUN_STATE_CANCELLED"


async def test_the_run_outlives_a_killed_command(start, state_of, eventually, tmp_path):
    hold = tmp_path / "hold"
    hold.touch()
    process = start("linear.py", "run", "--hold", str(hold))
    run = _run_id(process.until("run-id"))
    process.until("/middle/0] Task is starting")
    process.process.kill()
    process.end()
    hold.unlink()
    await eventually(lambda: state_of(run)["state"] == "RUN_STATE_SUCCEEDED", timeout=30)


def test_too_many_splits_cancel_the_run(flow, state_of):
    status, _, err = flow("everything.py", "run", "--width", "4", "--max-num-splits", "3")
    assert status == 1
    assert "Foreach in step fan yielded 4 child steps which is more than the current maximum of 3 children" in err


def test_processes_gangs_and_a_memory_limit(flow, tmp_path):
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    status, out, err = flow("processes.py", "run", "--meeting", str(meeting))
    assert status == 0, out + err
    said = re.search(r"processes (\d+) alone True nodes \[0, 1, 2, 3\] problem (.+)$", out, re.MULTILINE)
    assert said, out + err
    assert int(said[1]) <= 4, "twenty tasks shared a process for each slot, and a few more at most"
    assert "step greedy ran into its memory limit of 100 MB" in said[2]
    assert "step greedy ran into its memory limit of 100 MB" in out + err
