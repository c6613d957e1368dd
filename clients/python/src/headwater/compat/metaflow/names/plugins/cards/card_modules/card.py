"""metaflow.plugins.cards.card_modules.card."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "MetaflowCard": "headwater.cards",
        "MetaflowCardComponent": "headwater.cards",
    },
)
