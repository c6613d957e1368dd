"""Looks into the registry, and turns a version back into the model."""

from typing import TYPE_CHECKING, Any

from headwater.client.http import API, connect, segment
from headwater.errors import ArtifactError, HeadwaterError
from headwater.models.types import (
    Model,
    ModelVersion,
    Promotion,
    parse_model,
    parse_promotion,
    parse_reference,
    parse_version,
)
from headwater.runtime import uses

if TYPE_CHECKING:
    from headwater.client.http import Connection


def models_path(conn: "Connection", name: str = "") -> str:
    base = f"{API}/projects/{segment(conn.project)}/models"
    return f"{base}/{segment(name)}" if name else base


def load_model(reference: str) -> Any:
    """The model object of "digits@champion", "digits/3" or "digits" (the latest version).

    Raises NotFound when there is no such model, version or alias; DataLoss when its bytes are damaged; ArtifactError
    when this Python cannot load it. Loading runs code that the model brings along: trust who registered it.

        >>> load_model("digits@champion").predict(X)
    """
    return load_version(get_version(reference))


def load_version(version: ModelVersion) -> Any:
    """The object of a version; a pathlib.Path when a file was registered."""
    from headwater.artifacts import blobs
    from headwater.runtime.store import InputStore

    if version.source and not version.digest:
        text = f"model {version} was registered with MLflow: its files lie at {version.source}"
        hint = f'mlflow.pyfunc.load_model("models:/{version}"), with the settings that `headwater env` prints'
        raise ArtifactError(text, name=version.name, hint=hint)
    uses.note(model=version.name, modelUid=version.uid, version=version.version)
    entry = {"digest": version.digest, "size": version.size, "encoding": version.encoding, "type": version.type}
    if filename := version.tags.get("headwater.file"):
        entry["name"] = filename
    try:
        return InputStore(b"", blobs.get, blobs.cache() / "files").value(entry)
    except HeadwaterError:
        raise
    except (ImportError, AttributeError) as error:
        text = f"model {version} is a {version.type}, which this Python cannot load: {error}"
        raise ArtifactError(text, name=version.name, hint="install the package that the model comes from") from error
    except Exception as error:
        raise ArtifactError(f"model {version} cannot be loaded: {error}", name=version.name) from error


def get_version(reference: str) -> ModelVersion:
    """The version that "name@alias", "name/3", "name/latest" or "name" stands for. Raises NotFound."""
    name, version = parse_reference(reference)
    conn = connect()
    return parse_version(conn.call("GET", f"{models_path(conn, name)}/versions/{segment(version)}")["version"])


def get_model(name: str) -> Model:
    """A model with its aliases. Raises NotFound."""
    conn = connect()
    return parse_model(conn.call("GET", models_path(conn, name))["model"])


def list_models() -> list[Model]:
    """Every model of the project."""
    conn = connect()
    return [parse_model(body) for body in conn.pages(models_path(conn), "models")]


def list_versions(name: str) -> list[ModelVersion]:
    """Versions of a model, newest first."""
    conn = connect()
    bodies = conn.pages(f"{models_path(conn, name)}/versions", "versions")
    return sorted((parse_version(body) for body in bodies), key=lambda version: -version.version)


def list_promotions(name: str, alias: str = "") -> list[Promotion]:
    """Every move of the aliases of a model, newest first: who, when, why, with which metrics."""
    conn = connect()
    bodies = conn.pages(f"{models_path(conn, name)}/promotions", "promotions", {"alias": alias})
    return [parse_promotion(body) for body in bodies]
