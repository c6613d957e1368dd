"""The OpenAPI document as one page of HTML: no script, no font, nothing from elsewhere."""

from functools import cache
from html import escape
from typing import Any

from headwater_server.gateway.openapi import document

_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code{font:13px ui-monospace,monospace}h2{margin-top:2.5rem;border-bottom:1px solid #8884}
details{border:1px solid #8884;border-radius:6px;margin:.4rem 0;padding:.4rem .7rem}summary{cursor:pointer}
summary b{display:inline-block;min-width:4.2rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0}small{opacity:.7}
"""
_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}


@cache
def page() -> tuple[bytes, str, dict[str, str]]:
    """The page as an answer: body, media type, headers."""
    return html(document()).encode(), "text/html; charset=utf-8", _HEADERS


def html(doc: dict[str, Any]) -> str:
    info = doc["info"]
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])} API</title>',
        f"<style>{_STYLE}</style><h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>",
        f'<p>{_prose(info["description"])} The same as a document: <a href="/openapi.json">/openapi.json</a>.</p>',
        "<p>Send <code>Authorization: Bearer &lt;token&gt;</code>.</p>",
    ]
    for tag in doc["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2>")
        for path, verbs in doc["paths"].items():
            parts += [_operation(verb, path, op) for verb, op in verbs.items() if tag["name"] in op["tags"]]
    parts.append("<h2>Types</h2>")
    parts += [_type(name, schema) for name, schema in doc["components"]["schemas"].items()]
    return "\n".join(parts) + "</html>\n"


def _operation(verb: str, path: str, op: dict[str, Any]) -> str:
    rows = [(p["name"], f"{p['in']}, {_kind(p['schema'])}", p.get("description", "")) for p in op["parameters"]]
    rows += [row for content in _contents(op.get("requestBody")) for row in _rows(content["schema"], "body, ")]
    answer = next((_kind(c["schema"]) for c in _contents(op["responses"]["200"])), "")
    return (
        f'<details id="{escape(op["operationId"])}"><summary><b>{verb.upper()}</b> <code>{escape(path)}</code> '
        f"{_prose(op['summary'])}</summary><p>{_prose(op['description'])}</p>{_table(rows)}"
        f"<p><small>Answer:</small> {answer}</p></details>"
    )


def _contents(part: dict[str, Any] | None) -> list[dict[str, Any]]:
    return list((part or {}).get("content", {}).values())


def _type(name: str, schema: dict[str, Any]) -> str:
    text = _prose(schema.get("description", ""))
    values = ", ".join(f"<code>{escape(value)}</code>" for value in schema.get("enum", ()))
    return (
        f'<details id="type-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<p>{text}</p>{_table(_rows(schema))}<p>{values}</p></details>"
    )


def _rows(schema: dict[str, Any], place: str = "") -> list[tuple[str, str, str]]:
    return [
        (name, place + _kind(each), each.get("description", "")) for name, each in schema.get("properties", {}).items()
    ]


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td><small>{kind}</small></td><td>{_prose(text)}</td></tr>"
        for name, kind, text in rows
    )
    return f"<table>{cells}</table>" if cells else ""


def _kind(schema: dict[str, Any]) -> str:
    """The type of a schema as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return f"text → {_kind(schema['additionalProperties'])}"
    kind = schema.get("type", "any")
    shown = " or ".join(kind) if isinstance(kind, list) else kind
    return escape(schema.get("format", shown))


def _prose(text: str) -> str:
    """Text with `code` in it."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))
