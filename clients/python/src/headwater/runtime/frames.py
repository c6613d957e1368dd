"""Frames on a unix stream socket: a 4-byte big-endian length, then JSON, with file descriptors beside it.

Spoken between the node agent, its zygotes and the children that run tasks. Blocking; knows nothing of their meaning.
"""

import array
import json
import socket
import struct
from typing import Any

_HEADER = struct.Struct(">I")
MAX_FRAME = 256 << 20
MAX_FDS = 3 * 64


def encode(message: dict[str, Any]) -> bytes:
    body = json.dumps(message, separators=(",", ":")).encode()
    return _HEADER.pack(len(body)) + body


def send(sock: socket.socket, message: dict[str, Any], fds: list[int] | None = None) -> None:
    """Sends one frame. Descriptors travel with its first byte and stay open here."""
    data = encode(message)
    if fds:
        sent = sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        data = data[sent:]
    if data:
        sock.sendall(data)


class Splitter:
    """Cuts received bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete now. Raises ValueError on a length no frame of ours has."""
        self._buffer += data
        messages: list[dict[str, Any]] = []
        while len(self._buffer) >= 4:
            (length,) = _HEADER.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise ValueError(f"a frame of {length} bytes is not ours")
            if len(self._buffer) < 4 + length:
                break
            messages.append(json.loads(bytes(self._buffer[4 : 4 + length])))
            del self._buffer[: 4 + length]
        return messages


def receive(sock: socket.socket) -> dict[str, Any] | None:
    """Waits for one frame; None at the end of the stream. For a reader that expects no descriptors."""
    header = _exactly(sock, 4)
    if header is None:
        return None
    body = _exactly(sock, _HEADER.unpack(header)[0])
    return None if body is None else json.loads(body)


def receive_with_fds(sock: socket.socket, splitter: Splitter) -> tuple[list[dict[str, Any]], list[int], bool]:
    """One read: (complete messages, descriptors that came along, has the stream ended)."""
    data, ancillary, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(MAX_FDS * 4))
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return splitter.feed(data), list(fds), not data


def _exactly(sock: socket.socket, size: int) -> bytes | None:
    data = sock.recv(size)
    if len(data) == size:
        return data
    parts = bytearray(data)
    while data and len(parts) < size:
        data = sock.recv(size - len(parts))
        parts += data
    return bytes(parts) if len(parts) == size else None
