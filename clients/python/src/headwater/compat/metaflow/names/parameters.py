"""metaflow.parameters."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "Parameter": "headwater.flow.parameters",
        "JSONType": "headwater.flow.parameters",
        "JSONTypeClass": "headwater.flow.parameters:_JSONType",
        "ParameterContext": "headwater.flow.parameters:DeployTimeContext",
        "DeployTimeField": "headwater.flow.delayed:Delayed",
    },
)
