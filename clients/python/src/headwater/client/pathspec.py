"""flow/run/step/task/artifact: takes path specifications apart, and says what is wrong with one. Pure."""

from headwater.errors import InvalidArgument

_PARTS = ("flow", "run", "step", "task", "artifact")


def split(pathspec: str, count: int) -> list[str]:
    """The `count` parts of a path specification. Raises InvalidArgument.

    >>> split("Train/018f/start", 3)
    ['Train', '018f', 'start']
    """
    parts = str(pathspec).strip("/").split("/")
    if len(parts) != count or not all(parts):
        want = "/".join(_PARTS[:count])
        raise InvalidArgument(f"{pathspec!r} is not a path specification of the form {want}", field="pathspec")
    return parts


def split_run(pathspec: str) -> tuple[str, str]:
    """(flow, run) of "flow/run", or ("", run) of a run id alone."""
    parts = str(pathspec).strip("/").split("/")
    if len(parts) == 1 and parts[0]:
        return "", parts[0]
    flow, run = split(pathspec, 2)
    return flow, run


def split_target(target: str) -> tuple[str, str, str]:
    """(run, step, task) of RUN[/STEP[/TASK]] as people type it; a flow's name may stand in front."""
    parts = [part for part in target.strip("/").split("/") if part]
    if parts and not _is_run(parts[0]) and len(parts) > 1:
        parts = parts[1:]
    if not 1 <= len(parts) <= 3:
        raise InvalidArgument(f"{target!r} is not RUN, RUN/STEP or RUN/STEP/TASK", field="target")
    run, step, task = (*parts, "", "")[:3]
    return run, step, task


def flow_in(target: str) -> str:
    """The flow's name in front of a target; "" where there is none.

    >>> flow_in("Train/latest/start"), flow_in("latest/start")
    ('Train', '')
    """
    first, *more = [part for part in target.strip("/").split("/") if part] or [""]
    return first if more and not _is_run(first) else ""


def _is_run(text: str) -> bool:
    return text == "latest" or (len(text) >= 4 and all(char in "0123456789abcdef-" for char in text))
