"""Where a file may lie: a path below the root of its project that is what it says. Pure."""

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

# UTF-8 bytes; an entry of an index in Postgres holds no more than 2,700.
MAX_PATH = 1500
_HINT = 'names joined by "/", without "..", "\\\\" and control characters, e.g. runs/<id>/model/MLmodel'


def check_path(path: str) -> str:
    """Raises InvalidArgument. What this accepts, no file system could take for another path."""
    if not path:
        raise InvalidArgument("path: there is none", field="path", hint=_HINT)
    return check_folder(path)


def check_folder(path: str) -> str:
    """As check_path(), or "" for the root."""
    if not path:
        return path
    if len(path.encode(errors="surrogatepass")) > MAX_PATH:
        raise InvalidArgument(f"path: longer than {MAX_PATH} bytes", field="path", hint="shorten it")
    bad = "\\" in path or any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in path)
    if bad or any(part in ("", ".", "..") for part in path.split("/")):
        raise InvalidArgument(f"path: {shown(path)} is not a path of this tree", field="path", hint=_HINT)
    return path


def parents(path: str) -> list[str]:
    """["a", "a/b"] of "a/b/c"."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
