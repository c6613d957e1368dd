"""metaflow.runner.nbdeploy."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "NBDeployer": "headwater",
    },
)
