"""docs/openapi.json: the document that the gateway serves, and the comments of the protos that it shows."""

import json
from pathlib import Path

from headwater_server.gateway.comments import collect
from headwater_server.gateway.openapi import document as _document

ROOT = Path(__file__).resolve().parents[2]


def document() -> str:
    return json.dumps(_document(), indent=1, ensure_ascii=False) + "\n"


def comments() -> str:
    return json.dumps(collect(ROOT / "proto", ROOT / ".venv/bin/buf"), indent=1, ensure_ascii=False) + "\n"
