from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headwater.api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeleteRunRequest(_message.Message):
    __slots__ = ("run_id", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DeleteRunResponse(_message.Message):
    __slots__ = ("run_id", "flow")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    flow: str
    def __init__(self, run_id: _Optional[str] = ..., flow: _Optional[str] = ...) -> None: ...

class Retention(_message.Message):
    __slots__ = ("project", "keep_runs_for", "keep_last", "set_at", "set_by", "due")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    KEEP_RUNS_FOR_FIELD_NUMBER: _ClassVar[int]
    KEEP_LAST_FIELD_NUMBER: _ClassVar[int]
    SET_AT_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    project: str
    keep_runs_for: _duration_pb2.Duration
    keep_last: int
    set_at: _timestamp_pb2.Timestamp
    set_by: _common_pb2.Actor
    due: int
    def __init__(self, project: _Optional[str] = ..., keep_runs_for: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., keep_last: _Optional[int] = ..., set_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., set_by: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., due: _Optional[int] = ...) -> None: ...

class SetRetentionRequest(_message.Message):
    __slots__ = ("project", "keep_runs_for", "keep_last")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    KEEP_RUNS_FOR_FIELD_NUMBER: _ClassVar[int]
    KEEP_LAST_FIELD_NUMBER: _ClassVar[int]
    project: str
    keep_runs_for: _duration_pb2.Duration
    keep_last: int
    def __init__(self, project: _Optional[str] = ..., keep_runs_for: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., keep_last: _Optional[int] = ...) -> None: ...

class SetRetentionResponse(_message.Message):
    __slots__ = ("retention",)
    RETENTION_FIELD_NUMBER: _ClassVar[int]
    retention: Retention
    def __init__(self, retention: _Optional[_Union[Retention, _Mapping]] = ...) -> None: ...

class GetRetentionRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class GetRetentionResponse(_message.Message):
    __slots__ = ("retention",)
    RETENTION_FIELD_NUMBER: _ClassVar[int]
    retention: Retention
    def __init__(self, retention: _Optional[_Union[Retention, _Mapping]] = ...) -> None: ...

class DeleteRetentionRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class DeleteRetentionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EmptyProjectRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class EmptyProjectResponse(_message.Message):
    __slots__ = ("removed", "run_ids")
    class RemovedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    removed: _containers.ScalarMap[str, int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, removed: _Optional[_Mapping[str, int]] = ..., run_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListProjectsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects",)
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, projects: _Optional[_Iterable[str]] = ...) -> None: ...
