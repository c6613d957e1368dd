"""Runs side by side: which params, metrics and tags they have, and where they differ."""

import math
from collections.abc import Iterator, Sequence

from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.rpc import Call
from headwater_server.tracking import limits, messages
from headwater_server.tracking.columns import parse_columns
from headwater_server.tracking.store import LoadedRun, Store, no_run

MAX_RUNS = 100


class ComparisonApi:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def compare_tracked_runs(
        self, request: pb.CompareTrackedRunsRequest, call: Call
    ) -> pb.CompareTrackedRunsResponse:
        idents = [limits.check_run_id(text, f"run_ids[{n}]") for n, text in enumerate(request.run_ids)]
        if not 2 <= len(idents) <= MAX_RUNS or len(set(idents)) < len(idents):
            text = f"run_ids: 2 to {MAX_RUNS} different runs are compared, not {len(set(idents))}"
            raise InvalidArgument(text, field="run_ids", hint="repeat the parameter: runIds=…&runIds=…")
        columns = parse_columns(request.columns)
        found = await self._store.locate_all(idents)
        for number, ident in enumerate(idents):
            if ident not in found or found[ident].project != request.project:
                raise no_run(request.run_ids[number], f"run_ids[{number}]")
        loaded = await self._store.load([found[ident].id for ident in idents], columns)
        if len(loaded) < len(idents):
            raise no_run("that is there any more", "run_ids")
        return pb.CompareTrackedRunsResponse(
            runs=[messages.tracked_run(LoadedRun(run.row, {}, {}, [])) for run in loaded],
            rows=[row for row in rows(loaded) if row.differs or not request.differences_only],
        )


def rows(runs: Sequence[LoadedRun]) -> Iterator[pb.ComparedRow]:
    """By kind and name: params, metrics, tags."""
    yield from _texts("params", [run.params for run in runs])
    numbers = [{metric["name"]: metric for metric in run.metrics} for run in runs]
    for key in sorted({key for run in numbers for key in run}):
        cells = [
            pb.ComparedCell(present=True, number=run[key]["value"], step=run[key]["step"])
            if key in run
            else pb.ComparedCell()
            for run in numbers
        ]
        first = cells[0]
        differs = any(c.present != first.present or not _same(c.number, first.number) for c in cells)
        yield pb.ComparedRow(kind="metrics", key=key, differs=differs, cells=cells)
    yield from _texts("tags", [run.tags for run in runs])


def _texts(kind: str, runs: Sequence[dict[str, str]]) -> Iterator[pb.ComparedRow]:
    for key in sorted({key for run in runs for key in run}):
        cells = [pb.ComparedCell(present=key in run, text=run.get(key, "")) for run in runs]
        yield pb.ComparedRow(kind=kind, key=key, differs=len({run.get(key) for run in runs}) > 1, cells=cells)


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
