"""What a run has left, read by the client of whichever package is `metaflow` here, as JSON."""

import json
import sys

from metaflow import Run, namespace

# Every flow of Metaflow has it; it is no value of the user's.
CONSTANTS = {"name"}


def artifacts(run):
    steps = {}
    for step in run:
        tasks = [{a.id: a.data for a in task if a.id not in CONSTANTS and a.id[0] != "_"} for task in step]
        steps[step.id] = sorted(tasks, key=lambda task: json.dumps(task, sort_keys=True, default=repr))
    return steps


if __name__ == "__main__":
    namespace(None)
    run = Run(sys.argv[1])
    print(json.dumps({"successful": run.successful, "steps": artifacts(run)}, sort_keys=True, default=repr))
