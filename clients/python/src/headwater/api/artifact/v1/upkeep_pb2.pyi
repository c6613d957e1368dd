from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FindingKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINDING_KIND_UNSPECIFIED: _ClassVar[FindingKind]
    FINDING_KIND_MISSING: _ClassVar[FindingKind]
    FINDING_KIND_CORRUPT: _ClassVar[FindingKind]
    FINDING_KIND_ORPHANED: _ClassVar[FindingKind]
    FINDING_KIND_UNFINISHED: _ClassVar[FindingKind]
FINDING_KIND_UNSPECIFIED: FindingKind
FINDING_KIND_MISSING: FindingKind
FINDING_KIND_CORRUPT: FindingKind
FINDING_KIND_ORPHANED: FindingKind
FINDING_KIND_UNFINISHED: FindingKind

class CollectGarbageRequest(_message.Message):
    __slots__ = ("project", "grace", "dry_run", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    GRACE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    grace: _duration_pb2.Duration
    dry_run: bool
    page_token: str
    def __init__(self, project: _Optional[str] = ..., grace: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., dry_run: bool = ..., page_token: _Optional[str] = ...) -> None: ...

class CollectGarbageResponse(_message.Message):
    __slots__ = ("blobs", "bytes", "digests", "next_page_token")
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    blobs: int
    bytes: int
    digests: _containers.RepeatedScalarFieldContainer[str]
    next_page_token: str
    def __init__(self, blobs: _Optional[int] = ..., bytes: _Optional[int] = ..., digests: _Optional[_Iterable[str]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("kind", "digest", "key", "size", "projects", "since", "detail", "repair")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REPAIR_FIELD_NUMBER: _ClassVar[int]
    kind: FindingKind
    digest: str
    key: str
    size: int
    projects: _containers.RepeatedScalarFieldContainer[str]
    since: _timestamp_pb2.Timestamp
    detail: str
    repair: str
    def __init__(self, kind: _Optional[_Union[FindingKind, str]] = ..., digest: _Optional[str] = ..., key: _Optional[str] = ..., size: _Optional[int] = ..., projects: _Optional[_Iterable[str]] = ..., since: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., detail: _Optional[str] = ..., repair: _Optional[str] = ...) -> None: ...

class AuditArtifactsRequest(_message.Message):
    __slots__ = ("deep", "repair", "grace", "page_token")
    DEEP_FIELD_NUMBER: _ClassVar[int]
    REPAIR_FIELD_NUMBER: _ClassVar[int]
    GRACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    deep: bool
    repair: bool
    grace: _duration_pb2.Duration
    page_token: str
    def __init__(self, deep: bool = ..., repair: bool = ..., grace: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., page_token: _Optional[str] = ...) -> None: ...

class AuditArtifactsResponse(_message.Message):
    __slots__ = ("blobs", "bytes", "findings", "next_page_token")
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    blobs: int
    bytes: int
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    next_page_token: str
    def __init__(self, blobs: _Optional[int] = ..., bytes: _Optional[int] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class EmptyProjectRequest(_message.Message):
    __slots__ = ("project", "run_ids")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    project: str
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., run_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class EmptyProjectResponse(_message.Message):
    __slots__ = ("removed",)
    class RemovedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    removed: _containers.ScalarMap[str, int]
    def __init__(self, removed: _Optional[_Mapping[str, int]] = ...) -> None: ...

class ListProjectsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects",)
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, projects: _Optional[_Iterable[str]] = ...) -> None: ...
