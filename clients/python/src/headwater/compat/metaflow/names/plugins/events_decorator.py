"""metaflow.plugins.events_decorator."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "trigger": "headwater",
        "trigger_on_finish": "headwater",
    },
)
