"""SHA-256 twice: Python's own for what is small, OpenSSL's, some times as fast, for what is not. Loading OpenSSL is put
off: its libraries in the parent make the fork of every task dearer."""

from typing import Any

try:
    from _sha256 import sha256 as small  # pyright: ignore[reportMissingImports]
except ImportError:  # from Python 3.12 on
    from hashlib import sha256 as small

__all__ = ["large", "small"]


def large() -> Any:
    """An empty hash for a lot of data."""
    import hashlib

    return hashlib.sha256()
