from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headwater.api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Dataset(_message.Message):
    __slots__ = ("project", "name", "description", "tags", "latest_version", "aliases", "created_at", "updated_at")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class AliasesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    LATEST_VERSION_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    description: str
    tags: _containers.ScalarMap[str, str]
    latest_version: int
    aliases: _containers.ScalarMap[str, int]
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., latest_version: _Optional[int] = ..., aliases: _Optional[_Mapping[str, int]] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DatasetVersion(_message.Message):
    __slots__ = ("project", "dataset", "version", "name", "uri", "files", "size", "digest", "sources", "description", "tags", "aliases", "run_id", "step", "task_id", "created_at", "created_by")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    version: int
    name: str
    uri: str
    files: int
    size: int
    digest: str
    sources: _containers.RepeatedCompositeFieldContainer[DatasetSource]
    description: str
    tags: _containers.ScalarMap[str, str]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    run_id: str
    step: str
    task_id: str
    created_at: _timestamp_pb2.Timestamp
    created_by: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., version: _Optional[int] = ..., name: _Optional[str] = ..., uri: _Optional[str] = ..., files: _Optional[int] = ..., size: _Optional[int] = ..., digest: _Optional[str] = ..., sources: _Optional[_Iterable[_Union[DatasetSource, _Mapping]]] = ..., description: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., aliases: _Optional[_Iterable[str]] = ..., run_id: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., created_by: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class DatasetSource(_message.Message):
    __slots__ = ("uri", "files")
    URI_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    uri: str
    files: int
    def __init__(self, uri: _Optional[str] = ..., files: _Optional[int] = ...) -> None: ...

class DatasetObject(_message.Message):
    __slots__ = ("uri", "etag", "version_id")
    URI_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    uri: str
    etag: str
    version_id: str
    def __init__(self, uri: _Optional[str] = ..., etag: _Optional[str] = ..., version_id: _Optional[str] = ...) -> None: ...

class DatasetFile(_message.Message):
    __slots__ = ("path", "datum_id", "digest", "size", "object", "properties", "url")
    PATH_FIELD_NUMBER: _ClassVar[int]
    DATUM_ID_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    path: str
    datum_id: str
    digest: str
    size: int
    object: DatasetObject
    properties: _struct_pb2.Struct
    url: str
    def __init__(self, path: _Optional[str] = ..., datum_id: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., object: _Optional[_Union[DatasetObject, _Mapping]] = ..., properties: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., url: _Optional[str] = ...) -> None: ...

class NewDatasetFile(_message.Message):
    __slots__ = ("path", "digest", "object", "size", "properties")
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    path: str
    digest: str
    object: DatasetObject
    size: int
    properties: _struct_pb2.Struct
    def __init__(self, path: _Optional[str] = ..., digest: _Optional[str] = ..., object: _Optional[_Union[DatasetObject, _Mapping]] = ..., size: _Optional[int] = ..., properties: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class NewDatasetSource(_message.Message):
    __slots__ = ("uri", "files", "keep", "exclude", "to")
    URI_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    uri: str
    files: _containers.RepeatedCompositeFieldContainer[NewDatasetFile]
    keep: _containers.RepeatedScalarFieldContainer[str]
    exclude: _containers.RepeatedScalarFieldContainer[str]
    to: str
    def __init__(self, uri: _Optional[str] = ..., files: _Optional[_Iterable[_Union[NewDatasetFile, _Mapping]]] = ..., keep: _Optional[_Iterable[str]] = ..., exclude: _Optional[_Iterable[str]] = ..., to: _Optional[str] = ...) -> None: ...

class CreateDatasetVersionRequest(_message.Message):
    __slots__ = ("project", "dataset", "request_id", "name", "sources", "description", "tags", "aliases")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    request_id: str
    name: str
    sources: _containers.RepeatedCompositeFieldContainer[NewDatasetSource]
    description: str
    tags: _containers.ScalarMap[str, str]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., request_id: _Optional[str] = ..., name: _Optional[str] = ..., sources: _Optional[_Iterable[_Union[NewDatasetSource, _Mapping]]] = ..., description: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., aliases: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateDatasetVersionResponse(_message.Message):
    __slots__ = ("version", "missing_digests")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MISSING_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    version: DatasetVersion
    missing_digests: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[_Union[DatasetVersion, _Mapping]] = ..., missing_digests: _Optional[_Iterable[str]] = ...) -> None: ...

