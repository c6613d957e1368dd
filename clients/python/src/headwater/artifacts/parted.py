"""A large blob on its way to the object store in parts, side by side. What is there already is not sent again, so an
upload that broke off goes on where it was. Small ones are blobs.py's business.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from headwater.errors import ArtifactError, DataLoss, NotReachable, ServerError

if TYPE_CHECKING:
    from headwater.client.http import Connection
    from headwater.s3.wire import Answer, Wire

_AT_ONCE = 8
_CHUNK = 1 << 20
_TRIES = 6
_ALTERED = (b"BadDigest", b"InvalidDigest")


class _Part:
    """Some bytes of a file or of memory, read while they are sent: once for each try."""

    def __init__(self, source: IO[bytes] | memoryview, start: int, length: int) -> None:
        self._source, self._start, self.length = source, start, length

    def __iter__(self) -> Iterator[bytes | memoryview]:
        at, end = self._start, self._start + self.length
        while at < end:
            upto = min(at + _CHUNK, end)
            if isinstance(self._source, memoryview):
                chunk = self._source[at:upto]
            else:
                chunk = os.pread(self._source.fileno(), upto - at, at)
            if not chunk:
                raise ArtifactError("the file became shorter while it was sent")
            yield chunk
            at += len(chunk)


def send(plan: Mapping[str, Any], source: Path | str | bytes, size: int, base: str, connection: "Connection") -> None:
    """Sends the parts of a file, or of bytes, that are missing.

    plan: headwater.api.artifact.v1.PartedUpload in JSON; base: the blob's path of the API. Raises ServerError
    (NOT_UPLOADED) when the upload is gone, ArtifactError, NotReachable.
    """
    from headwater.s3.errors import MetaflowS3Exception
    from headwater.s3.wire import Wire

    wire, part_size, present = Wire(_TRIES, verify=True), int(plan["partSize"]), set(plan.get("present", ()))
    try:
        with _opened(source) as content, ThreadPoolExecutor(_AT_ONCE) as threads:

            def one(number: int) -> None:
                start = (number - 1) * part_size
                part = _Part(content, start, min(part_size, size - start))
                _send_part({"uploadId": plan["uploadId"]}, number, part, f"{base}/parts", connection, wire)

            missing = (number for number in range(1, int(plan["parts"]) + 1) if number not in present)
            jobs = [threads.submit(one, number) for number in missing]
            try:
                for job in jobs:
                    job.result()
            finally:
                for job in jobs:
                    job.cancel()
    except MetaflowS3Exception as error:
        raise NotReachable(f"the object store does not take the blob ({error.message})", hint=error.hint) from error
    except OSError as error:
        raise ArtifactError(f"{source} cannot be read: {error.strerror}") from error
    finally:
        wire.close()


def _opened(source: Path | str | bytes) -> IO[bytes] | memoryview:
    return memoryview(source) if isinstance(source, bytes) else open(source, "rb")


def _send_part(
    about: dict[str, Any], number: int, part: _Part, path: str, connection: "Connection", wire: "Wire"
) -> None:
    md5 = hashlib.md5(usedforsecurity=False)
    for chunk in part:
        md5.update(chunk)
    request = {**about, "parts": [{"number": number, "md5": md5.hexdigest()}]}
    for last in (False, False, True):
        place = connection.call("POST", path, request, repeatable=True)["parts"][0]
        headers = {**place.get("headers", {}), "Content-Length": str(part.length)}
        answer = wire.send("PUT", lambda place=place: place["url"], headers, part)
        if answer.status < 300:
            return
        altered = any(word in answer.body for word in _ALTERED)
        if last or not (altered or answer.status == 403):  # a signature grows old
            raise _refused(answer, number, altered=altered)


def _refused(answer: "Answer", number: int, *, altered: bool) -> Exception:
    if answer.status == 404:
        text = f"the object store knows nothing of the upload that part {number} belongs to"
        return ServerError(text, reason="NOT_UPLOADED")
    text = answer.body.decode("utf-8", "replace").strip()[:300]
    if altered:
        return DataLoss(f"part {number} does not arrive as it is: {text}", reason="DIGEST_MISMATCH")
    return ArtifactError(f"the object store refused part {number} with HTTP status {answer.status}: {text}")
