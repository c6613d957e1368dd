"""metaflow.plugins.cards.card_modules.components."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "UserComponent": "headwater.cards",
        "Artifact": "headwater.cards",
        "Table": "headwater.cards",
        "Error": "headwater.cards",
        "Markdown": "headwater.cards",
        "ProgressBar": "headwater.cards",
        "PythonCode": "headwater.cards",
        "VegaChart": "headwater.cards",
        "Image": "headwater.cards",
        "EventsTimeline": "headwater.cards",
        "ValueBox": "headwater.cards",
        "JSONViewer": "headwater.cards",
        "YAMLViewer": "headwater.cards",
    },
)
