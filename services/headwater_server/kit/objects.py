"""S3: presigned URLs and the few requests that services make themselves. AWS Signature Version 4, by hand.

An upload is signed together with its sha256, so the S3 server itself refuses other bytes.
Source: AWS General Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

import asyncio
import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from headwater_server.kit.clock import now
from headwater_server.kit.errors import DataLoss, NotFound, ServiceError, Unavailable
from headwater_server.kit.http import HttpClient, Response, is_full
from headwater_server.kit.settings import ServiceSettings

EXPIRES = 900
# Objects per page of a list.
PAGE = 1000
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class ObjectInfo:
    size: int
    # sha256 hex as the server knows it; "" when it does not say.
    sha256: str = ""


@dataclass(frozen=True)
class Listed:
    """An object as a list of the bucket shows it."""

    key: str
    size: int
    modified: datetime


@dataclass
class ObjectStore:
    """One bucket of one S3 server, with the key that may use it."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    session_token: str = ""
    public_endpoint: str = ""
    path_style: bool = True
    # Headers that every new object is sent with: how the server encrypts it.
    encryption: dict[str, str] = field(default_factory=dict[str, str])
    http: HttpClient = field(default_factory=HttpClient)

    @classmethod
    def of(cls, settings: ServiceSettings) -> "ObjectStore":
        return cls(
            settings.s3_endpoint,
            settings.s3_bucket,
            settings.s3_access_key,
            settings.s3_secret_key.get_secret_value(),
            settings.s3_region,
            settings.s3_session_token.get_secret_value(),
            settings.s3_public_endpoint or settings.s3_endpoint,
            settings.s3_path_style,
        )

    def presign(
        self,
        method: str,
        key: str = "",
        *,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        expires: int = EXPIRES,
        public: bool = False,
        at: datetime | None = None,
    ) -> str:
        """A URL that is good for one kind of request for `expires` seconds; the request must carry `headers`."""
        endpoint = urlsplit((self.public_endpoint or self.endpoint) if public else self.endpoint)
        host, path = endpoint.netloc, f"/{quote(key, safe='/-_.~')}"
        host, path = (
            (host, f"/{self.bucket}{path if key else ''}") if self.path_style else (f"{self.bucket}.{host}", path)
        )
        moment = (at or now()).astimezone(UTC)
        stamp, day = moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d")
        scope = f"{day}/{self.region}/s3/aws4_request"
        signed = {name.lower(): " ".join(value.split()) for name, value in {**(headers or {}), "host": host}.items()}
        names = ";".join(sorted(signed))
        parameters = {
            **(query or {}),
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(expires),
            "X-Amz-SignedHeaders": names,
        }
        if self.session_token:
            parameters["X-Amz-Security-Token"] = self.session_token
        canonical_query = "&".join(
            f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(parameters.items())
        )
        canonical_headers = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        canonical = "\n".join([method, path, canonical_query, canonical_headers, names, "UNSIGNED-PAYLOAD"])
        to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(self._key(day), to_sign.encode(), hashlib.sha256).hexdigest()
        return f"{endpoint.scheme}://{host}{path}?{canonical_query}&X-Amz-Signature={signature}"

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.secret_key}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key

    def presign_put(self, key: str, *, sha256: str, public: bool = False) -> tuple[str, dict[str, str]]:
        """(URL, headers) of an upload of exactly the bytes with this sha256 (hex)."""
        headers = {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode()} | self.encryption
        return self.presign("PUT", key, headers=headers, public=public), headers

    def presign_get(self, key: str, *, public: bool = False) -> str:
        return self.presign("GET", key, public=public)

    async def put(self, key: str, body: bytes) -> None:
        """Stores an object. Raises Unavailable, DataLoss or what the server's refusal means."""
        url, headers = self.presign_put(key, sha256=hashlib.sha256(body).hexdigest())
        self.check(await self.http.request("PUT", url, headers=headers, body=body), key)

    async def put_file(self, key: str, path: Path, *, sha256: str) -> None:
        """Stores a file whose sha256 (hex) is known, as put() does."""
        url, headers = self.presign_put(key, sha256=sha256)
        self.check(await self.http.request("PUT", url, headers=headers, body=path), key)

    async def get(self, key: str, *, start: int = 0, size: int = -1) -> bytes:
        """The object's bytes, or a range of them. Raises NotFound."""
        headers = {"Range": f"bytes={start}-{start + size - 1 if size >= 0 else ''}"} if start or size >= 0 else {}
        response = await self.http.request("GET", self.presign("GET", key), headers=headers)
        self.check(response, key)
        return response.body

    async def head(self, key: str) -> ObjectInfo | None:
        """Size and checksum; None when there is no such object."""
        headers = {"x-amz-checksum-mode": "ENABLED"}
        response = await self.http.request("HEAD", self.presign("HEAD", key, headers=headers), headers=headers)
        if response.status == 404:
            return None
        self.check(response, key)
        checksum = response.headers.get("x-amz-checksum-sha256", "")
        if "-" in checksum:  # of an upload in parts: a hash over the hashes of the parts
            checksum = ""
        return ObjectInfo(
            int(response.headers.get("content-length", 0)), base64.b64decode(checksum).hex() if checksum else ""
        )

    async def delete(self, key: str) -> None:
        """Removes an object; one that is not there is fine."""
        response = await self.http.request("DELETE", self.presign("DELETE", key))
        if response.status != 404:
            self.check(response, key)

    async def list(self, prefix: str, after: str = "") -> tuple[list[Listed], bool]:
        """A page of the objects below `prefix`, in order, from the first beyond `after`; are there more?"""
        query = {"list-type": "2", "prefix": prefix, "max-keys": str(PAGE)} | ({"start-after": after} if after else {})
        response = await self.http.request("GET", self.presign("GET", query=query))
        self.check(response, prefix)
        return _read_list(response.body)

    def check(self, response: Response, key: str) -> None:
        """Raises what a refusal of the store means."""
        if response.status >= 300:
            raise refusal(response, f"object {key} of bucket {self.bucket}")


