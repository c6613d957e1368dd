"""metaflow.exception."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "METAFLOW_EXIT_DISALLOW_RETRY": "headwater.compat.metaflow.exceptions",
        "METAFLOW_EXIT_ALLOW_RETRY": "headwater.compat.metaflow.exceptions",
        "MetaflowExceptionWrapper": "headwater.compat.metaflow.exceptions",
        "MetaflowException": "headwater.compat.metaflow.exceptions",
        "ParameterFieldFailed": "headwater.compat.metaflow.exceptions",
        "ParameterFieldTypeMismatch": "headwater.compat.metaflow.exceptions",
        "ExternalCommandFailed": "headwater.compat.metaflow.exceptions",
        "MetaflowNotFound": "headwater.compat.metaflow.exceptions",
        "MetaflowNamespaceMismatch": "headwater.compat.metaflow.exceptions",
        "MetaflowInvalidPathspec": "headwater.compat.metaflow.exceptions",
        "MetaflowInternalError": "headwater.compat.metaflow.exceptions",
        "MetaflowTaggingError": "headwater.compat.metaflow.exceptions",
        "MetaflowUnknownUser": "headwater.compat.metaflow.exceptions",
        "InvalidDecoratorAttribute": "headwater.compat.metaflow.exceptions",
        "CommandException": "headwater.compat.metaflow.exceptions",
        "MetaflowDataMissing": "headwater.compat.metaflow.exceptions",
        "UnhandledInMergeArtifactsException": "headwater.compat.metaflow.exceptions",
        "MissingInMergeArtifactsException": "headwater.compat.metaflow.exceptions",
    },
)
