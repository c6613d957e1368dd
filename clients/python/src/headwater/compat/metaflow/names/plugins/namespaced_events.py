"""metaflow.plugins.namespaced_events."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "namespaced_event_name": "headwater.flow.triggers",
    },
)
