"""Tracked runs as people name them: whole ids, with or without dashes, or the end or beginning of one.

They are those of flows and those that programs have made by themselves, MLflow's clients too.
"""

import re
from typing import Any

from headwater.client.http import API, connect, segment
from headwater.errors import InvalidArgument, NotFound

_WHOLE = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
_PART = re.compile(r"[0-9a-f-]{4,36}")


def find_tracked(text: str) -> dict[str, Any]:
    """A tracked run, with all that it logged last; "FLOW/RUN" is the run of a flow. Raises NotFound."""
    name = text.rpartition("/")[2].strip().lower()
    conn = connect()
    if name == "latest" or "/" in text:
        from headwater.cli.ids import find_run

        name = find_run(text)["runId"]
    if _WHOLE.fullmatch(name):
        return conn.call("GET", f"{API}/tracking/runs/{segment(name)}")["run"]
    if not _PART.fullmatch(name):
        raise InvalidArgument(f"{text!r} is not the id of a run", hint="`headwater experiments show NAME` lists them")
    part = name.replace("-", "")
    query = {"filter": f"attributes.run_id LIKE '%{part}' OR attributes.run_id LIKE '{part}%'", "pageSize": 2}
    found = conn.call("GET", f"{API}/projects/{segment(conn.project)}/tracking/runs", query=query).get("runs", [])
    if len(found) > 1:
        raise InvalidArgument(f"several runs begin or end with {name!r}", hint="use more of the id")
    if not found:
        raise NotFound(f"there is no run {text!r}", hint="`headwater experiments show NAME` lists tracked runs")
    return found[0]
