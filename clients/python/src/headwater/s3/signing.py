"""AWS Signature Version 4 as a presigned URL, and the two shapes of an S3 address. Pure.

Source: AWS General Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

EXPIRES = 900


class Credentials(NamedTuple):
    access_key: str
    secret_key: str
    session_token: str = ""


class Request(NamedTuple):
    """One request to a bucket; `headers` are those that must be signed."""

    method: str
    key: str = ""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}


def host_and_path(endpoint: str, bucket: str, key: str, path_style: bool) -> tuple[str, str]:
    """("host:port", "/path") of a key."""
    parts = urlsplit(endpoint)
    path = f"{parts.path.rstrip('/')}/{bucket if path_style else ''}".rstrip("/")
    target = f"{path}/{quote(key, safe='/-_.~')}" if key else (path or "/")
    return (parts.netloc if path_style else f"{bucket}.{parts.netloc}"), target


def presign(
    request: Request,
    *,
    endpoint: str,
    bucket: str,
    region: str,
    credentials: Credentials,
    path_style: bool = True,
    at: datetime | None = None,
) -> str:
    """A URL that is good for this request for a quarter of an hour."""
    host, path = host_and_path(endpoint, bucket, request.key, path_style)
    stamp = (at or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    signed = {name.lower(): " ".join(value.split()) for name, value in {**request.headers, "host": host}.items()}
    names = ";".join(sorted(signed))
    parameters = {
        **request.query,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(EXPIRES),
        "X-Amz-SignedHeaders": names,
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(parameters.items()))
    headers = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = "\n".join([request.method, path, query, headers, names, "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (stamp[:8], region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"{urlsplit(endpoint).scheme}://{host}{path}?{query}&X-Amz-Signature={signature}"
