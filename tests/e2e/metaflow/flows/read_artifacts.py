"""Prints every artifact of every task of the latest run of a flow as JSON, read through the client."""

import json
import sys

from metaflow import Flow, namespace

namespace(None)
run = Flow(sys.argv[1]).latest_run
found = {}
for step in run:
    tasks = sorted(step, key=lambda task: str(task.data.stack) if "stack" in task.data else "")
    found[step.id] = [{each.id: repr(each.data) for each in task} for task in tasks]
print(json.dumps(found, indent=1, sort_keys=True))
