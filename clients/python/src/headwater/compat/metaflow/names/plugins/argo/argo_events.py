"""metaflow.plugins.argo.argo_events."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "ArgoEvent": "headwater.events",
        "ArgoEventException": "headwater.events",
    },
)
