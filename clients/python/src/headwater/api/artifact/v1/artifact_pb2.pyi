from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headwater.api.artifact.v1 import datasets_pb2 as _datasets_pb2
from headwater.api.artifact.v1 import lineage_pb2 as _lineage_pb2
from headwater.api.artifact.v1 import upkeep_pb2 as _upkeep_pb2
from headwater.api.common.v1 import common_pb2 as _common_pb2
from headwater.api.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Blob(_message.Message):
    __slots__ = ("digest", "size", "created_at")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size: int
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, digest: _Optional[str] = ..., size: _Optional[int] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class BeginUploadRequest(_message.Message):
    __slots__ = ("project", "digest", "size", "run_id", "accept_parts")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_PARTS_FIELD_NUMBER: _ClassVar[int]
    project: str
    digest: str
    size: int
    run_id: str
    accept_parts: bool
    def __init__(self, project: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., run_id: _Optional[str] = ..., accept_parts: bool = ...) -> None: ...

class BeginUploadResponse(_message.Message):
    __slots__ = ("exists", "url", "headers", "parted")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    PARTED_FIELD_NUMBER: _ClassVar[int]
    exists: bool
    url: str
    headers: _containers.ScalarMap[str, str]
    parted: PartedUpload
    def __init__(self, exists: bool = ..., url: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., parted: _Optional[_Union[PartedUpload, _Mapping]] = ...) -> None: ...

class PartedUpload(_message.Message):
    __slots__ = ("upload_id", "part_size", "parts", "present")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    PART_SIZE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    part_size: int
    parts: int
    present: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, upload_id: _Optional[str] = ..., part_size: _Optional[int] = ..., parts: _Optional[int] = ..., present: _Optional[_Iterable[int]] = ...) -> None: ...

class PartDigest(_message.Message):
    __slots__ = ("number", "md5")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    number: int
    md5: str
    def __init__(self, number: _Optional[int] = ..., md5: _Optional[str] = ...) -> None: ...

class SignPartsRequest(_message.Message):
    __slots__ = ("project", "digest", "upload_id", "parts")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    project: str
    digest: str
    upload_id: str
    parts: _containers.RepeatedCompositeFieldContainer[PartDigest]
    def __init__(self, project: _Optional[str] = ..., digest: _Optional[str] = ..., upload_id: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[PartDigest, _Mapping]]] = ...) -> None: ...

class SignPartsResponse(_message.Message):
    __slots__ = ("parts",)
    PARTS_FIELD_NUMBER: _ClassVar[int]
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    def __init__(self, parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ...) -> None: ...

class CommitUploadRequest(_message.Message):
    __slots__ = ("project", "digest", "size", "run_id", "upload_id")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    project: str
    digest: str
    size: int
    run_id: str
    upload_id: str
    def __init__(self, project: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., run_id: _Optional[str] = ..., upload_id: _Optional[str] = ...) -> None: ...

class CommitUploadResponse(_message.Message):
    __slots__ = ("blob", "verified")
    BLOB_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_FIELD_NUMBER: _ClassVar[int]
    blob: Blob
    verified: int
    def __init__(self, blob: _Optional[_Union[Blob, _Mapping]] = ..., verified: _Optional[int] = ...) -> None: ...

class GetBlobRequest(_message.Message):
    __slots__ = ("project", "digest", "keep")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    project: str
    digest: str
    keep: bool
    def __init__(self, project: _Optional[str] = ..., digest: _Optional[str] = ..., keep: bool = ...) -> None: ...

class GetBlobResponse(_message.Message):
    __slots__ = ("blob", "url")
    BLOB_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    blob: Blob
    url: str
    def __init__(self, blob: _Optional[_Union[Blob, _Mapping]] = ..., url: _Optional[str] = ...) -> None: ...

class Artifact(_message.Message):
    __slots__ = ("key", "task_id", "attempt", "name", "digest", "size", "type", "encoding", "created_at", "flow")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    task_id: str
    attempt: int
    name: str
    digest: str
    size: int
    type: str
    encoding: str
    created_at: _timestamp_pb2.Timestamp
    flow: str
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., name: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., type: _Optional[str] = ..., encoding: _Optional[str] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., flow: _Optional[str] = ...) -> None: ...

