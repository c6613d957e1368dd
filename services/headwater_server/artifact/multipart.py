"""S3's multipart uploads, as requests to one bucket: begin, look, complete, abort, list those that are not finished."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from headwater_server.kit.errors import Unavailable
from headwater_server.kit.objects import ObjectStore

MOST_PARTS = 10_000
# Part numbers, and uploads, per page of a list.
_PAGE = "1000"
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")


class UploadedPart(NamedTuple):
    number: int
    etag: str
    size: int


class Unfinished(NamedTuple):
    """An upload that was begun; s3_id: its id in the object store."""

    key: str
    s3_id: str
    began: datetime


class Multipart:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def begin(self, key: str) -> str:
        """The object store's id of the upload."""
        headers = self._objects.encryption
        url = self._objects.presign("POST", key, query={"uploads": ""}, headers=headers)
        answer = await self._objects.http.request("POST", url, headers=headers)
        self._objects.check(answer, key)
        found = _UPLOAD_ID.search(answer.body)
        if found is None:
            raise Unavailable(f"the object store begins an upload in parts without an id: {answer.body[:200]!r}")
        return found[1].decode()

    async def parts(self, key: str, s3_id: str) -> list[UploadedPart] | None:
        """Those that are there, in order; None: there is no such upload (any more)."""
        found: dict[int, UploadedPart] = {}  # of parts that came twice SeaweedFS lists both
        marker = "0"
        while True:
            query = {"uploadId": s3_id, "max-parts": _PAGE, "part-number-marker": marker}
            answer = await self._objects.http.request("GET", self._objects.presign("GET", key, query=query))
            if answer.status == 404:
                return None
            self._objects.check(answer, key)
            page = ElementTree.fromstring(answer.body)
            for each in page.iterfind("{*}Part"):
                part = UploadedPart(int(_text(each, "PartNumber")), _text(each, "ETag"), int(_text(each, "Size")))
                found[part.number] = part
            marker = _text(page, "NextPartNumberMarker")
            if _text(page, "IsTruncated") != "true" or not marker:
                return [found[number] for number in sorted(found)]

    async def complete(self, key: str, s3_id: str, parts: Sequence[tuple[int, str]]) -> str:
        """Joins (number, etag) of all parts to the object; what the store has against it, or nothing."""
        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>" for number, etag in parts
        )
        document = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        url = self._objects.presign("POST", key, query={"uploadId": s3_id})
        answer = await self._objects.http.request("POST", url, body=document)
        if answer.status < 300 and b"<Error>" not in answer.body:
            return ""
        return answer.body[:200].decode(errors="replace") or f"HTTP status {answer.status}"

    async def abort(self, key: str, s3_id: str) -> None:
        """Frees the parts. An upload that is not there is fine."""
        url = self._objects.presign("DELETE", key, query={"uploadId": s3_id})
        answer = await self._objects.http.request("DELETE", url)
        if answer.status != 404:
            self._objects.check(answer, key)

    async def unfinished(self) -> AsyncIterator[Unfinished]:
        """All of the bucket."""
        query = {"uploads": "", "max-uploads": _PAGE}
        while True:
            answer = await self._objects.http.request("GET", self._objects.presign("GET", query=query))
            self._objects.check(answer, "?uploads")
            page = ElementTree.fromstring(answer.body)
            for each in page.iterfind("{*}Upload"):
                began = datetime.fromisoformat(_text(each, "Initiated").replace("Z", "+00:00"))
                yield Unfinished(_text(each, "Key"), _text(each, "UploadId"), began)
            after = _text(page, "NextKeyMarker")
            if _text(page, "IsTruncated") != "true" or not after:
                return
            query = {**query, "key-marker": after, "upload-id-marker": _text(page, "NextUploadIdMarker")}


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""
