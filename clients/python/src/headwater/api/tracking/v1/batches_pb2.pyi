from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PackedBatch(_message.Message):
    __slots__ = ("run_id", "sequence", "keys", "key", "value", "step", "timestamp_ms", "params", "tags")
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
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    sequence: int
    keys: _containers.RepeatedScalarFieldContainer[str]
    key: _containers.RepeatedScalarFieldContainer[int]
    value: _containers.RepeatedScalarFieldContainer[float]
    step: _containers.RepeatedScalarFieldContainer[int]
    timestamp_ms: _containers.RepeatedScalarFieldContainer[int]
    params: _containers.ScalarMap[str, str]
    tags: _containers.ScalarMap[str, str]
    def __init__(self, run_id: _Optional[str] = ..., sequence: _Optional[int] = ..., keys: _Optional[_Iterable[str]] = ..., key: _Optional[_Iterable[int]] = ..., value: _Optional[_Iterable[float]] = ..., step: _Optional[_Iterable[int]] = ..., timestamp_ms: _Optional[_Iterable[int]] = ..., params: _Optional[_Mapping[str, str]] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class LogBatchesRequest(_message.Message):
    __slots__ = ("writer", "batches")
    WRITER_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    writer: str
    batches: _containers.RepeatedCompositeFieldContainer[PackedBatch]
    def __init__(self, writer: _Optional[str] = ..., batches: _Optional[_Iterable[_Union[PackedBatch, _Mapping]]] = ...) -> None: ...

class StreamBatchesRequest(_message.Message):
    __slots__ = ("writer", "batches")
    WRITER_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    writer: str
    batches: _containers.RepeatedCompositeFieldContainer[PackedBatch]
    def __init__(self, writer: _Optional[str] = ..., batches: _Optional[_Iterable[_Union[PackedBatch, _Mapping]]] = ...) -> None: ...

class StreamBatchesResponse(_message.Message):
    __slots__ = ("sequence", "refused")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    refused: _containers.RepeatedCompositeFieldContainer[RefusedBatch]
    def __init__(self, sequence: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RefusedBatch, _Mapping]]] = ...) -> None: ...

class LogBatchesResponse(_message.Message):
    __slots__ = ("sequence", "refused")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    refused: _containers.RepeatedCompositeFieldContainer[RefusedBatch]
    def __init__(self, sequence: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RefusedBatch, _Mapping]]] = ...) -> None: ...

class RefusedBatch(_message.Message):
    __slots__ = ("sequence", "run_id", "code", "message")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    run_id: str
    code: str
    message: str
    def __init__(self, sequence: _Optional[int] = ..., run_id: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
