"""Blobs by sha256: put() stores a file or bytes, get() gives a local file with them, checked.

Inside a task the node agent does the work; elsewhere presigned URLs and a cache on disk that the worker of this machine
shares. Values are not its business: see runtime/codec.py.
"""

import hashlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from headwater.client.locate import home
from headwater.errors import ArtifactError, DataLoss, NotReachable, ServerError

if TYPE_CHECKING:
    import http.client

    from headwater.client.http import Connection

_TIMEOUT = 60.0
_TRIES = 6
# Cached files that this process has checked: path -> (inode, size, mtime).
_checked: dict[str, tuple[int, int, int]] = {}


def put(source: Path | str | bytes, connection: "Connection | None" = None) -> str:
    """Stores a file or bytes and returns the sha256 of the content; bytes that are there already are not sent again.

    Raises ArtifactError (the file cannot be read), NotReachable, or the server's error.
    """
    from headwater.runtime.channel import active

    channel = active()
    if channel is not None:
        return channel.put_blob(source)
    from headwater.client.http import connect

    conn = connection or connect()
    digest, size = _measure(source)
    base = f"/api/v1/projects/{conn.project}/blobs"
    request = {"digest": digest, "size": str(size), "acceptParts": True}
    for last in (False, False, True):
        reply = conn.call("POST", base, request, repeatable=True)
        if reply.get("exists"):
            break
        try:
            plan = reply.get("parted")
            if plan:
                from headwater.artifacts import parted

                parted.send(plan, source, size, f"{base}/{digest}", conn)
            else:
                _upload(reply["url"], reply.get("headers", {}), source, size)
            _commit(conn, f"{base}/{digest}/commit", size, plan)
            break
        except ServerError as error:  # the place was cleared meanwhile: there is another one
            if last or error.reason != "NOT_UPLOADED":
                raise
    return digest


def _commit(conn: "Connection", path: str, size: int, plan: dict[str, Any] | None) -> None:
    """Of parts the server reads all bytes before it says that they are a blob: it is asked until then."""
    body = {"size": str(size)} | ({"uploadId": plan["uploadId"]} if plan else {})
    while "blob" not in conn.call("POST", path, body, repeatable=True) and plan:
        pass


def get(digest: str, connection: "Connection | None" = None) -> Path:
    """A local file with the bytes of a blob; read it, never write it.

    Raises NotFound, DataLoss when the stored bytes are not those that were put, NotReachable.
    """
    from headwater.runtime.channel import active

    channel = active()
    if channel is not None:
        return channel.get_blob(digest)
    path = cache() / digest[:2] / digest
    if _intact(path, digest):
        return path
    from headwater.client.http import connect

    conn = connection or connect()
    reply = conn.call("GET", f"/api/v1/projects/{conn.project}/blobs/{digest}")
    _download(reply["url"], digest, path)
    return path


def get_from(url: str, digest: str) -> Path:
    """The same by a URL that the server has given already. Raises DataLoss, NotReachable, ArtifactError."""
    path = cache() / digest[:2] / digest
    if not _intact(path, digest):
        _download(url, digest, path)
    return path


def cache() -> Path:
    """Where blobs are kept on this machine."""
    return home() / "cache"


def _measure(source: Path | str | bytes) -> tuple[str, int]:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest(), len(source)
    try:
        with open(source, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return digest, file.tell()
    except OSError as error:
        raise ArtifactError(f"{source} cannot be read: {error.strerror}") from None


def _intact(path: Path, digest: str) -> bool:
    """Is the cached file whole? A damaged one is removed."""
    try:
        stat = path.stat()
        mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if _checked.get(str(path)) == mark:
            return True
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return False
    if found != digest:
        path.unlink(missing_ok=True)
        return False
    _checked[str(path)] = mark
    return True


def _request(
    method: str, url: str, body: "IO[bytes] | bytes | None", headers: dict[str, str]
) -> "http.client.HTTPResponse":
    import http.client

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        line.request(method, target, body=body, headers=headers)
        response = line.getresponse()
    except (OSError, http.client.HTTPException) as error:
        line.close()
        where = f"{parts.scheme}://{parts.netloc}"
        text = f"the object store at {where} does not answer ({str(error) or type(error).__name__})"
        raise NotReachable(text, hint="look with `headwater status`") from error
    return response


def _persistent(
    method: str, url: str, source: Path | str | bytes | None, headers: dict[str, str]
) -> "http.client.HTTPResponse":
    """A request that waits for a store that restarts: the content decides, so a repeat is harmless."""
    import time

    pause, deadline = 0.1, time.monotonic() + 15
    while True:
        try:
            if source is None or isinstance(source, bytes):
                response = _request(method, url, source, headers)
            else:
                with open(source, "rb") as file:
                    response = _request(method, url, file, headers)
            if response.status < 500 or time.monotonic() > deadline:
                return response
            response.close()
        except NotReachable:
            if time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 1.0)


def _upload(url: str, headers: dict[str, str], source: Path | str | bytes, size: int) -> None:
    response = _persistent("PUT", url, source, {**headers, "Content-Length": str(size)})
    text = response.read(2000).decode("utf-8", "replace")
    response.close()
    # 412: somebody else has put the same content in between.
    if response.status >= 300 and response.status != 412:
        raise ArtifactError(
            f"the object store refused the upload with HTTP status {response.status}: {text.strip()[:300]}"
        )


def _download(url: str, digest: str, path: Path) -> None:
    """Large ones in parts side by side; what breaks off is asked for again."""
    from tempfile import mkstemp

    from headwater.s3.errors import MetaflowS3NotFound

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, temporary = mkstemp(prefix=f".{digest}.", suffix=".part", dir=path.parent)
        os.close(fd)
    except OSError as error:
        raise ArtifactError(f"blob {digest} cannot be cached in {path.parent}: {error.strerror or error}") from error
    target = Path(temporary)
    try:
        for last in (False, True):
            found = _fetch(url, target)
            if found == digest:
                target.chmod(0o444)
                target.replace(path)
                return
            if last:
                raise DataLoss(
                    f"blob {digest} is damaged: the object store returned bytes with sha256 {found}",
                    reason="DIGEST_MISMATCH",
                    hint="restore the object from a backup, or run the step that made it again",
                )
    except MetaflowS3NotFound:
        raise DataLoss(
            f"blob {digest} cannot be read: the object store answered 404", hint="was it removed from the bucket?"
        ) from None
    finally:
        target.unlink(missing_ok=True)


def _fetch(url: str, target: Path) -> str:
    """The sha256 of what lies there."""
    from concurrent.futures import ThreadPoolExecutor

    from headwater.s3.errors import MetaflowS3Exception
    from headwater.s3.places import Signed
    from headwater.s3.transfer import Bucket
    from headwater.s3.wire import Wire

    wire = Wire(_TRIES, verify=True)
    where = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    try:
        with ThreadPoolExecutor(4) as threads:
            Bucket(Signed(url), wire, lambda: threads).fetch("", where, None, str(target))
    except MetaflowS3Exception as error:
        text = f"the object store at {where} does not give the blob ({error.message})"
        raise NotReachable(text, hint="look with `headwater status`") from error
    finally:
        wire.close()
    return _measure(target)[0]
