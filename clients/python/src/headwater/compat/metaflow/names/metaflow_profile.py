"""metaflow.metaflow_profile."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "profile": "headwater",
        "from_start": "headwater.flow.debugging",
    },
)