class GetDatasetRequest(_message.Message):
    __slots__ = ("project", "dataset")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ...) -> None: ...

class GetDatasetResponse(_message.Message):
    __slots__ = ("dataset",)
    DATASET_FIELD_NUMBER: _ClassVar[int]
    dataset: Dataset
    def __init__(self, dataset: _Optional[_Union[Dataset, _Mapping]] = ...) -> None: ...

class ListDatasetsRequest(_message.Message):
    __slots__ = ("project", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDatasetsResponse(_message.Message):
    __slots__ = ("datasets", "next_page_token")
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    datasets: _containers.RepeatedCompositeFieldContainer[Dataset]
    next_page_token: str
    def __init__(self, datasets: _Optional[_Iterable[_Union[Dataset, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateDatasetRequest(_message.Message):
    __slots__ = ("project", "dataset", "description", "set_tags", "delete_tags")
    class SetTagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SET_TAGS_FIELD_NUMBER: _ClassVar[int]
    DELETE_TAGS_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    description: str
    set_tags: _containers.ScalarMap[str, str]
    delete_tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., description: _Optional[str] = ..., set_tags: _Optional[_Mapping[str, str]] = ..., delete_tags: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateDatasetResponse(_message.Message):
    __slots__ = ("dataset",)
    DATASET_FIELD_NUMBER: _ClassVar[int]
    dataset: Dataset
    def __init__(self, dataset: _Optional[_Union[Dataset, _Mapping]] = ...) -> None: ...

class DeleteDatasetRequest(_message.Message):
    __slots__ = ("project", "dataset")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ...) -> None: ...

class DeleteDatasetResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetDatasetVersionRequest(_message.Message):
    __slots__ = ("project", "dataset", "version")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    version: str
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class GetDatasetVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: DatasetVersion
    def __init__(self, version: _Optional[_Union[DatasetVersion, _Mapping]] = ...) -> None: ...

class ListDatasetVersionsRequest(_message.Message):
    __slots__ = ("project", "dataset", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDatasetVersionsResponse(_message.Message):
    __slots__ = ("versions", "next_page_token")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[DatasetVersion]
    next_page_token: str
    def __init__(self, versions: _Optional[_Iterable[_Union[DatasetVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateDatasetVersionRequest(_message.Message):
    __slots__ = ("project", "dataset", "version", "set_tags", "delete_tags")
    class SetTagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SET_TAGS_FIELD_NUMBER: _ClassVar[int]
    DELETE_TAGS_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    version: str
    set_tags: _containers.ScalarMap[str, str]
    delete_tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., version: _Optional[str] = ..., set_tags: _Optional[_Mapping[str, str]] = ..., delete_tags: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateDatasetVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: DatasetVersion
    def __init__(self, version: _Optional[_Union[DatasetVersion, _Mapping]] = ...) -> None: ...

class DeleteDatasetVersionRequest(_message.Message):
    __slots__ = ("project", "dataset", "version")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    version: str
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class DeleteDatasetVersionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDatasetFilesRequest(_message.Message):
    __slots__ = ("project", "dataset", "version", "path", "urls", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    URLS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    version: str
    path: str
    urls: bool
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., version: _Optional[str] = ..., path: _Optional[str] = ..., urls: bool = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDatasetFilesResponse(_message.Message):
    __slots__ = ("files", "next_page_token", "version")
    FILES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[DatasetFile]
    next_page_token: str
    version: int
    def __init__(self, files: _Optional[_Iterable[_Union[DatasetFile, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class DatasetAliasMove(_message.Message):
    __slots__ = ("alias", "version", "previous_version", "reason", "at", "actor")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    alias: str
    version: int
    previous_version: int
    reason: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, alias: _Optional[str] = ..., version: _Optional[int] = ..., previous_version: _Optional[int] = ..., reason: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class SetDatasetAliasRequest(_message.Message):
    __slots__ = ("project", "dataset", "alias", "version", "reason", "request_id", "expected_version")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    alias: str
    version: str
    reason: str
    request_id: str
    expected_version: int
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., alias: _Optional[str] = ..., version: _Optional[str] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...

class SetDatasetAliasResponse(_message.Message):
    __slots__ = ("move",)
    MOVE_FIELD_NUMBER: _ClassVar[int]
    move: DatasetAliasMove
    def __init__(self, move: _Optional[_Union[DatasetAliasMove, _Mapping]] = ...) -> None: ...

class DeleteDatasetAliasRequest(_message.Message):
    __slots__ = ("project", "dataset", "alias", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    alias: str
    reason: str
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., alias: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DeleteDatasetAliasResponse(_message.Message):
    __slots__ = ("move",)
    MOVE_FIELD_NUMBER: _ClassVar[int]
    move: DatasetAliasMove
    def __init__(self, move: _Optional[_Union[DatasetAliasMove, _Mapping]] = ...) -> None: ...

class ListDatasetAliasMovesRequest(_message.Message):
    __slots__ = ("project", "dataset", "alias", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    dataset: str
    alias: str
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., dataset: _Optional[str] = ..., alias: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDatasetAliasMovesResponse(_message.Message):
    __slots__ = ("moves", "next_page_token")
    MOVES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    moves: _containers.RepeatedCompositeFieldContainer[DatasetAliasMove]
    next_page_token: str
    def __init__(self, moves: _Optional[_Iterable[_Union[DatasetAliasMove, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetDatumRequest(_message.Message):
    __slots__ = ("project", "datum")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DATUM_FIELD_NUMBER: _ClassVar[int]
    project: str
    datum: str
    def __init__(self, project: _Optional[str] = ..., datum: _Optional[str] = ...) -> None: ...

class GetDatumResponse(_message.Message):
    __slots__ = ("file", "dataset", "version")
    FILE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    file: DatasetFile
    dataset: str
    version: int
    def __init__(self, file: _Optional[_Union[DatasetFile, _Mapping]] = ..., dataset: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class SetDatumAliasRequest(_message.Message):
    __slots__ = ("project", "alias", "datum")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    DATUM_FIELD_NUMBER: _ClassVar[int]
    project: str
    alias: str
    datum: str
    def __init__(self, project: _Optional[str] = ..., alias: _Optional[str] = ..., datum: _Optional[str] = ...) -> None: ...

class SetDatumAliasResponse(_message.Message):
    __slots__ = ("datum_id", "previous_datum_id")
    DATUM_ID_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_DATUM_ID_FIELD_NUMBER: _ClassVar[int]
    datum_id: str
    previous_datum_id: str
    def __init__(self, datum_id: _Optional[str] = ..., previous_datum_id: _Optional[str] = ...) -> None: ...

class DeleteDatumAliasRequest(_message.Message):
    __slots__ = ("project", "alias")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    project: str
    alias: str
    def __init__(self, project: _Optional[str] = ..., alias: _Optional[str] = ...) -> None: ...

class DeleteDatumAliasResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResolveReferencesRequest(_message.Message):
    __slots__ = ("project", "uris")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    URIS_FIELD_NUMBER: _ClassVar[int]
    project: str
    uris: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., uris: _Optional[_Iterable[str]] = ...) -> None: ...

class ResolveReferencesResponse(_message.Message):
    __slots__ = ("uris",)
    URIS_FIELD_NUMBER: _ClassVar[int]
    uris: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, uris: _Optional[_Iterable[str]] = ...) -> None: ...
