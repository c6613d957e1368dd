"""What lists show of the inputs and outputs of a trace: the last message of its kind, or the beginning of all. Pure."""

from typing import Any

import msgspec

from headwater_server.tracking.traces import names

MAX_DEPTH = 3


def of_text(text: object, role: str) -> str | None:
    """role: whose message to look for in what looks like a conversation."""
    if not isinstance(text, str) or not text:
        return None
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        value = None
    messages = _messages(value)
    return names.preview((_content(messages, role) if messages else "") or text)


def _messages(value: Any, depth: int = 0) -> list[dict[str, Any]]:
    """As OpenAI's APIs have them, for chats and responses."""
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        return []
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return _those([choices[0].get("message")])
    for name in ("messages", "input", "output"):
        if isinstance(value.get(name), list):
            return _those(value[name])
    return _messages(value.get("request"), depth + 1)


def _those(items: list[Any]) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict) and "role" in item and "content" in item]


def _content(messages: list[dict[str, Any]], role: str) -> str:
    message = next((each for each in reversed(messages) if each["role"] == role), messages[-1])
    content = message["content"]
    if isinstance(content, str):
        return content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            return part
        if isinstance(part, dict) and part.get("type") in ("text", "output_text"):
            return str(part.get("text") or "")
    return ""
