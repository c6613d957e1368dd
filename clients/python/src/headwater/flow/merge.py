"""merge_artifacts: carries artifacts through a join when all branches agree on them."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError
from headwater.flow.parameters import parameters_of, stored_with_tasks

if TYPE_CHECKING:
    from headwater.flow.spec import FlowSpec


class MergeConflict(FlowError):
    """Branches that do not agree on artifacts; their names are in `artifact_names`."""

    artifact_names: list[str] = []


class MergeMissing(FlowError):
    """Artifacts of include= that no branch has; their names are in `artifact_names`."""

    artifact_names: list[str] = []


def merge_artifacts(flow: FlowSpec, inputs: list[FlowSpec], exclude: list[str], include: list[str]) -> None:
    """Does what FlowSpec.merge_artifacts promises."""
    if include and exclude:
        raise FlowError("`exclude` and `include` are mutually exclusive in merge_artifacts. Fix: give one of them")
    step = flow._step_name  # pyright: ignore[reportPrivateUsage]
    if step and not flow._is_join:  # pyright: ignore[reportPrivateUsage]
        raise FlowError(f"merge_artifacts can only be called in a join and step {step} is not a join")
    if not inputs:
        raise FlowError("merge_artifacts got no inputs. Fix: call it in a join, as self.merge_artifacts(inputs)")
    holders = _holders(flow, inputs, exclude, include)
    missing = [name for name in include if name not in holders and not hasattr(flow, name)]
    if missing:
        absent = MergeMissing(
            f"Step {step} specifies that [{', '.join(include)}] should be merged but [{', '.join(missing)}] are not "
            "present. Fix: correct include=[…]"
        )
        absent.artifact_names = missing
        raise absent
    conflicts = [name for name, having in holders.items() if not _agree(name, having)]
    if conflicts:
        conflict = MergeConflict(
            f"Step {step} cannot merge the following artifacts due to them having conflicting values: "
            f"[{', '.join(sorted(conflicts))}]. Fix: assign self.{sorted(conflicts)[0]} before the call, or exclude it"
        )
        conflict.artifact_names = sorted(conflicts)
        raise conflict
    for name, having in holders.items():
        _take(flow, having[0], name)


def _holders(
    flow: FlowSpec, inputs: list[FlowSpec], exclude: list[str], include: list[str]
) -> dict[str, list[FlowSpec]]:
    """Artifact name → inputs that have it, for the names to merge."""
    skip = {*exclude, *vars(flow), *parameters_of(type(flow)), *stored_with_tasks(type(flow))}
    holders: dict[str, list[FlowSpec]] = {}
    for each in inputs:
        for name in artifact_names(each):
            if name not in skip and (not include or name in include):
                holders.setdefault(name, []).append(each)
    return holders


def artifact_names(flow: FlowSpec) -> Iterable[str]:
    """Names of all artifacts of a flow instance: assigned here or inherited."""
    names = dict.fromkeys(flow._store.names()) if flow._store is not None else {}  # pyright: ignore[reportPrivateUsage]
    names.update((name, None) for name in vars(flow) if not name.startswith("_"))
    return names


def _take(flow: FlowSpec, source: FlowSpec, name: str) -> None:
    """By reference where both stores know how, so that nothing is read or written; else by value."""
    mine: Any = flow._store  # pyright: ignore[reportPrivateUsage]
    if hasattr(mine, "adopt") and name not in vars(source):
        mine.adopt(name, source._store)  # pyright: ignore[reportPrivateUsage]
    else:
        setattr(flow, name, getattr(source, name))


def _agree(name: str, having: list[FlowSpec]) -> bool:
    if len(having) == 1:
        return True
    first = _fingerprint(having[0], name)
    return all(_fingerprint(each, name) == first for each in having[1:])


def _fingerprint(flow: FlowSpec, name: str) -> Any:
    """The stored digest where the store knows it, else the pickled value."""
    store: Any = flow._store  # pyright: ignore[reportPrivateUsage]
    if hasattr(store, "digest") and name not in vars(flow):
        return store.digest(name)
    return pickle.dumps(getattr(flow, name), protocol=5)
