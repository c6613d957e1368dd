"""metaflow.metaflow_current."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "current": "headwater",
        "Current": "headwater.flow.current",
        "Parallel": "headwater.flow.current",
    },
)
