"""metaflow.cards."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "MetaflowCardComponent": "headwater.cards",
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
        "MetaflowCard": "headwater.cards",
        "DefaultCard": "headwater.cards",
        "BlankCard": "headwater.cards",
        "ErrorCard": "headwater.cards",
        "DefaultCardJSON": "headwater.cards",
        "TaskSpecCard": "headwater.cards",
        "get_cards": "headwater.cards",
        "Html": "headwater.cards",
        "PageComponent": "headwater.cards",
    },
)
