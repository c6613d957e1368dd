"""docs/openapi.json: the document that the gateway serves at /openapi.json."""

import json

from headwater_server.gateway.openapi import document as _document


def document() -> str:
    return json.dumps(_document(), indent=1, ensure_ascii=False) + "\n"
