"""Words for errors: how a value is shown, and what the caller may have meant. Pure."""

import difflib
from collections.abc import Sequence


def shown(value: object) -> str:
    """A value as an error shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """A hint made of what there is: close names first, else the first ten."""
    if not names:
        return "there is none yet"
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return "there is " + ", ".join(repr(n) for n in names[:10]) + more
