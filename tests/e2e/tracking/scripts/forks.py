"""Logs from threads, from a forked child, from a child that is killed, and from one that multiprocessing ends."""

import multiprocessing
import os
import threading

import headwater

N = 500


def log(key: str) -> None:
    for at in range(N):
        headwater.log_metric(key, at, at)


with headwater.start_run(experiment="forks") as run:
    print(run.run_id, flush=True)
    log("before")
    threads = [threading.Thread(target=log, args=(f"thread-{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    child = os.fork()
    if child == 0:
        log("child")
        headwater.flush()
        os._exit(0)
    process = multiprocessing.get_context("fork").Process(target=log, args=("process",))
    process.start()
    process.join()
    os.waitpid(child, 0)
    for thread in threads:
        thread.join()
    log("after")
