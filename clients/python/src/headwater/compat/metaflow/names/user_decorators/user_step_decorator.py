"""metaflow.user_decorators.user_step_decorator."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "UserStepDecorator": "headwater",
        "user_step_decorator": "headwater",
        "USER_SKIP_STEP": "headwater",
        "StepMutator": "headwater",
    },
)
