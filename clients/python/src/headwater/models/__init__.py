"""The model registry: register_model, promote, load_model, and what there is to see.

A version is immutable; an alias such as "champion" points at one and is moved by promote(), which leaves evidence.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.models.read import get_model as get_model
    from headwater.models.read import get_version as get_version
    from headwater.models.read import list_models as list_models
    from headwater.models.read import list_promotions as list_promotions
    from headwater.models.read import list_versions as list_versions
    from headwater.models.read import load_model as load_model
    from headwater.models.signature import infer_signature as infer_signature
    from headwater.models.types import Model as Model
    from headwater.models.types import ModelVersion as ModelVersion
    from headwater.models.types import Promotion as Promotion
    from headwater.models.write import promote as promote
    from headwater.models.write import register_model as register_model
    from headwater.models.write import remove_alias as remove_alias
    from headwater.models.write import update_model as update_model
    from headwater.models.write import update_version as update_version

_HOMES = {
    "headwater.models.read": (
        "get_model",
        "get_version",
        "list_models",
        "list_promotions",
        "list_versions",
        "load_model",
    ),
    "headwater.models.signature": ("infer_signature",),
    "headwater.models.types": ("Model", "ModelVersion", "Promotion"),
    "headwater.models.write": ("promote", "register_model", "remove_alias", "update_model", "update_version"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'headwater.models' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value
