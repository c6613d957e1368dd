from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headwater.api.common.v1 import common_pb2 as _common_pb2
from headwater.api.options.v1 import options_pb2 as _options_pb2
from headwater.api.scheduler.v1 import scheduler_pb2 as _scheduler_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LogStream(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOG_STREAM_UNSPECIFIED: _ClassVar[LogStream]
    LOG_STREAM_STDOUT: _ClassVar[LogStream]
    LOG_STREAM_STDERR: _ClassVar[LogStream]
    LOG_STREAM_SYSTEM: _ClassVar[LogStream]
LOG_STREAM_UNSPECIFIED: LogStream
LOG_STREAM_STDOUT: LogStream
LOG_STREAM_STDERR: LogStream
LOG_STREAM_SYSTEM: LogStream

class WorkRequest(_message.Message):
    __slots__ = ("open", "complete", "heartbeat")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    open: _scheduler_pb2.OpenSessionRequest
    complete: _scheduler_pb2.CompleteTaskRequest
    heartbeat: _scheduler_pb2.Heartbeat
    def __init__(self, open: _Optional[_Union[_scheduler_pb2.OpenSessionRequest, _Mapping]] = ..., complete: _Optional[_Union[_scheduler_pb2.CompleteTaskRequest, _Mapping]] = ..., heartbeat: _Optional[_Union[_scheduler_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class WorkResponse(_message.Message):
    __slots__ = ("opened", "task", "completed", "control")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    opened: _scheduler_pb2.OpenSessionResponse
    task: _scheduler_pb2.TaskAssignment
    completed: WorkCompletion
    control: _scheduler_pb2.Control
    def __init__(self, opened: _Optional[_Union[_scheduler_pb2.OpenSessionResponse, _Mapping]] = ..., task: _Optional[_Union[_scheduler_pb2.TaskAssignment, _Mapping]] = ..., completed: _Optional[_Union[WorkCompletion, _Mapping]] = ..., control: _Optional[_Union[_scheduler_pb2.Control, _Mapping]] = ...) -> None: ...

class WorkCompletion(_message.Message):
    __slots__ = ("key", "attempt", "disposition")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    attempt: int
    disposition: _scheduler_pb2.Disposition
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., attempt: _Optional[int] = ..., disposition: _Optional[_Union[_scheduler_pb2.Disposition, str]] = ...) -> None: ...

class LogChunk(_message.Message):
    __slots__ = ("key", "task_id", "attempt", "lines")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    task_id: str
    attempt: int
    lines: _containers.RepeatedCompositeFieldContainer[LogLine]
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[LogLine, _Mapping]]] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("stream", "time", "text")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    stream: LogStream
    time: _timestamp_pb2.Timestamp
    text: str
    def __init__(self, stream: _Optional[_Union[LogStream, str]] = ..., time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., text: _Optional[str] = ...) -> None: ...

class ListLogsRequest(_message.Message):
    __slots__ = ("run_id", "step", "task_id", "stream", "page_size", "page_token", "attempt")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    step: str
    task_id: str
    stream: str
    page_size: int
    page_token: str
    attempt: int
    def __init__(self, run_id: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., stream: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...

class ListLogsResponse(_message.Message):
    __slots__ = ("chunks", "next_page_token")
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    chunks: _containers.RepeatedCompositeFieldContainer[LogChunk]
    next_page_token: str
    def __init__(self, chunks: _Optional[_Iterable[_Union[LogChunk, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteLogsRequest(_message.Message):
    __slots__ = ("run_id", "step", "task_id", "stream", "attempt")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    step: str
    task_id: str
    stream: str
    attempt: int
    def __init__(self, run_id: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., stream: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...

class DeleteLogsResponse(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: int
    def __init__(self, lines: _Optional[int] = ...) -> None: ...
