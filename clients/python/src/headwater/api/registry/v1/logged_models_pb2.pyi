from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LoggedModelState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOGGED_MODEL_STATE_UNSPECIFIED: _ClassVar[LoggedModelState]
    LOGGED_MODEL_STATE_PENDING: _ClassVar[LoggedModelState]
    LOGGED_MODEL_STATE_READY: _ClassVar[LoggedModelState]
    LOGGED_MODEL_STATE_FAILED: _ClassVar[LoggedModelState]
LOGGED_MODEL_STATE_UNSPECIFIED: LoggedModelState
LOGGED_MODEL_STATE_PENDING: LoggedModelState
LOGGED_MODEL_STATE_READY: LoggedModelState
LOGGED_MODEL_STATE_FAILED: LoggedModelState

class LoggedModel(_message.Message):
    __slots__ = ("model_id", "project", "experiment_id", "name", "type", "source_run_id", "state", "artifact_uri", "params", "tags", "metrics", "created_at", "updated_at", "deleted")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_URI_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    project: str
    experiment_id: str
    name: str
    type: str
    source_run_id: str
    state: LoggedModelState
    artifact_uri: str
    params: _containers.ScalarMap[str, str]
    tags: _containers.ScalarMap[str, str]
    metrics: _containers.RepeatedCompositeFieldContainer[LoggedModelMetric]
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    deleted: bool
    def __init__(self, model_id: _Optional[str] = ..., project: _Optional[str] = ..., experiment_id: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., source_run_id: _Optional[str] = ..., state: _Optional[_Union[LoggedModelState, str]] = ..., artifact_uri: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ..., tags: _Optional[_Mapping[str, str]] = ..., metrics: _Optional[_Iterable[_Union[LoggedModelMetric, _Mapping]]] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., deleted: bool = ...) -> None: ...

class LoggedModelMetric(_message.Message):
    __slots__ = ("model_id", "run_id", "key", "value", "step", "timestamp_ms", "dataset_name", "dataset_digest")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    DATASET_NAME_FIELD_NUMBER: _ClassVar[int]
    DATASET_DIGEST_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    run_id: str
    key: str
    value: float
    step: int
    timestamp_ms: int
    dataset_name: str
    dataset_digest: str
    def __init__(self, model_id: _Optional[str] = ..., run_id: _Optional[str] = ..., key: _Optional[str] = ..., value: _Optional[float] = ..., step: _Optional[int] = ..., timestamp_ms: _Optional[int] = ..., dataset_name: _Optional[str] = ..., dataset_digest: _Optional[str] = ...) -> None: ...

class CreateLoggedModelRequest(_message.Message):
    __slots__ = ("project", "model_id", "experiment_id", "name", "type", "source_run_id", "artifact_root", "params", "tags")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_ROOT_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    project: str
    model_id: str
    experiment_id: str
    name: str
    type: str
    source_run_id: str
    artifact_root: str
    params: _containers.ScalarMap[str, str]
    tags: _containers.ScalarMap[str, str]
    def __init__(self, project: _Optional[str] = ..., model_id: _Optional[str] = ..., experiment_id: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., source_run_id: _Optional[str] = ..., artifact_root: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CreateLoggedModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: LoggedModel
    def __init__(self, model: _Optional[_Union[LoggedModel, _Mapping]] = ...) -> None: ...

class GetLoggedModelRequest(_message.Message):
    __slots__ = ("project", "model_id", "deleted")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    project: str
    model_id: str
    deleted: bool
    def __init__(self, project: _Optional[str] = ..., model_id: _Optional[str] = ..., deleted: bool = ...) -> None: ...

class GetLoggedModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: LoggedModel
    def __init__(self, model: _Optional[_Union[LoggedModel, _Mapping]] = ...) -> None: ...

class LoggedModelDataset(_message.Message):
    __slots__ = ("name", "digest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: str
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class LoggedModelOrder(_message.Message):
    __slots__ = ("field", "descending", "dataset")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DESCENDING_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    field: str
    descending: bool
    dataset: LoggedModelDataset
    def __init__(self, field: _Optional[str] = ..., descending: bool = ..., dataset: _Optional[_Union[LoggedModelDataset, _Mapping]] = ...) -> None: ...

class SearchLoggedModelsRequest(_message.Message):
    __slots__ = ("project", "experiment_ids", "filter", "datasets", "order_by", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    experiment_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    datasets: _containers.RepeatedCompositeFieldContainer[LoggedModelDataset]
    order_by: _containers.RepeatedCompositeFieldContainer[LoggedModelOrder]
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., experiment_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., datasets: _Optional[_Iterable[_Union[LoggedModelDataset, _Mapping]]] = ..., order_by: _Optional[_Iterable[_Union[LoggedModelOrder, _Mapping]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SearchLoggedModelsResponse(_message.Message):
    __slots__ = ("models", "next_page_token")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[LoggedModel]
    next_page_token: str
    def __init__(self, models: _Optional[_Iterable[_Union[LoggedModel, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateLoggedModelRequest(_message.Message):
    __slots__ = ("project", "model_id", "state", "params", "set_tags", "delete_tags")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class SetTagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    SET_TAGS_FIELD_NUMBER: _ClassVar[int]
    DELETE_TAGS_FIELD_NUMBER: _ClassVar[int]
    project: str
    model_id: str
    state: LoggedModelState
    params: _containers.ScalarMap[str, str]
    set_tags: _containers.ScalarMap[str, str]
    delete_tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., model_id: _Optional[str] = ..., state: _Optional[_Union[LoggedModelState, str]] = ..., params: _Optional[_Mapping[str, str]] = ..., set_tags: _Optional[_Mapping[str, str]] = ..., delete_tags: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateLoggedModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: LoggedModel
    def __init__(self, model: _Optional[_Union[LoggedModel, _Mapping]] = ...) -> None: ...

class DeleteLoggedModelRequest(_message.Message):
    __slots__ = ("project", "model_id")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    project: str
    model_id: str
    def __init__(self, project: _Optional[str] = ..., model_id: _Optional[str] = ...) -> None: ...

class DeleteLoggedModelResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LogModelMetricsRequest(_message.Message):
    __slots__ = ("project", "metrics")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    project: str
    metrics: _containers.RepeatedCompositeFieldContainer[LoggedModelMetric]
    def __init__(self, project: _Optional[str] = ..., metrics: _Optional[_Iterable[_Union[LoggedModelMetric, _Mapping]]] = ...) -> None: ...

class LogModelMetricsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