def refusal(response: Response, what: str) -> ServiceError:
    """What an answer that is none means; what: the thing that was asked for."""
    text = response.body.decode(errors="replace")[:300]
    if response.status == 404:
        return NotFound(f"the object store has no {what}")
    if "BadDigest" in text or "InvalidDigest" in text or "Checksum" in text:
        return DataLoss(f"the bytes of {what} are not those that were promised", reason="DIGEST_MISMATCH")
    if is_full(response):
        hint = "free some space where the bucket lies, or raise its quota"
        return Unavailable(f"the object store has no room for {what}: {text}", reason="DISK_FULL", hint=hint)
    return Unavailable(f"the object store answers {response.status} for {what}: {text}")


def _read_list(body: bytes) -> tuple[list[Listed], bool]:
    """One page of ListObjectsV2."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(body)
    found = [
        Listed(
            each.findtext("{*}Key", ""),
            int(each.findtext("{*}Size", "0")),
            datetime.fromisoformat(each.findtext("{*}LastModified", "").replace("Z", "+00:00")),
        )
        for each in root.iterfind("{*}Contents")
    ]
    return found, root.findtext("{*}IsTruncated", "") == "true"


async def ensure_bucket(
    endpoint: str, bucket: str, *, access_key: str, secret_key: str, region: str = "us-east-1", patience: float = 60.0
) -> None:
    """Makes a bucket unless it is there, and waits until it takes objects: an S3 server answers before it can store."""
    store = ObjectStore(endpoint, bucket, access_key, secret_key, region)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        try:
            made = await store.http.request("PUT", store.presign("PUT"), tries=1)
            if made.status < 300 or made.status == 409:
                await store.put(".headwater", b"this bucket belongs to headwater\n")
                break
            error: Exception = Unavailable(
                f"making bucket {bucket}: {made.status} {made.body[:200].decode(errors='replace')}"
            )
        except ServiceError as failed:
            error = failed
        if loop.time() > deadline:
            raise error
        await asyncio.sleep(0.05)
    await store.http.close()
