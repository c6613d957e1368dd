"""What the client of whichever package is `metaflow` here says about a run of client_tour.py, as JSON."""

import json
import pickle
import sys

from metaflow import DataArtifact, Flow, Metaflow, Run, Step, Task, get_namespace, namespace


def refused(make):
    try:
        make()
    except Exception as error:
        return type(error).__name__ if isinstance(error, KeyError) else True
    return False


def index_of(task):
    return task.index if task.index is not None else "-"


def task_facts(task):
    return {
        "index": index_of(task),
        "finished": task.finished,
        "successful": task.successful,
        "attempt": task.current_attempt,
        "metadata attempt": task.metadata_dict["attempt"],
        "stdout": task.stdout,
        "stdout_size": (task.stdout_size > 0) == bool(task.stdout),
        "lines": [line for _, line in task.loglines("stdout")],
        "times": task.finished_at is not None and task.created_at is not None,
        "parents": sorted(f"{t.path_components[2]}/{index_of(t)}" for t in task.parent_tasks),
        "children": sorted(f"{t.path_components[2]}/{index_of(t)}" for t in task.child_tasks),
        "paths": sorted(p.split("/")[2] for p in [*task.parent_task_pathspecs, *task.child_task_pathspecs]),
        "artifacts": {a.id: a.data for a in task if a.id not in ("name", "common", "items", "options")},
        "exception": task.exception is not None,
        "environment": bool(task.environment_info is None or isinstance(task.environment_info, dict)),
    }


def run_facts(run):
    end = run.end_task
    return {
        "finished": run.finished,
        "successful": run.successful,
        "end": end is not None and end.path_components[2],
        "data": run.data is not None and run.data.total,
        "finished_at": run.finished_at is not None,
        "user_tags": sorted(run.user_tags),
        "user tag": any(tag.startswith("user:") for tag in run.system_tags),
        "steps": sorted(step.id for step in run),
        "origin": str(run.origin_pathspec).rpartition("/")[2],  # Metaflow says ClientTour/None
        "trigger": run.trigger,
        "in": ["branch" in run, "nope" in run],
        "parent": run.parent.id,
        "components": run.path_components[0],
        "code": run.code is None or bool(run.code.script_name),
    }


def tour(flow, run_id):
    run = Flow(flow)[run_id]
    branch = run["branch"]
    first = next(t for t in branch if t.index == 1)
    early = Task(first.pathspec, attempt=0)
    artifact = DataArtifact(f"{first.pathspec}/square")
    return {
        "run": run_facts(run),
        "tasks": {s.id: sorted((task_facts(t) for t in s), key=lambda t: str(t["index"])) for s in run},
        "steps around": [[s.id for s in run["join"].parent_steps], [s.id for s in run["join"].child_steps]],
        "early": [early.current_attempt, "attempt 0" in early.stdout, early.successful],
        "artifact": [artifact.data, artifact.id, len(artifact.sha) >= 40, artifact.size > 0],
        "data": [first.data.square, "square" in first.data, "nope" in first.data, first["square"].data],
        "step": [branch.task.path_components[2], len(list(branch.tasks())), len(list(branch.tasks("nope")))],
        "pickled": pickle.loads(pickle.dumps(run)).pathspec == run.pathspec,
        "latest": Flow(flow).latest_run.id == run_id,
        "flows": flow in [f.id for f in Metaflow()] and Metaflow()[flow].id == flow,
        "runs": [r.id == run_id for r in Flow(flow).runs("tour")],
        "missing": [
            refused(lambda: Flow("NoSuchFlow")),
            refused(lambda: Run(f"{flow}/99999999")),
            refused(lambda: Step(f"{flow}/{run_id}/nope")),
            refused(lambda: run["nope"]),
            refused(lambda: first["nope"]),
            refused(lambda: Flow(flow)["99999999"]),
            refused(lambda: Task(f"{flow}/{run_id}")),
        ],
    }


def tags(run):
    run.add_tag("one")
    run.add_tags(["two", "three"])
    run.remove_tag("one")
    run.replace_tags(["two"], ["four", "five"])
    system = next(tag for tag in run.system_tags if tag.startswith("user:"))
    return [sorted(Run(run.pathspec).user_tags), refused(lambda: run.remove_tag(system))]


def namespaces(flow, run):
    own = get_namespace()
    answers = [own.startswith("user:"), run.is_in_namespace()]
    namespace("user:somebody_else")
    answers += [refused(lambda: Flow(flow)), refused(lambda: Run(run.pathspec)), namespace(None)]
    return [*answers, Run(run.pathspec).is_in_namespace(), Flow(flow).latest_run is not None]


if __name__ == "__main__":
    flow, run_id = sys.argv[1].split("/")
    found = tour(flow, run_id)
    found["tags"] = tags(Run(sys.argv[1]))
    found["namespaces"] = namespaces(flow, Run(sys.argv[1]))
    print(json.dumps(found, sort_keys=True, default=repr))
