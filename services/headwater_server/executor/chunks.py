"""Log chunks: from the JSON on the bus and in archives to the answer of ListLogs, and which are wanted. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec
from google.protobuf import json_format

from headwater.api.common.v1 import common_pb2
from headwater.api.executor.v1 import executor_pb2 as pb
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

STREAMS = {"stdout": pb.LOG_STREAM_STDOUT, "stderr": pb.LOG_STREAM_STDERR}


class Key(msgspec.Struct, rename="camel"):
    step: str
    run_id: str = ""
    path: str = ""
    index: int = 0


class Line(msgspec.Struct):
    stream: str | int = 0
    time: datetime | None = None
    text: str = ""


class Chunk(msgspec.Struct, rename="camel"):
    """Some lines of one attempt of a task."""

    key: Key
    task_id: str = "0"
    attempt: int = 0
    lines: list[Line] = []


_decode = msgspec.json.Decoder(Chunk).decode


def read_chunk(raw: bytes) -> Chunk:
    """Raises InvalidArgument when the bytes are no LogChunk in the protobuf JSON mapping."""
    try:
        return _decode(raw)
    except msgspec.ValidationError:
        pass  # the mapping also allows numbers as text and names in snake case
    except msgspec.DecodeError as error:
        raise InvalidArgument(f"not a LogChunk: {error}") from None
    try:
        message = json_format.Parse(raw, pb.LogChunk(), ignore_unknown_fields=True)
        return _decode(json_format.MessageToJson(message, indent=None).encode())
    except (json_format.ParseError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidArgument(f"not a LogChunk: {error}") from None


def one_line(raw: bytes) -> bytes:
    """The JSON without line feeds."""
    return msgspec.json.format(raw, indent=-1) if b"\n" in raw else raw


@dataclass(frozen=True)
class Wanted:
    """Which lines are asked for; "" and 0: any."""

    step: str = ""
    task_id: str = ""
    stream: int = 0
    attempt: int = 0

    @classmethod
    def of(cls, step: str, task_id: str, stream: str, attempt: int = 0) -> "Wanted":
        if stream and stream not in STREAMS:
            hint = 'it is "stdout", "stderr" or "" for both'
            raise InvalidArgument(f"stream: {shown(stream)} is no stream", field="stream", hint=hint)
        if attempt < 0:
            raise InvalidArgument(f"attempt: {attempt} is negative", field="attempt", hint="0 means all of them")
        return cls(step, task_id, STREAMS.get(stream, 0), attempt)

    @property
    def sifts(self) -> bool:
        """Are there chunks, of those whose subject fits, that are not wanted?"""
        return bool(self.stream or self.attempt) or bool(self.step) != bool(self.task_id)

    def task(self, step: str, task_id: str) -> bool:
        return self.step in ("", step) and self.task_id in ("", task_id)

    def chunk(self, chunk: Chunk) -> bool:
        """May it hold wanted lines?"""
        return self.task(chunk.key.step, chunk.task_id) and self.attempt in (0, chunk.attempt)

    def without(self, chunk: Chunk) -> Chunk:
        """The chunk with all lines but the wanted ones."""
        lines = [line for line in chunk.lines if self.stream and self.stream != _number(line.stream)]
        return Chunk(chunk.key, chunk.task_id, chunk.attempt, lines)

    def select(self, chunk: Chunk) -> pb.LogChunk | None:
        """What of a chunk is wanted; None: nothing."""
        if not self.chunk(chunk):
            return None
        lines = [
            pb.LogLine(stream=stream, time=timestamp(line.time) if line.time else None, text=line.text)
            for line, stream in ((line, _number(line.stream)) for line in chunk.lines)
            if self.stream in (0, stream)
        ]
        if not lines:
            return None
        key = chunk.key
        return pb.LogChunk(
            key=common_pb2.TaskKey(run_id=key.run_id, step=key.step, path=key.path, index=key.index),
            task_id=chunk.task_id,
            attempt=chunk.attempt,
            lines=lines,
        )


_NUMBERS = dict(pb.LogStream.items())


def _number(stream: str | int) -> pb.LogStream:
    """A stream by name or number; one that is not known counts as stdout, so that no line is lost."""
    number = stream if isinstance(stream, int) else _NUMBERS.get(stream, 0)
    return cast(pb.LogStream, number) if number in (1, 2, 3) else pb.LOG_STREAM_STDOUT
