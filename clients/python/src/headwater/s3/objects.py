"""What goes into and comes out of the S3 tool: requests for parts of objects, objects to store, objects found."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

USER_METADATA = "metaflow-user-attributes"


class S3GetObject(NamedTuple):
    """`length` bytes from `offset` on; a negative length means that many from the end; None: to the end."""

    key: str
    offset: int | None = None
    length: int | None = None


class S3PutObject(NamedTuple):
    """Something to store: a `value` for put_many, a local file at `path` for put_files."""

    key: str
    value: Any = None
    path: str | None = None
    content_type: str | None = None
    encryption: str | None = None
    metadata: dict[str, str] | None = None


class RangeInfo(NamedTuple):
    """Which part of an object was downloaded, in bytes."""

    total_size: int
    request_offset: int = 0
    request_length: int = -1


class S3Object:
    """A path or an object in S3, with a local copy when it was downloaded. Made by the methods of S3."""

    def __init__(
        self,
        prefix: str | None,
        url: str,
        path: str | None,
        size: int | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        range_info: RangeInfo | None = None,
        last_modified: int | None = None,
        encryption: str | None = None,
    ) -> None:
        self._url, self._path = url, path
        self._size = Path(path).stat().st_size if path else size
        self._content_type, self._last_modified, self._encryption = content_type, last_modified, encryption
        self._metadata: dict[str, str] | None = None
        if metadata is not None and USER_METADATA in metadata:
            self._metadata = json.loads(metadata[USER_METADATA])
        self._range_info = range_info
        if range_info is not None and range_info.request_length < 0:
            self._range_info = range_info._replace(request_length=range_info.total_size)
        if prefix is None or prefix == url:
            self._prefix, self._key = None, url
        else:
            self._prefix, self._key = prefix, url[len(prefix.rstrip("/")) + 1 :].rstrip("/")

    @property
    def exists(self) -> bool:
        """Is it an object, and not only the beginning of names?"""
        return self._size is not None

    @property
    def downloaded(self) -> bool:
        """Are `path`, `blob` and `text` there?"""
        return bool(self._path)

    @property
    def url(self) -> str:
        """s3://bucket/key of the object."""
        return self._url

    @property
    def prefix(self) -> str | None:
        """The prefix it was found under; None when it was asked for by its full address."""
        return self._prefix

    @property
    def key(self) -> str:
        """The name it was asked for by: relative to the prefix, or the full address."""
        return self._key

    @property
    def path(self) -> str | None:
        """The local copy; gone with the S3 object that made it."""
        return self._path

    @property
    def blob(self) -> bytes | None:
        """Its bytes; None when it was not downloaded."""
        if not self._path:
            return None
        with open(self._path, "rb") as file:
            return file.read()

    @property
    def text(self) -> str | None:
        """Its bytes as UTF-8; None when it was not downloaded."""
        data = self.blob
        return None if data is None else data.decode("utf-8", errors="replace")

    @property
    def size(self) -> int | None:
        """Bytes: of the local copy when there is one, else of the object; None when there is no object."""
        return self._size

    @property
    def has_info(self) -> bool:
        """Is more known than name and size?"""
        known = (self._content_type, self._metadata, self._range_info, self._encryption)
        return any(value is not None for value in known)

    @property
    def metadata(self) -> dict[str, str] | None:
        """What was given as `metadata` when it was stored."""
        return self._metadata

    @property
    def content_type(self) -> str | None:
        return self._content_type

    @property
    def encryption(self) -> str | None:
        """How the server encrypts it, e.g. "AES256" or "aws:kms"."""
        return self._encryption

    @property
    def range_info(self) -> RangeInfo | None:
        return self._range_info

    @property
    def last_modified(self) -> int | None:
        """Seconds since 1970."""
        return self._last_modified

    def __str__(self) -> str:
        if self._path:
            return f"<S3Object {self._url} ({self._size} bytes, local)>"
        if self._size:
            return f"<S3Object {self._url} ({self._size} bytes, in S3)>"
        return f"<S3Object {self._url} (object does not exist)>"

    __repr__ = __str__
