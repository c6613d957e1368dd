"""metaflow.util."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "get_username": "headwater.flow.parameters:user_name",
    },
)
