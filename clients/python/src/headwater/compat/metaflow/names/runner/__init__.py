"""metaflow.runner."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "Runner": "headwater",
        "NBRunner": "headwater",
        "Deployer": "headwater",
        "NBDeployer": "headwater",
        "DeployedFlow": "headwater",
    },
)
