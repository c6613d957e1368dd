"""metaflow.runner.deployer."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "Deployer": "headwater",
        "DeployedFlow": "headwater",
        "TriggeredRun": "headwater.runner.deployed",
    },
)
