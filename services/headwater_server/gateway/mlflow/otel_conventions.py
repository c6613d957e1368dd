"""What spans of other tools call the inputs, outputs, tokens and models that MLflow shows: told in MLflow's words too.

OpenTelemetry's conventions for generative AI, OpenInference and Traceloop (OpenLLMetry). Attributes are JSON in texts;
what a span says in MLflow's words itself stays. Pure.
"""

import json
from collections.abc import Mapping
from typing import Any

TYPE, INPUTS, OUTPUTS = "mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs"
USAGE, MODEL, PROVIDER = "mlflow.chat.tokenUsage", "mlflow.llm.model", "mlflow.llm.provider"
UNKNOWN = "UNKNOWN"
_TYPES: dict[str, dict[str, str]] = {
    "openinference.span.kind": {
        name: name
        for name in ("TOOL", "CHAIN", "LLM", "RETRIEVER", "EMBEDDING", "AGENT", "RERANKER", "GUARDRAIL", "EVALUATOR")
    },
    "gen_ai.operation.name": {
        "chat": "CHAT_MODEL", "create_agent": "AGENT", "embeddings": "EMBEDDING", "execute_tool": "TOOL",
        "generate_content": "LLM", "invoke_agent": "AGENT", "text_completion": "LLM", "response": "LLM",
    },
    "traceloop.span.kind": {"workflow": "WORKFLOW", "task": "TASK", "agent": "AGENT", "tool": "TOOL"},
}  # fmt: skip
_SAME = {
    INPUTS: ("input.value", "gen_ai.input.messages", "gen_ai.tool.call.arguments", "traceloop.entity.input"),
    OUTPUTS: ("output.value", "gen_ai.output.messages", "gen_ai.tool.call.result", "traceloop.entity.output"),
    MODEL: (
        "llm.response.model_name", "llm.model_name", "llm.request.model_name", "embedding.model_name",
        "gen_ai.response.model", "gen_ai.request.model",
    ),
    PROVIDER: ("llm.provider", "gen_ai.provider.name", "gen_ai.system"),
}  # fmt: skip
_TOKENS = {
    "input_tokens": ("llm.token_count.prompt", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("llm.token_count.completion", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "total_tokens": ("llm.token_count.total", "llm.usage.total_tokens"),
    "cache_read_input_tokens": (
        "llm.token_count.prompt_details.cache_read", "gen_ai.usage.cache_read.input_tokens",
    ),
    "cache_creation_input_tokens": (
        "llm.token_count.prompt_details.cache_write", "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
    ),
}  # fmt: skip
_EMPTY = ('""', "null", "{}", "[]")


def translated(attributes: dict[str, str]) -> dict[str, str]:
    """The attributes and what they say in MLflow's words."""
    found = dict(attributes)
    if attributes.get(TYPE) in (None, f'"{UNKNOWN}"') and (kind := _type(attributes)):
        found[TYPE] = json.dumps(kind)
    for name, others in _SAME.items():
        value = next((attributes[other] for other in others if attributes.get(other, "null") not in _EMPTY), None)
        if name not in attributes and value is not None:
            found[name] = value
    if USAGE not in attributes and (usage := _usage(attributes)):
        found[USAGE] = json.dumps(usage)
    return found


def _type(attributes: Mapping[str, str]) -> str:
    for name, kinds in _TYPES.items():
        if (said := attributes.get(name)) is not None and (kind := kinds.get(said.strip('"'))):
            return kind
    return ""


def _usage(attributes: Mapping[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, others in _TOKENS.items():
        counts = (_count(attributes[other]) for other in others if other in attributes)
        if (count := next((count for count in counts if count is not None), None)) is not None:
            found[name] = count
    if "total_tokens" not in found and "input_tokens" in found and "output_tokens" in found:
        found["total_tokens"] = found["input_tokens"] + found["output_tokens"]
    return found if any(name in found for name in ("input_tokens", "output_tokens", "total_tokens")) else {}


def _count(text: str) -> int | None:
    """Numbers, and numbers in texts."""
    try:
        value: Any = json.loads(text)
        return int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        return None
