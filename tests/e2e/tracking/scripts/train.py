"""A training that logs one point at a time, and says on stdout what it knows to be stored ("stored N") or on disk."""

import sys
import time

import headwater

name, points, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
run = headwater.start_run(experiment="survival", run_name=name, params={"points": points})
print("run", run.run_id, flush=True)
for at in range(points):
    headwater.log_metric("loss", 1 / (at + 1), step=at)
    if at % 100 == 99 and pause:
        time.sleep(pause)
        try:
            headwater.flush(20)
        except headwater.errors.Unavailable:
            continue
        print("stored", at + 1, flush=True)
headwater.end_run()
