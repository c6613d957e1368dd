"""Which params, metrics and tags a list of runs shows: `metrics.loss`, `params.*`, `attributes.name`. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.filters import parse_key

ALL = "*"
MAX_COLUMNS = 1000
_FIELDS = ("params", "metrics", "tags")


@dataclass(frozen=True)
class Columns:
    """Keys of each kind; None: all of them, empty: none."""

    params: frozenset[str] | None = None
    metrics: frozenset[str] | None = None
    tags: frozenset[str] | None = None

    @property
    def names(self) -> set[str]:
        return {name for keys in (self.params, self.metrics, self.tags) if keys for name in keys}

    def wanted(self, ids: Mapping[str, int]) -> "ColumnIds":
        found = ([ids[k] for k in keys if k in ids] if keys is not None else None for keys in self._each())
        return ColumnIds(*found)

    def _each(self) -> tuple[frozenset[str] | None, ...]:
        return self.params, self.metrics, self.tags


@dataclass(frozen=True)
class ColumnIds:
    """The same as ids of keys."""

    params: Sequence[int] | None = None
    metrics: Sequence[int] | None = None
    tags: Sequence[int] | None = None


EVERYTHING = Columns()


def parse_columns(texts: Iterable[str], *, field: str = "columns") -> Columns:
    """No texts: everything. Raises InvalidArgument naming the text and the position in it."""
    found: dict[str, set[str]] = {name: set() for name in _FIELDS}
    given = list(texts)
    if not given:
        return EVERYTHING
    if len(given) > MAX_COLUMNS:
        hint = 'name fewer, or all of a kind: "metrics.*"'
        raise InvalidArgument(f"{field}: {len(given)} names, at most {MAX_COLUMNS}", field=field, hint=hint)
    for number, text in enumerate(given):
        key = parse_key(text, field=f"{field}[{number}]")
        if key.kind != "attribute":  # what a run is always comes
            found[f"{key.kind}s"].add(key.name)
    return Columns(*(None if ALL in found[name] else frozenset(found[name]) for name in _FIELDS))
