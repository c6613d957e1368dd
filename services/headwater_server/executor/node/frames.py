"""The agent's side of the frames that zygotes and children speak: a 4-byte length, JSON, descriptors beside it.

Never blocks: what a peer does not take yet is kept. docs of the format: headwater/runtime/frames.py in the SDK.
"""

import array
import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

_HEADER = struct.Struct(">I")
_MAX_FRAME = 256 << 20
_MAX_FDS = 3 * 64
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_decode = msgspec.json.decode


def encode(message: Any) -> bytes:
    body = msgspec.json.encode(message)
    return _HEADER.pack(len(body)) + body


def encode_raw(body: bytes) -> bytes:
    return _HEADER.pack(len(body)) + body


class Garbage(Exception):
    """The peer sent what no peer of ours sends."""


class FrameSocket:
    """One end of a socket pair, on the loop. on_message(message, fds) and, once, on_end() are called from the loop."""

    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[dict[str, Any], list[int]], None],
        on_end: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._sock, self._on_message, self._on_end = sock, on_message, on_end
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._fds: list[int] = []
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._reading = self._closed = False
        self.resume()

    def resume(self) -> None:
        if not self._reading and not self._closed:
            self._reading = True
            self._loop.add_reader(self._sock.fileno(), self.read)

    def pause(self) -> None:
        """Takes nothing more for now: the peer's writes will block."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._sock.fileno())

    def send(self, data: bytes, fds: list[int] | None = None) -> None:
        """Sends encoded frames in order. The descriptors become ours to close."""
        if self._closed:
            _close_all(fds or [])
            return
        self._unsent.append((data, fds or []))
        if len(self._unsent) == 1 and not self._flush():
            self._loop.add_writer(self._sock.fileno(), self._on_writable)

    def close(self) -> None:
        if self._closed:
            return
        self.pause()
        self._closed = True
        self._loop.remove_writer(self._sock.fileno())
        for _, fds in self._unsent:
            _close_all(fds)
        _close_all(self._fds)
        self._unsent.clear()
        self._sock.close()

    def detach(self) -> None:
        """No more of it here; the socket stays open, for another to use."""
        if not self._closed:
            self.pause()
            self._closed = True
            self._loop.remove_writer(self._sock.fileno())

    def drain(self) -> None:
        """Reads all that has arrived, without waiting."""
        while not self._closed and self.read():
            pass

    def read(self) -> bool:
        """One read; False when nothing was there."""
        try:
            data, ancillary, _, _ = self._sock.recvmsg(262144, socket.CMSG_SPACE(_MAX_FDS * 4), _CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data, ancillary = b"", []
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
                self._fds += fds
        if not data:
            self._end()
            return False
        self._buffer += data
        try:
            self._dispatch()
        except Garbage:
            self._end()
        return not self._closed

    def _end(self) -> None:
        if not self._closed:
            self.close()
            self._on_end()

    def _dispatch(self) -> None:
        while len(self._buffer) >= 4 and not self._closed:
            (length,) = _HEADER.unpack_from(self._buffer)
            if length > _MAX_FRAME:
                raise Garbage(f"a frame of {length} bytes")
            if len(self._buffer) < 4 + length:
                return
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            message = _parse(body)
            count = message.get("fds", 0) if self._fds else 0
            fds, self._fds = self._fds[:count], self._fds[count:]
            self._on_message(message, fds)

    def _on_writable(self) -> None:
        if self._flush():
            self._loop.remove_writer(self._sock.fileno())

    def _flush(self) -> bool:
        """True when all is sent, or will never be."""
        while self._unsent:
            data, fds = self._unsent[0]
            try:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
                sent = self._sock.sendmsg([data], rights)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:  # the peer is gone; its end is read
                for _, left in self._unsent:
                    _close_all(left)
                self._unsent.clear()
                return True
            _close_all(fds)
            if sent < len(data):
                self._unsent[0] = (data[sent:], [])
            else:
                self._unsent.popleft()
        return True


def _parse(body: bytes) -> dict[str, Any]:
    try:
        message = _decode(body)
    except msgspec.DecodeError:
        try:
            message = json.loads(body)  # Python's NaN and Infinity
        except ValueError as error:
            raise Garbage(str(error)) from None
    if not isinstance(message, dict):
        raise Garbage("a frame that is no object")
    return message


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        socket.close(fd)
