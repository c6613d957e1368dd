"""metaflow.plugins.parsers."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "yaml_parser": "headwater.compat.metaflow.config_parsers",
    },
)
