"""Paths of artifacts as MLflow clients send them: refused where they could mean another place, else a path of our tree.

0/<run id>/artifacts/x is runs/<run id>/x, wherever the experiment keeps its artifacts, and
0/models/<model id>/artifacts/x is models/<model id>/x: what a run has is one tree, whoever logs it. So it is with
0/traces/<trace id>/artifacts/x. Pure.
"""

import re
import unicodedata
from urllib.parse import unquote, urlsplit

from headwater_server.gateway.mlflow.errors import MlflowError

MAX_PATH = 1500
SCHEME = "mlflow-artifacts"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_RUN = re.compile(rf"(?:.*/)?(?P<run>[0-9a-f]{{32}}|{_UUID})/artifacts(?:/(?P<rest>.*))?\Z", re.DOTALL)
_MODEL = re.compile(r"(?:.*/)?models/(?P<model>m-[0-9a-f]{32})/artifacts(?:/(?P<rest>.*))?\Z", re.DOTALL)
_TRACE = re.compile(r"(?:.*/)?traces/(?P<trace>tr-[0-9a-f]{32})/artifacts(?:/(?P<rest>.*))?\Z", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:")


def safe(path: str) -> str:
    """A relative path without a second meaning, decoded as often as it was encoded. Raises MlflowError."""
    text = path
    for _ in range(10):
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    else:
        raise _invalid()
    bad = "\\" in text or "#" in text or "?" in text or any(ord(c) < 32 or ord(c) == 127 for c in text)
    if bad or len(text.encode(errors="replace")) > MAX_PATH or text.startswith("/") or _DRIVE.match(text):
        raise _invalid()
    if text.lower().startswith("file:") or any(_climbs(part) for part in text.split("/")):
        raise _invalid()
    return text.strip("/")


def _climbs(part: str) -> bool:
    """Also where dots are written otherwise, or something follows that others cut off."""
    return unicodedata.normalize("NFKC", part).partition(";")[0].strip() in (".", "..")


def in_tree(path: str) -> str:
    """Where a safe path of the proxy lies."""
    path = "/".join(part for part in path.split("/") if part)
    if (found := _MODEL.match(path)) is not None:
        return _below(model_root(found["model"]), found["rest"])
    if (found := _TRACE.match(path)) is not None:
        return _below(trace_root(found["trace"]), found["rest"])
    if (found := _RUN.match(path)) is not None:
        return _below(run_root(found["run"]), found["rest"])
    return f"files/{path}" if path else "files"


def run_root(run_id: str) -> str:
    return f"runs/{run_id.replace('-', '')}"


def model_root(model_id: str) -> str:
    return f"models/{model_id}"


def trace_root(trace_id: str) -> str:
    return f"traces/{trace_id}"


def below(root: str, path: str) -> str:
    """A safe path below a root of the tree."""
    return _below(root, "/".join(part for part in safe(path).split("/") if part))


def of_uri(uri: str) -> str | None:
    """Where an mlflow-artifacts URI without a host lies in our tree; None: it is no such URI. Raises MlflowError."""
    parts = urlsplit(uri)
    if parts.scheme.lower() != SCHEME or parts.netloc:
        return None
    if parts.query or parts.fragment:
        raise _invalid()
    return in_tree(safe(parts.path.lstrip("/")))


def _below(root: str, rest: str | None) -> str:
    return f"{root}/{rest}" if rest else root


def _invalid() -> MlflowError:
    return MlflowError("Invalid path")
