"""metaflow.plugins.parallel_decorator."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "parallel": "headwater",
        "Parallel": "headwater.flow.current",
    },
)
