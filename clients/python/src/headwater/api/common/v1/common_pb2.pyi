from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskKey(_message.Message):
    __slots__ = ("run_id", "step", "path", "index")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    step: str
    path: str
    index: int
    def __init__(self, run_id: _Optional[str] = ..., step: _Optional[str] = ..., path: _Optional[str] = ..., index: _Optional[int] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("code", "message", "traceback", "hint", "retryable", "exception_type")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    traceback: str
    hint: str
    retryable: bool
    exception_type: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., traceback: _Optional[str] = ..., hint: _Optional[str] = ..., retryable: bool = ..., exception_type: _Optional[str] = ...) -> None: ...

class Actor(_message.Message):
    __slots__ = ("kind", "name", "run_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    run_id: str
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class TriggerSource(_message.Message):
    __slots__ = ("event_id", "event_name", "event_subject", "event_time", "payload_json", "deployment", "events")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    EVENT_SUBJECT_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_JSON_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    event_name: str
    event_subject: str
    event_time: _timestamp_pb2.Timestamp
    payload_json: str
    deployment: str
    events: _containers.RepeatedCompositeFieldContainer[TriggerSource]
    def __init__(self, event_id: _Optional[str] = ..., event_name: _Optional[str] = ..., event_subject: _Optional[str] = ..., event_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., payload_json: _Optional[str] = ..., deployment: _Optional[str] = ..., events: _Optional[_Iterable[_Union[TriggerSource, _Mapping]]] = ...) -> None: ...

class TaskInput(_message.Message):
    __slots__ = ("step", "path", "index", "all")
    STEP_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    step: str
    path: str
    index: int
    all: bool
    def __init__(self, step: _Optional[str] = ..., path: _Optional[str] = ..., index: _Optional[int] = ..., all: bool = ...) -> None: ...

class TrackedDataset(_message.Message):
    __slots__ = ("name", "digest", "source_type", "source", "context")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: str
    source_type: str
    source: str
    context: str
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ..., source_type: _Optional[str] = ..., source: _Optional[str] = ..., context: _Optional[str] = ...) -> None: ...
