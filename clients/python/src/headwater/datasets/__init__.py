"""Datasets: named lists of files with versions that never change, and aliases that move between them.

    version = create_version("digits", ["data/", "dataset://digits/latest"], exclude=["*.tmp"], aliases=["production"])
    folder = download("dataset://digits/production", "digits")

`dataset://NAME/VERSION` (a number, a name, an alias or latest) and `datum://ID` (one file) stand for data wherever it
is asked for: here, in headwater.artifacts.get and open, and as a parameter of a run, which keeps what it meant at the
start.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.datasets.download import download as download
    from headwater.datasets.read import files as files
    from headwater.datasets.read import get as get
    from headwater.datasets.read import get_dataset as get_dataset
    from headwater.datasets.read import list_datasets as list_datasets
    from headwater.datasets.read import list_moves as list_moves
    from headwater.datasets.read import list_versions as list_versions
    from headwater.datasets.read import resolve as resolve
    from headwater.datasets.sources import Source as Source
    from headwater.datasets.types import AliasMove as AliasMove
    from headwater.datasets.types import Dataset as Dataset
    from headwater.datasets.types import DatasetFile as DatasetFile
    from headwater.datasets.types import DatasetVersion as DatasetVersion
    from headwater.datasets.write import create_version as create_version
    from headwater.datasets.write import delete as delete
    from headwater.datasets.write import remove_alias as remove_alias
    from headwater.datasets.write import remove_datum_alias as remove_datum_alias
    from headwater.datasets.write import set_alias as set_alias
    from headwater.datasets.write import set_datum_alias as set_datum_alias
    from headwater.datasets.write import tag as tag

_HOMES = {
    "headwater.datasets.download": ("download",),
    "headwater.datasets.read": (
        "files",
        "get",
        "get_dataset",
        "list_datasets",
        "list_moves",
        "list_versions",
        "resolve",
    ),
    "headwater.datasets.sources": ("Source",),
    "headwater.datasets.types": ("AliasMove", "Dataset", "DatasetFile", "DatasetVersion"),
    "headwater.datasets.write": (
        "create_version",
        "delete",
        "remove_alias",
        "remove_datum_alias",
        "set_alias",
        "set_datum_alias",
        "tag",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'headwater.datasets' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value