class ListArtifactsRequest(_message.Message):
    __slots__ = ("project", "run_id", "step", "task_id", "name", "digest", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    run_id: str
    step: str
    task_id: str
    name: str
    digest: str
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., run_id: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., name: _Optional[str] = ..., digest: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListArtifactsResponse(_message.Message):
    __slots__ = ("artifacts", "next_page_token")
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    next_page_token: str
    def __init__(self, artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ObjectRequest(_message.Message):
    __slots__ = ("method", "key", "query", "headers")
    class QueryEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    METHOD_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    method: str
    key: str
    query: _containers.ScalarMap[str, str]
    headers: _containers.ScalarMap[str, str]
    def __init__(self, method: _Optional[str] = ..., key: _Optional[str] = ..., query: _Optional[_Mapping[str, str]] = ..., headers: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SignObjectReadsRequest(_message.Message):
    __slots__ = ("project", "requests")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    project: str
    requests: _containers.RepeatedCompositeFieldContainer[ObjectRequest]
    def __init__(self, project: _Optional[str] = ..., requests: _Optional[_Iterable[_Union[ObjectRequest, _Mapping]]] = ...) -> None: ...

class SignObjectReadsResponse(_message.Message):
    __slots__ = ("urls", "root")
    URLS_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    urls: _containers.RepeatedScalarFieldContainer[str]
    root: str
    def __init__(self, urls: _Optional[_Iterable[str]] = ..., root: _Optional[str] = ...) -> None: ...

class SignObjectWritesRequest(_message.Message):
    __slots__ = ("project", "requests")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    project: str
    requests: _containers.RepeatedCompositeFieldContainer[ObjectRequest]
    def __init__(self, project: _Optional[str] = ..., requests: _Optional[_Iterable[_Union[ObjectRequest, _Mapping]]] = ...) -> None: ...

class SignObjectWritesResponse(_message.Message):
    __slots__ = ("urls", "root")
    URLS_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    urls: _containers.RepeatedScalarFieldContainer[str]
    root: str
    def __init__(self, urls: _Optional[_Iterable[str]] = ..., root: _Optional[str] = ...) -> None: ...

class Card(_message.Message):
    __slots__ = ("key", "task_id", "attempt", "slot", "id", "type", "digest", "size", "sequence", "final", "updated_at")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    task_id: str
    attempt: int
    slot: str
    id: str
    type: str
    digest: str
    size: int
    sequence: int
    final: bool
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., slot: _Optional[str] = ..., id: _Optional[str] = ..., type: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., sequence: _Optional[int] = ..., final: bool = ..., updated_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PutCardRequest(_message.Message):
    __slots__ = ("project", "run_id", "card")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CARD_FIELD_NUMBER: _ClassVar[int]
    project: str
    run_id: str
    card: Card
    def __init__(self, project: _Optional[str] = ..., run_id: _Optional[str] = ..., card: _Optional[_Union[Card, _Mapping]] = ...) -> None: ...

class PutCardResponse(_message.Message):
    __slots__ = ("card",)
    CARD_FIELD_NUMBER: _ClassVar[int]
    card: Card
    def __init__(self, card: _Optional[_Union[Card, _Mapping]] = ...) -> None: ...

class ListCardsRequest(_message.Message):
    __slots__ = ("project", "run_id", "step", "task_id", "page_size", "page_token", "digest")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    project: str
    run_id: str
    step: str
    task_id: str
    page_size: int
    page_token: str
    digest: str
    def __init__(self, project: _Optional[str] = ..., run_id: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class ListCardsResponse(_message.Message):
    __slots__ = ("cards", "next_page_token")
    CARDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cards: _containers.RepeatedCompositeFieldContainer[Card]
    next_page_token: str
    def __init__(self, cards: _Optional[_Iterable[_Union[Card, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class File(_message.Message):
    __slots__ = ("path", "folder", "digest", "size", "created_at", "project")
    PATH_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    path: str
    folder: bool
    digest: str
    size: int
    created_at: _timestamp_pb2.Timestamp
    project: str
    def __init__(self, path: _Optional[str] = ..., folder: bool = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., project: _Optional[str] = ...) -> None: ...

class PutFileRequest(_message.Message):
    __slots__ = ("project", "path", "digest")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: str
    digest: str
    def __init__(self, project: _Optional[str] = ..., path: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class PutFileResponse(_message.Message):
    __slots__ = ("file",)
    FILE_FIELD_NUMBER: _ClassVar[int]
    file: File
    def __init__(self, file: _Optional[_Union[File, _Mapping]] = ...) -> None: ...

class GetFileRequest(_message.Message):
    __slots__ = ("project", "path")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: str
    def __init__(self, project: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class GetFileResponse(_message.Message):
    __slots__ = ("file", "url")
    FILE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    file: File
    url: str
    def __init__(self, file: _Optional[_Union[File, _Mapping]] = ..., url: _Optional[str] = ...) -> None: ...

class ListFilesRequest(_message.Message):
    __slots__ = ("project", "path", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: str
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., path: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFilesResponse(_message.Message):
    __slots__ = ("files", "next_page_token")
    FILES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[File]
    next_page_token: str
    def __init__(self, files: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteFilesRequest(_message.Message):
    __slots__ = ("project", "path")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: str
    def __init__(self, project: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class DeleteFilesResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: int
    def __init__(self, deleted: _Optional[int] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("number", "url", "etag", "headers")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    number: int
    url: str
    etag: str
    headers: _containers.ScalarMap[str, str]
    def __init__(self, number: _Optional[int] = ..., url: _Optional[str] = ..., etag: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ...) -> None: ...

class BeginPartsRequest(_message.Message):
    __slots__ = ("project", "path", "parts")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: str
    parts: int
    def __init__(self, project: _Optional[str] = ..., path: _Optional[str] = ..., parts: _Optional[int] = ...) -> None: ...

class BeginPartsResponse(_message.Message):
    __slots__ = ("upload_id", "parts")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    def __init__(self, upload_id: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ...) -> None: ...

class CompletePartsRequest(_message.Message):
    __slots__ = ("project", "upload_id", "path", "parts")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    project: str
    upload_id: str
    path: str
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    def __init__(self, project: _Optional[str] = ..., upload_id: _Optional[str] = ..., path: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ...) -> None: ...

class CompletePartsResponse(_message.Message):
    __slots__ = ("file",)
    FILE_FIELD_NUMBER: _ClassVar[int]
    file: File
    def __init__(self, file: _Optional[_Union[File, _Mapping]] = ...) -> None: ...

class AbortPartsRequest(_message.Message):
    __slots__ = ("project", "upload_id", "path")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    project: str
    upload_id: str
    path: str
    def __init__(self, project: _Optional[str] = ..., upload_id: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class AbortPartsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
