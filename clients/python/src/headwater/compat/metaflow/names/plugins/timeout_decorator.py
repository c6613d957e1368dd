"""metaflow.plugins.timeout_decorator."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "TimeoutException": "headwater.compat.metaflow.exceptions",
    },
)
