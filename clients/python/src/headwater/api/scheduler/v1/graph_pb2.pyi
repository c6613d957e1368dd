from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Transition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSITION_UNSPECIFIED: _ClassVar[Transition]
    TRANSITION_LINEAR: _ClassVar[Transition]
    TRANSITION_SPLIT: _ClassVar[Transition]
    TRANSITION_FOREACH: _ClassVar[Transition]
    TRANSITION_END: _ClassVar[Transition]
    TRANSITION_SWITCH: _ClassVar[Transition]
TRANSITION_UNSPECIFIED: Transition
TRANSITION_LINEAR: Transition
TRANSITION_SPLIT: Transition
TRANSITION_FOREACH: Transition
TRANSITION_END: Transition
TRANSITION_SWITCH: Transition

class Graph(_message.Message):
    __slots__ = ("flow", "steps", "start", "end", "doc", "on_success", "on_error")
    FLOW_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    ON_SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    flow: str
    steps: _containers.RepeatedCompositeFieldContainer[Step]
    start: str
    end: str
    doc: str
    on_success: _containers.RepeatedScalarFieldContainer[str]
    on_error: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, flow: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., start: _Optional[str] = ..., end: _Optional[str] = ..., doc: _Optional[str] = ..., on_success: _Optional[_Iterable[str]] = ..., on_error: _Optional[_Iterable[str]] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("name", "transition", "next", "foreach", "joins", "retry", "timeout", "catch", "pool", "resources", "doc", "line", "decorators", "cards", "environment", "condition", "cases", "gang", "isolation", "concurrency", "code", "no_cache", "max_log_mb")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRANSITION_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    FOREACH_FIELD_NUMBER: _ClassVar[int]
    JOINS_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    CATCH_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    DECORATORS_FIELD_NUMBER: _ClassVar[int]
    CARDS_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    CASES_FIELD_NUMBER: _ClassVar[int]
    GANG_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    NO_CACHE_FIELD_NUMBER: _ClassVar[int]
    MAX_LOG_MB_FIELD_NUMBER: _ClassVar[int]
    name: str
    transition: Transition
    next: _containers.RepeatedScalarFieldContainer[str]
    foreach: str
    joins: str
    retry: RetryPolicy
    timeout: _duration_pb2.Duration
    catch: CatchPolicy
    pool: str
    resources: Resources
    doc: str
    line: int
    decorators: _containers.RepeatedScalarFieldContainer[str]
    cards: _containers.RepeatedCompositeFieldContainer[CardSpec]
    environment: Environment
    condition: str
    cases: _containers.RepeatedCompositeFieldContainer[Case]
    gang: bool
    isolation: str
    concurrency: _containers.RepeatedScalarFieldContainer[str]
    code: str
    no_cache: bool
    max_log_mb: int
    def __init__(self, name: _Optional[str] = ..., transition: _Optional[_Union[Transition, str]] = ..., next: _Optional[_Iterable[str]] = ..., foreach: _Optional[str] = ..., joins: _Optional[str] = ..., retry: _Optional[_Union[RetryPolicy, _Mapping]] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., catch: _Optional[_Union[CatchPolicy, _Mapping]] = ..., pool: _Optional[str] = ..., resources: _Optional[_Union[Resources, _Mapping]] = ..., doc: _Optional[str] = ..., line: _Optional[int] = ..., decorators: _Optional[_Iterable[str]] = ..., cards: _Optional[_Iterable[_Union[CardSpec, _Mapping]]] = ..., environment: _Optional[_Union[Environment, _Mapping]] = ..., condition: _Optional[str] = ..., cases: _Optional[_Iterable[_Union[Case, _Mapping]]] = ..., gang: bool = ..., isolation: _Optional[str] = ..., concurrency: _Optional[_Iterable[str]] = ..., code: _Optional[str] = ..., no_cache: bool = ..., max_log_mb: _Optional[int] = ...) -> None: ...

class Case(_message.Message):
    __slots__ = ("value", "step")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    value: str
    step: str
    def __init__(self, value: _Optional[str] = ..., step: _Optional[str] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ("times", "delay")
    TIMES_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    times: int
    delay: _duration_pb2.Duration
    def __init__(self, times: _Optional[int] = ..., delay: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CatchPolicy(_message.Message):
    __slots__ = ("var",)
    VAR_FIELD_NUMBER: _ClassVar[int]
    var: str
    def __init__(self, var: _Optional[str] = ...) -> None: ...

class Resources(_message.Message):
    __slots__ = ("cpu", "gpu", "memory_mb", "enforce")
    CPU_FIELD_NUMBER: _ClassVar[int]
    GPU_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    ENFORCE_FIELD_NUMBER: _ClassVar[int]
    cpu: float
    gpu: float
    memory_mb: int
    enforce: bool
    def __init__(self, cpu: _Optional[float] = ..., gpu: _Optional[float] = ..., memory_mb: _Optional[int] = ..., enforce: bool = ...) -> None: ...

class CardSpec(_message.Message):
    __slots__ = ("id", "type", "options", "timeout", "save_errors", "customize", "refresh_interval")
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SAVE_ERRORS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMIZE_FIELD_NUMBER: _ClassVar[int]
    REFRESH_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    id: str
    type: str
    options: _struct_pb2.Struct
    timeout: _duration_pb2.Duration
    save_errors: bool
    customize: bool
    refresh_interval: float
    def __init__(self, id: _Optional[str] = ..., type: _Optional[str] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., save_errors: bool = ..., customize: bool = ..., refresh_interval: _Optional[float] = ...) -> None: ...

class Environment(_message.Message):
    __slots__ = ("lock", "kind", "python")
    LOCK_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    lock: str
    kind: str
    python: str
    def __init__(self, lock: _Optional[str] = ..., kind: _Optional[str] = ..., python: _Optional[str] = ...) -> None: ...
