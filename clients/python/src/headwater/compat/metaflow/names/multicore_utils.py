"""metaflow.multicore_utils."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "parallel_map": "headwater",
        "parallel_imap_unordered": "headwater",
        "MulticoreException": "headwater.flow.multicore",
    },
)
