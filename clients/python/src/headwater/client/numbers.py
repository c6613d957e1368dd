"""JSON as it was before protobuf made every number a double."""

from typing import Any


def plain_number(value: Any) -> Any:
    """The value with whole numbers as int, however deep they stand."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [plain_number(each) for each in value]
    if isinstance(value, dict):
        return {key: plain_number(each) for key, each in value.items()}
    return value
