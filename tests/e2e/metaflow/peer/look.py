"""What the real client reads of a run of HelloFlow, and what it may change."""

import json
import sys

from metaflow import Flow, Metaflow, Run, Task, get_metadata, namespace
from metaflow.exception import MetaflowNamespaceMismatch, MetaflowTaggingError


def refused(error, call, *arguments):
    try:
        call(*arguments)
    except error:
        return True
    return False


def look(run):
    left, join = run["left"].task, run["join"].task
    found = {
        "service": get_metadata().startswith("service@"),
        "flows": [flow.id for flow in Metaflow()],
        "successful": run.successful,
        "finished": run.finished,
        "words": run.data.words,
        "alpha": run.data.alpha,
        "tasks": {step.id: len(list(step)) for step in run},
        "stdout": run["end"].task.stdout.strip(),
        "attempt": left.current_attempt,
        "tries": [Task(left.pathspec, attempt=a).data.tries for a in range(left.current_attempt + 1)],
        "metadata": left.metadata_dict["attempt_ok"],
        "parents of gather": sorted(t.parent.id for t in run["gather"].task.parent_tasks),
        "children of fork": sorted(t.parent.id for t in run["fork"].task.child_tasks),
        "parents of join": sorted(t.parent.id for t in join.parent_tasks),
        "code": run.code is None,
    }
    run.add_tags(["good", "better"])
    run.remove_tag("better")
    found["tags"] = sorted(run.user_tags)
    found["tags of a task"] = sorted(Task(left.pathspec).user_tags)
    found["by tag"] = [r.id == run.id for r in Flow("HelloFlow").runs("good")]
    found["system tags stay"] = refused(MetaflowTaggingError, run.remove_tag, "user:tester")
    namespace("user:nobody")
    found["namespaces hide"] = refused(MetaflowNamespaceMismatch, Run, run.pathspec)
    return found


namespace(None)
print(json.dumps(look(Run(sys.argv[1])), default=repr))
