"""What a task that succeeded says: which artifacts it wrote; which parameters, artifacts, models and datasets it has
read. Pure.

A task that cannot tell what it has read counts as one that has read everything it could.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from headwater_server.artifact.lineage import nodes
from headwater_server.artifact.lineage.nodes import ALWAYS, Node
from headwater_server.artifact.lineage.reading import (
    Body,
    Fact,
    Told,
    digest_of,
    items,
    mapping,
    number,
    optional_run,
    run_of,
    text,
)  # fmt: skip

MOST = 2000
_READS = ("parameters", "artifacts", "digests", "all", "item")
_KEPT = ("digest", "encoding", "name", "size", "type", "pack", "var")


def trimmed(manifest: Body) -> dict[str, Any]:
    """A manifest without the values in it: what of it is kept with the event."""
    new = {name for name in items(manifest, "new") if isinstance(name, str)}
    reads = manifest.get("reads") if isinstance(manifest.get("reads"), Mapping) else None
    entries, lists = mapping(manifest, "artifacts"), mapping(manifest, "foreach")
    if reads is not None and "all" not in reads:  # what it has inherited and not looked at does not matter
        wanted = new | mapping(reads, "artifacts").keys()
        entries = {name: entry for name, entry in entries.items() if name in wanted}
    kept: dict[str, Any] = {"new": sorted(new)}
    for group, found in (("artifacts", entries), ("foreach", lists)):
        kept[group] = {name: _entry(entry) for name, entry in found.items() if isinstance(entry, Mapping)}
    if reads is not None:
        kept["reads"] = {key: reads[key] for key in _READS if key in reads}
    for name in ("uses", "data"):
        if isinstance(manifest.get(name), list):
            kept[name] = manifest[name][:MOST]
    return kept


def _entry(entry: Body) -> dict[str, Any]:
    kept = {key: entry[key] for key in _KEPT if key in entry}
    return kept | {"inline": True} if "inline" in entry else kept


def succeeded(told: Told, fact: Fact) -> None:
    _Task(told, fact).read()


class _Task:
    def __init__(self, told: Told, fact: Fact) -> None:
        self._told, self._body, self._project = told, fact.body, fact.project
        self._run = run_of(fact.body)
        self._manifest = mapping(fact.body, "manifest")
        self._entries = mapping(self._manifest, "artifacts")
        self._new = set(items(self._manifest, "new"))
        self._at = fact.at
        step, path, index = text(fact.body, "step"), text(fact.body, "path"), number(fact.body, "index")
        self._key = (step, path, index)
        known = nodes.task(self._project, self._run, step, path, index, text(fact.body, "taskId"))
        self._node = told.node(known.told(fact.at))

    def read(self) -> None:
        told, project, run = self._told, self._project, self._run
        if flow := text(self._body, "flow"):
            told.name(nodes.Name(run, project, nodes.KINDS["run"], flow, ALWAYS))
        told.edge(nodes.run(project, run), "ran", self._node)
        if number(self._body, "depth"):
            told.edge(self._node, "gathers", nodes.gather(project, run, *self._key[:2]))
        origin = optional_run(self._body, "originRunId")
        if origin is not None:
            told.edge(nodes.task(project, origin, *self._key), "took_over", self._node)
        self._wrote()
        self._read()
        for given in items(self._manifest, "data"):
            if isinstance(given, Mapping) and (uri := text(given, "uri")):
                told.edge(nodes.data(self._project, uri), "used", self._node)
        for use in items(self._manifest, "uses"):
            if isinstance(use, Mapping) and (used := self._used(use)) is not None:
                told.edge(used, "used", self._node)

    def _wrote(self) -> None:
        for name in sorted(self._new & self._entries.keys()):
            entry = self._entries[name]
            if not digest_of(entry.get("digest")):
                continue
            about = {key: entry.get(key, "") for key in ("type", "size", "encoding")}
            made = self._artifact(name, entry).told(ALWAYS, about)
            self._told.edge(self._node, "wrote", made)
            if not entry.get("inline") and entry.get("encoding") != "metaflow":
                self._told.edge(made, "holds", nodes.blob(self._project, entry["digest"]))

    def _read(self) -> None:
        reads = self._manifest.get("reads")
        reads = reads if isinstance(reads, Mapping) else None
        for node in self._parameters(reads):
            self._told.edge(node, "read", self._node)
        seen = reads.get("artifacts") if reads is not None and "all" not in reads else None
        if isinstance(seen, Mapping):
            found = self._named(seen, reads or {})
        else:
            found = [(n, e) for n, e in self._entries.items() if n not in self._new and digest_of(e.get("digest"))]
            self._inputs(all_read=not self._entries)
        for name, entry in [*found[:MOST], *self._lists(reads)]:
            self._told.edge(self._artifact(name, entry), "read", self._node)

    def _parameters(self, reads: Body | None) -> Iterator[Node]:
        names = items(reads, "parameters") if reads is not None else ["*"]
        if "*" in names:
            yield nodes.parameters(self._project, self._run)
            return
        yield from (nodes.parameter(self._project, self._run, name) for name in names if isinstance(name, str))

    def _named(self, seen: Body, reads: Body) -> list[tuple[str, Body]]:
        """The artifacts that it has looked at: of those that it has overwritten the manifest has the digest aside."""
        digests = mapping(reads, "digests")
        found: list[tuple[str, Body]] = []
        for name, identity in seen.items():
            entry = self._entries.get(name, {})
            if name not in self._new and identity and identity_of(entry) == identity:
                found.append((name, entry))
            elif digest := digest_of(digests.get(name)):
                found.append((name, {"digest": digest}))
        return found

    def _lists(self, reads: Body | None) -> list[tuple[str, Body]]:
        """The list whose item it is for."""
        lists = mapping(self._manifest, "foreach").values()
        entries = [entry for entry in lists if digest_of(entry.get("digest")) and entry.get("var")]
        wanted = mapping(reads, "item").get("list") if reads is not None else None
        if reads is not None and wanted is None:
            return []
        return [(e["var"], e) for e in entries if wanted is None or identity_of(e) == wanted]

    def _inputs(self, *, all_read: bool) -> None:
        """The tasks before it: all of a foreach, and single ones where the artifacts do not tell the way."""
        for given in items(self._body, "inputs"):
            step, path = text(given, "step"), text(given, "path")
            if given.get("all"):
                self._told.edge(nodes.gather(self._project, self._run, step, path), "read", self._node)
            elif all_read or len(self._body["inputs"]) > 1:
                before = nodes.task(self._project, self._run, step, path, number(given, "index"))
                self._told.edge(before, "read", self._node)

    def _used(self, use: Body) -> Node | None:
        """What it has loaded from elsewhere."""
        digest = digest_of(use.get("digest"))
        run = optional_run(use, "run")
        if run is not None and use.get("artifact") and digest:
            return nodes.artifact(self._project, run, text(use, "artifact"), digest)
        if use.get("model"):
            model = nodes.model_id(self._project, number(use, "modelUid"), text(use, "model"))
            return nodes.version(self._project, model, number(use, "version"))
        if use.get("dataset"):
            return nodes.dataset(self._project, f"{text(use, 'dataset')}/{number(use, 'version')}")
        return nodes.blob(self._project, digest) if digest else None

    def _artifact(self, name: str, entry: Body) -> Node:
        return nodes.artifact(self._project, self._run, name[: nodes.MOST_TEXT], entry["digest"])


def identity_of(entry: Body) -> str:
    """docs/formats.md, "What a task has read"."""
    line = f"{entry.get('encoding', '')} {entry.get('digest', '')} {entry.get('name', '')}"
    return hashlib.sha256(line.encode()).hexdigest()[:32]
