"""metaflow.tagging_util: what a tag may be."""

from collections.abc import Iterable
from typing import Any

from headwater.compat.metaflow.exceptions import MetaflowTaggingError as MetaflowTaggingError

MAX_USER_TAG_SET_SIZE = 50
MAX_TAG_SIZE = 500
__all__ = ["MAX_TAG_SIZE", "MAX_USER_TAG_SET_SIZE", "MetaflowTaggingError", "validate_tag", "validate_tags"]


def validate_tags(tags: Iterable[Any], existing_tags: Iterable[Any] | None = None) -> None:
    """Raises MetaflowTaggingError for too many, or for one that is no tag."""
    found = frozenset(tags)
    grows = existing_tags is None or len(frozenset(existing_tags)) < len(found)
    if len(found) > MAX_USER_TAG_SET_SIZE and grows:
        raise MetaflowTaggingError(f"Cannot increase size of tag set beyond {MAX_USER_TAG_SET_SIZE}")
    for tag in found:
        validate_tag(tag)


def validate_tag(tag: Any) -> None:
    if not isinstance(tag, (str, bytes)):
        raise MetaflowTaggingError(f"Tags must be some kind of string (bytes or unicode), got {type(tag)}")
    try:
        text = tag.decode("utf-8") if isinstance(tag, bytes) else tag
        text.encode("utf-8")
    except UnicodeError:
        raise MetaflowTaggingError("Tags must be UTF-8") from None
    if not text:
        raise MetaflowTaggingError("Tags must not be empty string")
    if len(text) > MAX_TAG_SIZE:
        raise MetaflowTaggingError(f"Tag is too long {len(text)} > {MAX_TAG_SIZE}")
