"""Types and ids of the cards of each step of a run, by the client of whichever package is `metaflow` here, as JSON."""

import json
import sys

from metaflow import Run, namespace
from metaflow.cards import get_cards


def cards(task):
    try:
        return [[card.type, card.id or ""] for card in get_cards(task)]
    except Exception as error:
        return [[type(error).__name__, ""]]


if __name__ == "__main__":
    namespace(None)
    found = {step.id: sorted(card for task in step for card in cards(task)) for step in Run(sys.argv[1])}
    print(json.dumps(found, sort_keys=True))
