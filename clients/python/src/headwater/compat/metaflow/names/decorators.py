"""metaflow.decorators."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "step": "headwater",
        "BadStepDecoratorException": "headwater.compat.metaflow.exceptions",
        "BadFlowDecoratorException": "headwater.compat.metaflow.exceptions",
        "UnknownStepDecoratorException": "headwater.compat.metaflow.exceptions",
        "DuplicateStepDecoratorException": "headwater.compat.metaflow.exceptions",
        "UnknownFlowDecoratorException": "headwater.compat.metaflow.exceptions",
        "DuplicateFlowDecoratorException": "headwater.compat.metaflow.exceptions",
    },
)
