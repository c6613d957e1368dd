"""metaflow.client.core."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "Metaflow": "headwater.client",
        "Flow": "headwater.client",
        "Run": "headwater.client",
        "Step": "headwater.client",
        "Task": "headwater.client",
        "DataArtifact": "headwater.client",
        "MetaflowCode": "headwater.client",
        "namespace": "headwater.client",
        "get_namespace": "headwater.client",
        "default_namespace": "headwater.client",
        "metadata": "headwater.client",
        "get_metadata": "headwater.client",
        "default_metadata": "headwater.client",
        "inspect_spin": "headwater.client",
        "MetaflowData": "headwater.client.values:TaskData",
    },
)
