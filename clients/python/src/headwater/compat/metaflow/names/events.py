"""metaflow.events."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "MetaflowEvent": "headwater.flow.current:TriggerEvent",
        "Trigger": "headwater.flow.current",
    },
)
