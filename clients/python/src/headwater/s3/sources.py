"""What a user gives to be stored, as bytes to send: text, bytes, an open file, a file on disk by mmap."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headwater.s3.errors import MetaflowS3Exception, MetaflowS3InvalidObject


def bytes_of(value: Any, key: str) -> bytes | memoryview:
    """Raises MetaflowS3InvalidObject."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return memoryview(value).cast("B") if value else b""
    if not hasattr(value, "read"):
        raise MetaflowS3InvalidObject(
            f"Object corresponding to the key '{key}' is not a string or a bytes object.",
            hint=f"it is a {type(value).__name__}: pickle it, or assign it to self as an artifact",
        )
    if not value.readable() or not value.seekable():
        raise MetaflowS3InvalidObject(f"Object corresponding to the key '{key}' is not readable or seekable")
    value.seek(0)
    data = value.read()
    if isinstance(data, str):
        raise MetaflowS3InvalidObject(f"the file for key '{key}' is open as text", hint='open it with "rb"')
    return data


@contextmanager
def mapped(path: str) -> Iterator[bytes | memoryview]:
    """The bytes of a file, without reading it at once."""
    try:
        with open(path, "rb") as file:
            if file.seek(0, 2) == 0:
                yield b""
                return
            yield memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise MetaflowS3Exception(f"{path} cannot be read: {error.strerror or error}") from error
