from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headwater.api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PointRetention(_message.Message):
    __slots__ = ("project", "experiment", "after", "keep_points", "set_at", "set_by")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    KEEP_POINTS_FIELD_NUMBER: _ClassVar[int]
    SET_AT_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    project: str
    experiment: str
    after: _duration_pb2.Duration
    keep_points: int
    set_at: _timestamp_pb2.Timestamp
    set_by: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., experiment: _Optional[str] = ..., after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., keep_points: _Optional[int] = ..., set_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., set_by: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class SetPointRetentionRequest(_message.Message):
    __slots__ = ("project", "experiment", "after", "keep_points")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    KEEP_POINTS_FIELD_NUMBER: _ClassVar[int]
    project: str
    experiment: str
    after: _duration_pb2.Duration
    keep_points: int
    def __init__(self, project: _Optional[str] = ..., experiment: _Optional[str] = ..., after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., keep_points: _Optional[int] = ...) -> None: ...

class SetPointRetentionResponse(_message.Message):
    __slots__ = ("retention",)
    RETENTION_FIELD_NUMBER: _ClassVar[int]
    retention: PointRetention
    def __init__(self, retention: _Optional[_Union[PointRetention, _Mapping]] = ...) -> None: ...

class GetPointRetentionRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class GetPointRetentionResponse(_message.Message):
    __slots__ = ("rules", "due")
    RULES_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[PointRetention]
    due: int
    def __init__(self, rules: _Optional[_Iterable[_Union[PointRetention, _Mapping]]] = ..., due: _Optional[int] = ...) -> None: ...

class DeletePointRetentionRequest(_message.Message):
    __slots__ = ("project", "experiment")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    project: str
    experiment: str
    def __init__(self, project: _Optional[str] = ..., experiment: _Optional[str] = ...) -> None: ...

class DeletePointRetentionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CollectPointsRequest(_message.Message):
    __slots__ = ("project", "dry_run", "purge_deleted_after")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    PURGE_DELETED_AFTER_FIELD_NUMBER: _ClassVar[int]
    project: str
    dry_run: bool
    purge_deleted_after: _duration_pb2.Duration
    def __init__(self, project: _Optional[str] = ..., dry_run: bool = ..., purge_deleted_after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CollectPointsResponse(_message.Message):
    __slots__ = ("thinned_runs", "removed_points", "packed_runs", "purged_runs", "purged_experiments", "more")
    THINNED_RUNS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_POINTS_FIELD_NUMBER: _ClassVar[int]
    PACKED_RUNS_FIELD_NUMBER: _ClassVar[int]
    PURGED_RUNS_FIELD_NUMBER: _ClassVar[int]
    PURGED_EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    thinned_runs: int
    removed_points: int
    packed_runs: int
    purged_runs: int
    purged_experiments: int
    more: bool
    def __init__(self, thinned_runs: _Optional[int] = ..., removed_points: _Optional[int] = ..., packed_runs: _Optional[int] = ..., purged_runs: _Optional[int] = ..., purged_experiments: _Optional[int] = ..., more: bool = ...) -> None: ...
