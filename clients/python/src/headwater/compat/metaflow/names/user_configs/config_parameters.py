"""metaflow.user_configs.config_parameters."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "Config": "headwater",
        "ConfigValue": "headwater",
        "config_expr": "headwater",
        "DelayEvaluator": "headwater.flow.delayed:Delayed",
    },
)
