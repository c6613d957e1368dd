"""metaflow.user_decorators.mutable_flow."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "MutableFlow": "headwater.flow.mutators",
    },
)
