from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetaflowKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METAFLOW_KIND_UNSPECIFIED: _ClassVar[MetaflowKind]
    METAFLOW_KIND_FLOW: _ClassVar[MetaflowKind]
    METAFLOW_KIND_RUN: _ClassVar[MetaflowKind]
    METAFLOW_KIND_STEP: _ClassVar[MetaflowKind]
    METAFLOW_KIND_TASK: _ClassVar[MetaflowKind]
    METAFLOW_KIND_METADATA: _ClassVar[MetaflowKind]
    METAFLOW_KIND_ARTIFACT: _ClassVar[MetaflowKind]
METAFLOW_KIND_UNSPECIFIED: MetaflowKind
METAFLOW_KIND_FLOW: MetaflowKind
METAFLOW_KIND_RUN: MetaflowKind
METAFLOW_KIND_STEP: MetaflowKind
METAFLOW_KIND_TASK: MetaflowKind
METAFLOW_KIND_METADATA: MetaflowKind
METAFLOW_KIND_ARTIFACT: MetaflowKind

class MetaflowPath(_message.Message):
    __slots__ = ("flow", "run", "step", "task", "artifact")
    FLOW_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    flow: str
    run: str
    step: str
    task: str
    artifact: str
    def __init__(self, flow: _Optional[str] = ..., run: _Optional[str] = ..., step: _Optional[str] = ..., task: _Optional[str] = ..., artifact: _Optional[str] = ...) -> None: ...

class ReadMetaflowRequest(_message.Message):
    __slots__ = ("project", "path", "kind", "attempt")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: MetaflowPath
    kind: MetaflowKind
    attempt: int
    def __init__(self, project: _Optional[str] = ..., path: _Optional[_Union[MetaflowPath, _Mapping]] = ..., kind: _Optional[_Union[MetaflowKind, str]] = ..., attempt: _Optional[int] = ...) -> None: ...

class ReadMetaflowResponse(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    def __init__(self, json: _Optional[bytes] = ...) -> None: ...

class RegisterMetaflowRequest(_message.Message):
    __slots__ = ("project", "path", "kind", "user_name", "tags", "system_tags", "ts_epoch")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    USER_NAME_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_TAGS_FIELD_NUMBER: _ClassVar[int]
    TS_EPOCH_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: MetaflowPath
    kind: MetaflowKind
    user_name: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    system_tags: _containers.RepeatedScalarFieldContainer[str]
    ts_epoch: int
    def __init__(self, project: _Optional[str] = ..., path: _Optional[_Union[MetaflowPath, _Mapping]] = ..., kind: _Optional[_Union[MetaflowKind, str]] = ..., user_name: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., system_tags: _Optional[_Iterable[str]] = ..., ts_epoch: _Optional[int] = ...) -> None: ...

class RegisterMetaflowResponse(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    def __init__(self, json: _Optional[bytes] = ...) -> None: ...

class MetaflowDatum(_message.Message):
    __slots__ = ("field_name", "value", "type", "user_name", "ts_epoch", "tags")
    FIELD_NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_NAME_FIELD_NUMBER: _ClassVar[int]
    TS_EPOCH_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    field_name: str
    value: str
    type: str
    user_name: str
    ts_epoch: int
    tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, field_name: _Optional[str] = ..., value: _Optional[str] = ..., type: _Optional[str] = ..., user_name: _Optional[str] = ..., ts_epoch: _Optional[int] = ..., tags: _Optional[_Iterable[str]] = ...) -> None: ...

class AddMetaflowMetadataRequest(_message.Message):
    __slots__ = ("project", "path", "data")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: MetaflowPath
    data: _containers.RepeatedCompositeFieldContainer[MetaflowDatum]
    def __init__(self, project: _Optional[str] = ..., path: _Optional[_Union[MetaflowPath, _Mapping]] = ..., data: _Optional[_Iterable[_Union[MetaflowDatum, _Mapping]]] = ...) -> None: ...

class AddMetaflowMetadataResponse(_message.Message):
    __slots__ = ("created",)
    CREATED_FIELD_NUMBER: _ClassVar[int]
    created: int
    def __init__(self, created: _Optional[int] = ...) -> None: ...

class MetaflowArtifact(_message.Message):
    __slots__ = ("name", "sha", "type", "content_type", "ds_type", "location", "attempt", "user_name", "ts_epoch")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    DS_TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    USER_NAME_FIELD_NUMBER: _ClassVar[int]
    TS_EPOCH_FIELD_NUMBER: _ClassVar[int]
    name: str
    sha: str
    type: str
    content_type: str
    ds_type: str
    location: str
    attempt: int
    user_name: str
    ts_epoch: int
    def __init__(self, name: _Optional[str] = ..., sha: _Optional[str] = ..., type: _Optional[str] = ..., content_type: _Optional[str] = ..., ds_type: _Optional[str] = ..., location: _Optional[str] = ..., attempt: _Optional[int] = ..., user_name: _Optional[str] = ..., ts_epoch: _Optional[int] = ...) -> None: ...

class AddMetaflowArtifactsRequest(_message.Message):
    __slots__ = ("project", "path", "artifacts")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: MetaflowPath
    artifacts: _containers.RepeatedCompositeFieldContainer[MetaflowArtifact]
    def __init__(self, project: _Optional[str] = ..., path: _Optional[_Union[MetaflowPath, _Mapping]] = ..., artifacts: _Optional[_Iterable[_Union[MetaflowArtifact, _Mapping]]] = ...) -> None: ...

class AddMetaflowArtifactsResponse(_message.Message):
    __slots__ = ("created",)
    CREATED_FIELD_NUMBER: _ClassVar[int]
    created: int
    def __init__(self, created: _Optional[int] = ...) -> None: ...

class BeatMetaflowRequest(_message.Message):
    __slots__ = ("project", "path")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: MetaflowPath
    def __init__(self, project: _Optional[str] = ..., path: _Optional[_Union[MetaflowPath, _Mapping]] = ...) -> None: ...

class BeatMetaflowResponse(_message.Message):
    __slots__ = ("wait_seconds",)
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    wait_seconds: int
    def __init__(self, wait_seconds: _Optional[int] = ...) -> None: ...

class TagMetaflowRunRequest(_message.Message):
    __slots__ = ("project", "path", "add", "remove")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    ADD_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: MetaflowPath
    add: _containers.RepeatedScalarFieldContainer[str]
    remove: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., path: _Optional[_Union[MetaflowPath, _Mapping]] = ..., add: _Optional[_Iterable[str]] = ..., remove: _Optional[_Iterable[str]] = ...) -> None: ...

class TagMetaflowRunResponse(_message.Message):
    __slots__ = ("tags",)
    TAGS_FIELD_NUMBER: _ClassVar[int]
    tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tags: _Optional[_Iterable[str]] = ...) -> None: ...

class FilterMetaflowTasksRequest(_message.Message):
    __slots__ = ("project", "path", "field_name", "pattern")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    FIELD_NAME_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: MetaflowPath
    field_name: str
    pattern: str
    def __init__(self, project: _Optional[str] = ..., path: _Optional[_Union[MetaflowPath, _Mapping]] = ..., field_name: _Optional[str] = ..., pattern: _Optional[str] = ...) -> None: ...

class FilterMetaflowTasksResponse(_message.Message):
    __slots__ = ("pathspecs",)
    PATHSPECS_FIELD_NUMBER: _ClassVar[int]
    pathspecs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pathspecs: _Optional[_Iterable[str]] = ...) -> None: ...
