"""What can be done with one bucket: look, fetch, store, list; large objects in parts that travel side by side.

Turns the server's refusals into the tool's errors. Names and prefixes are the client's business.
"""

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from headwater.s3.errors import (
    MetaflowS3AccessDenied,
    MetaflowS3Exception,
    MetaflowS3InsufficientDiskSpace,
    MetaflowS3InvalidRange,
    MetaflowS3NotFound,
    MetaflowS3URLException,
    S3ObjectChanged,
)
from headwater.s3.objects import RangeInfo
from headwater.s3.places import Place
from headwater.s3.signing import Request
from headwater.s3.wire import Answer, Body, Target, Wire

PART = 8 << 20
_MOST_PARTS = 10_000
_META = "x-amz-meta-"


class Info(NamedTuple):
    size: int
    content_type: str | None
    metadata: dict[str, str]
    last_modified: int | None
    encryption: str | None
    range_info: RangeInfo
    etag: str = ""
    version: str = ""


class Expected(NamedTuple):
    """Which object it must be: etag without quotes, size in bytes; version: of a bucket that keeps versions."""

    etag: str
    size: int
    version: str = ""


class Listed(NamedTuple):
    """An object, or with size None the beginning that several share."""

    key: str
    size: int | None
    etag: str = ""


class Bucket:
    def __init__(self, place: Place, wire: Wire, aside: Callable[[], Executor]) -> None:
        """aside() carries out the parts of a large object; never the threads that wait for them."""
        self._place, self._wire, self._aside = place, wire, aside

    def expect(self, requests: Sequence[Request]) -> None:
        """Each of these will be sent in a moment."""
        self._place.expect(requests)

    def head(self, key: str, url: str) -> Info:
        answer = self._send(Request("HEAD", key))
        _check(answer, url)
        return _info(answer)

    def fetch(self, key: str, url: str, span: str | None, path: str, expected: Expected | None = None) -> Info:
        """Downloads an object, or the bytes that `span` ("bytes=0-99") names, into a file.

        Raises S3ObjectChanged when it is not the one that is expected."""
        try:
            with open(path, "wb") as file:
                return self._fetch(key, url, span, file.fileno(), expected)
        except OSError as error:
            raise _disk(error, path) from error

    def _fetch(self, key: str, url: str, span: str | None, fd: int, expected: Expected | None) -> Info:
        get = Request("GET", key, {"versionId": expected.version} if expected and expected.version else {})
        same = {"If-Match": f'"{expected.etag}"'} if expected else {}
        first = self._send(get, {"Range": span or f"bytes=0-{PART - 1}", **same}, target=Target(fd, 0))
        if first.status == 416 and span is None:  # an empty object has no range at all
            first = self._send(get, same, target=Target(fd, 0))
        info = _found(first, url, expected)
        total = info.range_info.total_size
        if span is not None or info.range_info.request_length >= total:
            return info
        if first.headers.get("ETag"):
            same = {"If-Match": first.headers["ETag"]}

        def part(start: int) -> None:
            end = min(start + PART, total) - 1
            answer = self._send(get, {"Range": f"bytes={start}-{end}", **same}, target=Target(fd, start))
            if answer.status == 412:
                raise S3ObjectChanged(f"{url} was overwritten while it was read", hint="get it again")
            _check(answer, url)

        _all(self._aside(), part, range(info.range_info.request_length, total, PART))
        return info._replace(size=total, range_info=RangeInfo(total, 0, total))

    def store(self, key: str, url: str, data: bytes | memoryview, headers: Mapping[str, str]) -> None:
        """Uploads; what is longer than two parts travels in parts."""
        view = memoryview(data)
        if view.nbytes <= 2 * PART:
            # A view over nothing cannot be cast; http.client wants bytes there.
            body = view if view.nbytes else b""
            _check(self._send(Request("PUT", key, headers=headers), dict(headers), body), url)
            return
        begun = self._send(Request("POST", key, {"uploads": ""}, headers), dict(headers), b"")
        _check(begun, url)
        upload = {"uploadId": _text(_xml(begun.body), "UploadId")}
        try:
            self._store_parts(key, url, view, upload)
        except BaseException:
            self._send(Request("DELETE", key, upload))
            raise

    def _store_parts(self, key: str, url: str, view: memoryview, upload: dict[str, str]) -> None:
        step = max(PART, -(-view.nbytes // _MOST_PARTS))
        starts = range(0, view.nbytes, step)
        tags: dict[int, str] = {}

        def part(number: int) -> None:
            start = starts[number - 1]
            answer = self._send(
                Request("PUT", key, {**upload, "partNumber": str(number)}), {}, view[start : start + step]
            )
            _check(answer, url)
            tags[number] = answer.headers.get("ETag", "")

        _all(self._aside(), part, range(1, len(starts) + 1))
        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in sorted(tags.items())
        )
        body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        done = self._send(Request("POST", key, upload), {}, body)
        _check(done, url)
        if b"<Error>" in done.body:  # S3 may say 200 before it knows
            raise MetaflowS3Exception(f"{url} could not be put together: {done.body[:300].decode('utf-8', 'replace')}")

    def list(self, prefix: str, delimiter: str = "") -> Iterator[Listed]:
        """Objects whose names begin with `prefix`, in order; with a delimiter only one level."""
        query = {"list-type": "2", "prefix": prefix, **({"delimiter": delimiter} if delimiter else {})}
        while True:
            answer = self._send(Request("GET", "", query))
            _check(answer, prefix)
            page = _xml(answer.body)
            skip = len(self._place.root)
            for item in page.iterfind("{*}Contents"):
                yield Listed(_text(item, "Key")[skip:], int(_text(item, "Size")), _text(item, "ETag").strip('"'))
            for item in page.iterfind("{*}CommonPrefixes"):
                yield Listed(_text(item, "Prefix")[skip:], None)
            token = _text(page, "NextContinuationToken")
            if not token:
                return
            query = {**query, "continuation-token": token}

    def _send(
        self, request: Request, headers: dict[str, str] | None = None, body: Body | None = None,
        target: Target | None = None,
    ) -> Answer:  # fmt: skip
        return self._wire.send(request.method, lambda: self._place.sign([request])[0], headers, body, target)


def _all(executor: Executor, work: Callable[[int], None], items: range) -> None:
    """Waits for all of them, also when one has failed: they write to a file that its owner closes afterwards."""
    jobs = [executor.submit(work, item) for item in items]
    errors: list[BaseException] = []
    for job in jobs:
        error = job.exception() if not errors or not job.cancel() else None
        if error is not None:
            errors.append(error)
    if errors:
        raise errors[0]


def _info(answer: Answer) -> Info:
    headers = answer.headers
    length = int(headers.get("Content-Length") or 0)
    span = RangeInfo(length, 0, length)
    if found := headers.get("Content-Range"):
        place, _, total = found.removeprefix("bytes ").partition("/")
        start, _, end = place.partition("-")
        span = RangeInfo(int(total), int(start), int(end) - int(start) + 1)
    modified = headers.get("Last-Modified")
    return Info(
        length,
        headers.get("Content-Type"),
        {name.lower()[len(_META) :]: value for name, value in headers.items() if name.lower().startswith(_META)},
        int(parsedate_to_datetime(modified).timestamp()) if modified else None,
        headers.get("x-amz-server-side-encryption"),
        span,
        headers.get("ETag", "").strip('"'),
        headers.get("x-amz-version-id") or "",
    )


def _found(answer: Answer, url: str, expected: Expected | None) -> Info:
    """What is known of an object. Raises S3ObjectChanged, and what _check() raises."""
    changed = expected is not None and answer.status == 412
    if not changed:
        _check(answer, url)
    info = _info(answer)
    if expected is None:
        return info
    if changed or (info.etag and info.etag != expected.etag) or info.range_info.total_size != expected.size:
        size = "" if changed else f" and {info.range_info.total_size} bytes"
        has = f"the etag {info.etag}{size} now" if info.etag else f"another etag{size} now"
        raise S3ObjectChanged(
            f"{url} was changed since it was recorded: it has {has}, not {expected.etag} and {expected.size} bytes",
            hint="adopt it again as a new version of the dataset, or restore the object",
        )
    return info


def _check(answer: Answer, url: str) -> None:
    if answer.status < 300:
        return
    text = answer.body.decode("utf-8", "replace")
    if "NoSuchBucket" in text:
        raise MetaflowS3URLException("Specified S3 bucket doesn't exist.", hint=f"look at the bucket of {url}")
    if answer.status == 404:
        raise MetaflowS3NotFound(url)
    if answer.status in (401, 403):
        raise MetaflowS3AccessDenied(url, hint=_code(text))
    if answer.status == 416:
        raise MetaflowS3InvalidRange(f"{url} has no bytes in that range")
    raise MetaflowS3Exception(
        f"S3 operation failed.\nKey requested: {url}\nError: {answer.status} {_code(text) or text[:300]}"
    )


def _code(text: str) -> str:
    """ "AccessDenied: Access Denied." of an S3 server's answer; "" where it has none."""
    try:
        body = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ""
    return ": ".join(word for word in (_text(body, "Code"), _text(body, "Message")) if word)


def _xml(data: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise MetaflowS3Exception(f"the S3 server's answer cannot be read: {error}") from None


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""


def _disk(error: OSError, path: str) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MetaflowS3InsufficientDiskSpace(
            f"no room for {Path(path).name} in {Path(path).parent}", hint="S3(tmproot=…) on a larger disk"
        )
    return MetaflowS3Exception(f"{path} cannot be written: {error.strerror or error}")
