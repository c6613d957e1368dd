"""Types and ids of the cards of each step of a run, by the client of whichever package is `metaflow` here, as JSON."""

import json
import sys

from metaflow import Run, namespace
from metaflow.cards import get_cards

if __name__ == "__main__":
    namespace(None)
    found = {
        step.id: sorted([card.type, card.id or ""] for task in step for card in get_cards(task))
        for step in Run(sys.argv[1])
    }
    print(json.dumps(found, sort_keys=True))
