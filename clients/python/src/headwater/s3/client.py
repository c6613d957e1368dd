"""S3: the tool that user code holds. Addresses and names, temporary files, many requests side by side.

Inside of a step `S3(run=self)` needs no credentials: its files belong to the platform, which signs each request.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from headwater.flow.debugging import wanted
from headwater.s3 import places
from headwater.s3.errors import (
    MetaflowS3InvalidObject,
    MetaflowS3NotFound,
    MetaflowS3URLException,
)
from headwater.s3.objects import USER_METADATA, S3GetObject, S3Object, S3PutObject
from headwater.s3.projects import InProject
from headwater.s3.roots import root_of_run, split_url
from headwater.s3.signing import Request
from headwater.s3.sources import bytes_of, mapped
from headwater.s3.transfer import Bucket, Expected, Info, Listed
from headwater.s3.wire import Wire

Key = str | S3GetObject
Put = tuple[str, Any] | S3PutObject
_T = TypeVar("_T")
_R = TypeVar("_R")


class S3:
    """Objects in S3: `with S3(run=self) as s3: s3.put("model.bin", data)`.

    run: a step's `self` or a Run: names are relative to a folder of that run. s3root: they are relative to that
    address. Neither: they are full s3:// addresses. bucket, prefix: with `run`, where else its folder lies. tmproot:
    where downloads are kept until the end of the `with` block, or close(). encryption: "AES256" or "aws:kms".
    client_params: endpoint_url, region_name, aws_access_key_id, aws_secret_access_key, aws_session_token, verify.
    """

    TYPE = "s3"

    def __init__(
        self,
        tmproot: str | None = None,
        bucket: str | None = None,
        prefix: str | None = None,
        run: Any = None,
        s3root: str | None = None,
        encryption: str | None = None,
        *,
        role: str | None = None,
        session_vars: Mapping[str, Any] | None = None,
        client_params: Mapping[str, Any] | None = None,
    ) -> None:
        self._s3root: str | None = None
        if run:
            self._s3root = root_of_run(run, bucket, prefix)
        elif s3root:
            if not s3root.startswith("s3://"):
                raise MetaflowS3URLException("s3root needs to be an S3 URL prefixed with s3://.")
            self._s3root = s3root.rstrip("/")
        self._encryption = encryption or os.environ.get("METAFLOW_S3_SERVER_SIDE_ENCRYPTION") or None
        self._settings = places.Settings(client_params, role, session_vars)
        self._wire = Wire(_number("METAFLOW_S3_RETRY_COUNT", 7, 0), self._settings.verify)
        self._buckets: dict[str, Bucket] = {}
        self._numbers = count(1)
        self._threads: dict[str, ThreadPoolExecutor] = {}
        root = tmproot or os.environ.get("METAFLOW_TEMPDIR") or "."
        self._tmpdir: str | None = tempfile.mkdtemp(dir=root, prefix="metaflow.s3.")

    def __enter__(self) -> "S3":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes what was downloaded."""
        for threads in self._threads.values():
            threads.shutdown()
        self._threads.clear()
        self._wire.close()
        if self._tmpdir and not wanted("s3client"):
            shutil.rmtree(self._tmpdir, ignore_errors=True)
            self._tmpdir = None

    # Looking

    def list_paths(self, keys: Iterable[str] | None = None) -> list[S3Object]:
        """The next level below each path; `.exists` is False where it is a folder."""
        return self._listed(keys, "/")

    def list_recursive(self, keys: Iterable[str] | None = None) -> list[S3Object]:
        """All objects below each path."""
        return self._listed(keys, "")

    def info(self, key: str | None = None, return_missing: bool = False) -> S3Object:
        """Size, content type and metadata of an object. Raises MetaflowS3NotFound unless return_missing."""
        return self._info(self._url(key), return_missing)

    def info_many(self, keys: Iterable[str], return_missing: bool = False) -> list[S3Object]:
        """The same for many, side by side, in the order of `keys`."""
        urls = [self._url(key) for key in keys]
        self._expect("HEAD", urls)
        return self._map(lambda url: self._info(url, return_missing), urls)

    def recorded(self, key: str) -> list[tuple[str, int, str, str]]:
        """What a dataset records of each object below an address: (address, bytes, etag, version of a bucket that keeps
        versions, else ""). An address of one object gives that one."""
        bucket, prefix = split_url(self._url(key))
        found = self._bucket(bucket, prefix)
        folder = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        listed = list(found.list(folder))
        if not listed and prefix and not prefix.endswith("/"):
            info = found.head(prefix, f"s3://{bucket}/{prefix}")
            return [(f"s3://{bucket}/{prefix}", info.size, info.etag, info.version)]
        return [(f"s3://{bucket}/{each.key}", each.size or 0, each.etag, "") for each in listed]

    def fetch_recorded(self, url: str, expected: Expected, path: str) -> None:
        """Downloads an object to a file, if it still is the one that was recorded. Raises S3ObjectChanged."""
        bucket, key = split_url(url)
        self._bucket(bucket, key).fetch(key, url, None, path, expected)

    # Fetching

    def get(self, key: Key | None = None, return_missing: bool = False, return_info: bool = True) -> S3Object:
        """Downloads an object, or a part of it. Raises MetaflowS3NotFound unless return_missing."""
        return self._get(key, return_missing, return_info)

    def get_many(self, keys: Iterable[Key], return_missing: bool = False, return_info: bool = True) -> list[S3Object]:
        """Downloads many side by side, in the order of `keys`."""
        wanted = list(keys)
        self._expect("GET", [self._url(key) for key in wanted])
        return self._map(lambda key: self._get(key, return_missing, return_info), wanted)

    def get_recursive(self, keys: Iterable[str | None], return_info: bool = False) -> list[S3Object]:
        """Downloads everything whose name begins with one of `keys`. Without return_info names are relative to it."""
        found: list[tuple[str, str]] = []
        for key in keys:
            url = self._url(key)
            bucket, prefix = split_url(url)
            # The folder of a run must not take in that of another whose id begins alike.
            begin = f"{prefix.rstrip('/')}/" if not key and prefix else prefix
            found += [(url, f"s3://{bucket}/{item.key}") for item in self._bucket(bucket, prefix).list(begin)]

        def fetch(pair: tuple[str, str]) -> S3Object:
            info, path = self._download(pair[1], None)
            return _object(self._s3root, pair[1], path, info) if return_info else S3Object(pair[0], pair[1], path)

        self._expect("GET", [url for _, url in found])
        return self._map(fetch, found)

    def get_all(self, return_info: bool = False) -> list[S3Object]:
        """Downloads everything below the prefix of this S3."""
        if self._s3root is None:
            raise MetaflowS3URLException("Can't get_all() when S3 is initialized without a prefix")
        return self.get_recursive([None], return_info)

    # Storing

    def put(
        self,
        key: str | S3PutObject,
        obj: Any,
        overwrite: bool = True,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Stores text, bytes or an open binary file; returns the address. overwrite=False: what is there stays."""
        url = self._url(key)
        data = bytes_of(obj, str(getattr(key, "key", key)))
        try:
            self._put(url, data, self._headers(content_type, metadata), overwrite)
        finally:
            if hasattr(obj, "close") and not isinstance(obj, (bytes, str)):
                obj.close()
        return url

    def put_many(self, key_objs: Iterable[Put], overwrite: bool = True) -> list[tuple[str, str]]:
        """Stores many side by side; (key, address) of those that were stored."""

        def store(item: Put) -> tuple[str, str] | None:
            key, value = (item.key, item.value) if isinstance(item, S3PutObject) else item
            return self._put_one(key, bytes_of(value, key), item, overwrite)

        items = list(key_objs)
        self._expect_puts(items)
        return [done for done in self._map(store, items) if done is not None]

    def put_files(self, key_paths: Iterable[Put], overwrite: bool = True) -> list[tuple[str, str]]:
        """Stores many local files side by side; (key, address) of those that were stored."""
        pairs: list[tuple[str, str, Put]] = []
        for item in key_paths:
            key, path = (item.key, item.path) if isinstance(item, S3PutObject) else item
            if path is None or not Path(path).is_file():
                raise MetaflowS3NotFound(f"Local file not found: {path}")
            pairs.append((key, os.fspath(path), item))

        def store(pair: tuple[str, str, Put]) -> tuple[str, str] | None:
            with mapped(pair[1]) as data:
                return self._put_one(pair[0], data, pair[2], overwrite)

        self._expect_puts([item for _, _, item in pairs])
        return [done for done in self._map(store, pairs) if done is not None]

    # One of each

    def _info(self, url: str, return_missing: bool) -> S3Object:
        bucket, name = split_url(url)
        try:
            info = self._bucket(bucket, name).head(name, url)
        except MetaflowS3NotFound:
            if not return_missing:
                raise
            return S3Object(self._s3root, url, None)
        return _object(self._s3root, url, None, info._replace(range_info=None))  # pyright: ignore[reportArgumentType]

    def _get(self, key: Key | None, return_missing: bool, return_info: bool) -> S3Object:
        url = self._url(key)
        try:
            info, path = self._download(url, _span(key))
        except MetaflowS3NotFound:
            if not return_missing:
                raise
            return S3Object(self._s3root, url, None)
        return _object(self._s3root, url, path, info) if return_info else S3Object(self._s3root, url, path)

    def _download(self, url: str, span: str | None) -> tuple[Info, str]:
        bucket, name = split_url(url)
        if not name:
            raise MetaflowS3URLException(f"URL not a full path: {url}")
        path = f"{self._directory()}/metaflow.s3.one_file.{next(self._numbers)}"
        try:
            return self._bucket(bucket, name).fetch(name, url, span, path), path
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise

    def _put_one(self, key: str, data: Any, item: Put, overwrite: bool) -> tuple[str, str] | None:
        url = self._url(key)
        return (key, url) if self._put(url, data, self._wishes(item), overwrite) else None

    def _wishes(self, item: Put) -> dict[str, str]:
        wishes = item if isinstance(item, S3PutObject) else S3PutObject(item[0])
        return self._headers(wishes.content_type, wishes.metadata, wishes.encryption)

    def _put(self, url: str, data: Any, headers: dict[str, str], overwrite: bool) -> bool:
        bucket, name = split_url(url)
        if not name:
            raise MetaflowS3URLException(f"URL not a full path: {url}")
        if not overwrite and self._info(url, return_missing=True).exists:
            return False
        self._bucket(bucket, name).store(name, url, data, headers)
        return True

    def _headers(
        self, content_type: str | None, metadata: Mapping[str, str] | None, encryption: str | None = None
    ) -> dict[str, str]:
        import json

        headers = {"content-type": content_type} if content_type else {}
        if metadata:
            headers[f"x-amz-meta-{USER_METADATA}"] = json.dumps(metadata)
        if encryption or self._encryption:
            headers["x-amz-server-side-encryption"] = encryption or self._encryption or ""
        return headers

    def _listed(self, keys: Iterable[str] | None, delimiter: str) -> list[S3Object]:
        def look(url: str) -> list[S3Object]:
            bucket, name = split_url(url)
            folder = f"{name.rstrip('/')}/" if name else ""
            prefix = f"{url.rstrip('/')}/" if delimiter else url
            return [_found(prefix, bucket, item) for item in self._bucket(bucket, name).list(folder, delimiter)]

        urls = [self._url(key) for key in (keys if keys is not None else [None])]
        return [found for listed in self._map(look, urls) for found in listed]

    # Where and how

    def _url(self, key_value: Any) -> str:
        key = getattr(key_value, "key", key_value)
        key = key.decode() if isinstance(key, bytes) else key
        if self._s3root is None:
            parts = urlsplit(key or "", allow_fragments=False)
            if parts.scheme == "s3" and parts.path:
                return key
            from headwater.flow.current import current

            if current.is_running_flow:
                raise MetaflowS3URLException(
                    "Specify S3(run=self) when you use S3 inside a running flow. Otherwise you have to use S3 with "
                    "full s3:// urls."
                )
            raise MetaflowS3URLException(
                "Initialize S3 with an 's3root' or 'run' if you don't want to specify full s3:// urls."
            )
        if not key:
            return self._s3root
        if not isinstance(key, str):
            raise MetaflowS3InvalidObject(f"a key is text, not {type(key).__name__}: {str(key)[:80]!r}")
        if key.startswith("s3://"):
            raise MetaflowS3URLException(
                f"Don't use absolute S3 URLs when the S3 client is initialized with a prefix. URL: {key}"
            )
        return f"{self._s3root}/{key.lstrip('/')}"

    def _bucket(self, name: str, key: str) -> "Bucket | InProject":
        if name != places.FILES:
            if name not in self._buckets:
                self._buckets[name] = Bucket(places.Server(name, self._settings), self._wire, self._aside)
            return self._buckets[name]
        project, _, _ = key.partition("/")
        if not project:
            raise MetaflowS3URLException(f"s3://{name}/ has a folder per project", hint=f"e.g. s3://{name}/default/…")
        where = f"{name}/{project}"
        if where not in self._buckets:
            self._buckets[where] = Bucket(places.PlatformFiles(project), self._wire, self._aside)
        return InProject(self._buckets[where], project)

    def _expect(self, method: str, urls: Sequence[str], headers: Sequence[dict[str, str]] = ()) -> None:
        """Has the platform sign in one go what is sent one by one."""
        wanted: dict[str, list[Request]] = {}
        for at, url in enumerate(urls if len(urls) > 1 else ()):
            bucket, name = split_url(url)
            project, _, key = name.partition("/")
            if bucket == places.FILES and key:
                wanted.setdefault(project, []).append(Request(method, key, headers=headers[at] if headers else {}))
        for project, requests in wanted.items():
            self._bucket(places.FILES, project).expect(requests)

    def _expect_puts(self, items: Sequence[Put]) -> None:
        self._expect("PUT", [self._url(item[0]) for item in items], [self._wishes(item) for item in items])

    def _directory(self) -> str:
        if self._tmpdir is None:
            raise MetaflowS3URLException("this S3 is closed", hint="use it inside of its `with` block")
        return self._tmpdir

    def _aside(self) -> ThreadPoolExecutor:
        return self._pool("parts", 8)

    def _pool(self, name: str, size: int) -> ThreadPoolExecutor:
        if name not in self._threads:
            self._threads[name] = ThreadPoolExecutor(size, thread_name_prefix=f"s3-{name}")
        return self._threads[name]

    def _map(self, work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """In order; the first failure is raised once what is under way has ended."""
        if len(items) < 2:
            return [work(item) for item in items]
        threads = self._pool("requests", _number("METAFLOW_S3_WORKER_COUNT", 16, 1))
        jobs = [threads.submit(work, item) for item in items]
        try:
            return [job.result() for job in jobs]
        finally:
            for job in jobs:
                job.cancel()


def _span(key: Any) -> str | None:
    start, length = getattr(key, "offset", None), getattr(key, "length", None)
    if start is None and length is None:
        return None
    if length is None:
        return f"bytes={start}-"
    return f"bytes=-{-length}" if length < 0 else f"bytes={start or 0}-{(start or 0) + length - 1}"


def _object(prefix: str | None, url: str, path: str | None, info: Info) -> S3Object:
    return S3Object(
        prefix, url, path, info.size, info.content_type, info.metadata, info.range_info, info.last_modified,
        info.encryption,
    )  # fmt: skip


def _found(prefix: str, bucket: str, item: Listed) -> S3Object:
    return S3Object(prefix, f"s3://{bucket}/{item.key}", None, item.size or None)


def _number(name: str, default: int, least: int) -> int:
    text = os.environ.get(name, "")
    try:
        return max(least, int(text)) if text else default
    except ValueError:
        raise MetaflowS3URLException(f"{name} is {text!r}, which is no whole number") from None
