from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headwater.api.common.v1 import common_pb2 as _common_pb2
from headwater.api.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunStarted(_message.Message):
    __slots__ = ("run_id", "project", "flow", "parameters", "tags", "at", "actor", "origin_run_id", "trigger", "code_package", "run_seq", "locks")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    CODE_PACKAGE_FIELD_NUMBER: _ClassVar[int]
    RUN_SEQ_FIELD_NUMBER: _ClassVar[int]
    LOCKS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    parameters: _struct_pb2.Struct
    tags: _containers.RepeatedScalarFieldContainer[str]
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    origin_run_id: str
    trigger: _common_pb2.TriggerSource
    code_package: str
    run_seq: int
    locks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., origin_run_id: _Optional[str] = ..., trigger: _Optional[_Union[_common_pb2.TriggerSource, _Mapping]] = ..., code_package: _Optional[str] = ..., run_seq: _Optional[int] = ..., locks: _Optional[_Iterable[str]] = ...) -> None: ...

class RunSucceeded(_message.Message):
    __slots__ = ("run_id", "project", "flow", "at", "duration", "run_seq")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    RUN_SEQ_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    at: _timestamp_pb2.Timestamp
    duration: float
    run_seq: int
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[float] = ..., run_seq: _Optional[int] = ...) -> None: ...

class RunFailed(_message.Message):
    __slots__ = ("run_id", "project", "flow", "at", "duration", "failure", "step", "task_id", "run_seq")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_SEQ_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    at: _timestamp_pb2.Timestamp
    duration: float
    failure: _common_pb2.Failure
    step: str
    task_id: str
    run_seq: int
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[float] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., run_seq: _Optional[int] = ...) -> None: ...

class RunCancelled(_message.Message):
    __slots__ = ("run_id", "project", "flow", "at", "duration", "reason", "actor", "run_seq")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    RUN_SEQ_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    at: _timestamp_pb2.Timestamp
    duration: float
    reason: str
    actor: _common_pb2.Actor
    run_seq: int
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[float] = ..., reason: _Optional[str] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., run_seq: _Optional[int] = ...) -> None: ...

class RunDeleted(_message.Message):
    __slots__ = ("run_id", "project", "flow", "at", "actor", "reason", "heirs")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HEIRS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    reason: str
    heirs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., reason: _Optional[str] = ..., heirs: _Optional[_Iterable[str]] = ...) -> None: ...

class RunRevived(_message.Message):
    __slots__ = ("run_id", "project", "flow", "at", "run_seq")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    RUN_SEQ_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    at: _timestamp_pb2.Timestamp
    run_seq: int
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., run_seq: _Optional[int] = ...) -> None: ...

class RunTagsChanged(_message.Message):
    __slots__ = ("run_id", "project", "flow", "at", "tags", "added", "removed", "tags_version")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    TAGS_VERSION_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    at: _timestamp_pb2.Timestamp
    tags: _containers.RepeatedScalarFieldContainer[str]
    added: _containers.RepeatedScalarFieldContainer[str]
    removed: _containers.RepeatedScalarFieldContainer[str]
    tags_version: int
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., added: _Optional[_Iterable[str]] = ..., removed: _Optional[_Iterable[str]] = ..., tags_version: _Optional[int] = ...) -> None: ...

class TaskStarted(_message.Message):
    __slots__ = ("run_id", "project", "flow", "step", "task_id", "attempt", "worker", "at", "run_seq")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    RUN_SEQ_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    step: str
    task_id: str
    attempt: int
    worker: str
    at: _timestamp_pb2.Timestamp
    run_seq: int
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., worker: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., run_seq: _Optional[int] = ...) -> None: ...

class TaskSucceeded(_message.Message):
    __slots__ = ("run_id", "project", "flow", "step", "path", "index", "task_id", "attempt", "started_at", "at", "manifest_json", "foreach_width", "origin_run_id", "run_seq", "inputs", "depth")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_JSON_FIELD_NUMBER: _ClassVar[int]
    FOREACH_WIDTH_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_SEQ_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    step: str
    path: str
    index: int
    task_id: str
    attempt: int
    started_at: _timestamp_pb2.Timestamp
    at: _timestamp_pb2.Timestamp
    manifest_json: str
    foreach_width: int
    origin_run_id: str
    run_seq: int
    inputs: _containers.RepeatedCompositeFieldContainer[_common_pb2.TaskInput]
    depth: int
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., step: _Optional[str] = ..., path: _Optional[str] = ..., index: _Optional[int] = ..., task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., manifest_json: _Optional[str] = ..., foreach_width: _Optional[int] = ..., origin_run_id: _Optional[str] = ..., run_seq: _Optional[int] = ..., inputs: _Optional[_Iterable[_Union[_common_pb2.TaskInput, _Mapping]]] = ..., depth: _Optional[int] = ...) -> None: ...

class TaskFailed(_message.Message):
    __slots__ = ("run_id", "project", "flow", "step", "task_id", "attempt", "at", "failure", "will_retry", "run_seq")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    WILL_RETRY_FIELD_NUMBER: _ClassVar[int]
    RUN_SEQ_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    step: str
    task_id: str
    attempt: int
    at: _timestamp_pb2.Timestamp
    failure: _common_pb2.Failure
    will_retry: bool
    run_seq: int
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., will_retry: bool = ..., run_seq: _Optional[int] = ...) -> None: ...

class FlowDeployed(_message.Message):
    __slots__ = ("project", "flow", "version", "at", "actor", "deployment", "code_package", "locks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    CODE_PACKAGE_FIELD_NUMBER: _ClassVar[int]
    LOCKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    flow: str
    version: int
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    deployment: str
    code_package: str
    locks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., flow: _Optional[str] = ..., version: _Optional[int] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., deployment: _Optional[str] = ..., code_package: _Optional[str] = ..., locks: _Optional[_Iterable[str]] = ...) -> None: ...

class FlowUndeployed(_message.Message):
    __slots__ = ("project", "flow", "at", "actor")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    flow: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., flow: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class ExperimentCreated(_message.Message):
    __slots__ = ("project", "name", "experiment_id", "at")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    experiment_id: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., experiment_id: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TrackedRunFinished(_message.Message):
    __slots__ = ("run_id", "project", "experiment", "state", "at", "metrics", "params", "datasets", "input_models", "output_models", "source_name", "source_version", "parent_run_id")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    INPUT_MODELS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_MODELS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PARENT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    experiment: str
    state: str
    at: _timestamp_pb2.Timestamp
    metrics: _containers.ScalarMap[str, float]
    params: _containers.ScalarMap[str, str]
    datasets: _containers.RepeatedCompositeFieldContainer[_common_pb2.TrackedDataset]
    input_models: _containers.RepeatedScalarFieldContainer[str]
    output_models: _containers.RepeatedScalarFieldContainer[str]
    source_name: str
    source_version: str
    parent_run_id: str
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., experiment: _Optional[str] = ..., state: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., params: _Optional[_Mapping[str, str]] = ..., datasets: _Optional[_Iterable[_Union[_common_pb2.TrackedDataset, _Mapping]]] = ..., input_models: _Optional[_Iterable[str]] = ..., output_models: _Optional[_Iterable[str]] = ..., source_name: _Optional[str] = ..., source_version: _Optional[str] = ..., parent_run_id: _Optional[str] = ...) -> None: ...

class TrackedRunDeleted(_message.Message):
    __slots__ = ("run_id", "project", "experiment", "at", "actor", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    experiment: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., experiment: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ModelCreated(_message.Message):
    __slots__ = ("project", "name", "at", "actor")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class ModelUpdated(_message.Message):
    __slots__ = ("project", "name", "version", "description", "tags", "at", "actor")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    version: int
    description: str
    tags: _containers.ScalarMap[str, str]
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., description: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class ModelVersionCreated(_message.Message):
    __slots__ = ("project", "name", "version", "digest", "metrics", "run_id", "at", "actor", "step", "task_id", "artifact", "code_package", "model_id", "model_source", "model_uid")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    CODE_PACKAGE_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_SOURCE_FIELD_NUMBER: _ClassVar[int]
    MODEL_UID_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    version: int
    digest: str
    metrics: _containers.ScalarMap[str, float]
    run_id: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    step: str
    task_id: str
    artifact: str
    code_package: str
    model_id: str
    model_source: str
    model_uid: int
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ..., metrics: _Optional[_Mapping[str, float]] = ..., run_id: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., artifact: _Optional[str] = ..., code_package: _Optional[str] = ..., model_id: _Optional[str] = ..., model_source: _Optional[str] = ..., model_uid: _Optional[int] = ...) -> None: ...

class ModelLogged(_message.Message):
    __slots__ = ("project", "model_id", "name", "run_id", "experiment_id", "model_type", "at", "actor")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    model_id: str
    name: str
    run_id: str
    experiment_id: str
    model_type: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., model_id: _Optional[str] = ..., name: _Optional[str] = ..., run_id: _Optional[str] = ..., experiment_id: _Optional[str] = ..., model_type: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class ModelPromoted(_message.Message):
    __slots__ = ("project", "name", "alias", "version", "previous_version", "reason", "metrics", "at", "actor", "model_uid")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_UID_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    alias: str
    version: int
    previous_version: int
    reason: str
    metrics: _containers.ScalarMap[str, float]
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    model_uid: int
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., alias: _Optional[str] = ..., version: _Optional[int] = ..., previous_version: _Optional[int] = ..., reason: _Optional[str] = ..., metrics: _Optional[_Mapping[str, float]] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., model_uid: _Optional[int] = ...) -> None: ...

class ModelAliasRemoved(_message.Message):
    __slots__ = ("project", "name", "alias", "previous_version", "reason", "at", "actor", "model_uid")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_UID_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    alias: str
    previous_version: int
    reason: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    model_uid: int
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., alias: _Optional[str] = ..., previous_version: _Optional[int] = ..., reason: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., model_uid: _Optional[int] = ...) -> None: ...

class ModelRenamed(_message.Message):
    __slots__ = ("project", "name", "previous_name", "at", "actor", "model_uid")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_NAME_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_UID_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    previous_name: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    model_uid: int
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., previous_name: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., model_uid: _Optional[int] = ...) -> None: ...

class ModelDeleted(_message.Message):
    __slots__ = ("project", "name", "at", "actor", "model_uid")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_UID_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    model_uid: int
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., model_uid: _Optional[int] = ...) -> None: ...

class ModelVersionDeleted(_message.Message):
    __slots__ = ("project", "name", "version", "at", "actor", "model_uid")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_UID_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    version: int
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    model_uid: int
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., model_uid: _Optional[int] = ...) -> None: ...

class ModelStageChanged(_message.Message):
    __slots__ = ("project", "name", "version", "stage", "previous_stage", "at", "actor")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_STAGE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    version: int
    stage: str
    previous_stage: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., stage: _Optional[str] = ..., previous_stage: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class ArtifactCardUpdated(_message.Message):
    __slots__ = ("project", "run_id", "step", "task_id", "attempt", "slot", "id", "card_type", "digest", "final", "at")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CARD_TYPE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    project: str
    run_id: str
    step: str
    task_id: str
    attempt: int
    slot: str
    id: str
    card_type: str
    digest: str
    final: bool
    at: _timestamp_pb2.Timestamp
    def __init__(self, project: _Optional[str] = ..., run_id: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., slot: _Optional[str] = ..., id: _Optional[str] = ..., card_type: _Optional[str] = ..., digest: _Optional[str] = ..., final: bool = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DatasetVersionCreated(_message.Message):
    __slots__ = ("project", "name", "version", "version_name", "uri", "files", "size", "digest", "sources", "aliases", "tags", "description", "run_id", "step", "task_id", "at", "actor")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSION_NAME_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    version: int
    version_name: str
    uri: str
    files: int
    size: int
    digest: str
    sources: _containers.RepeatedScalarFieldContainer[str]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.ScalarMap[str, str]
    description: str
    run_id: str
    step: str
    task_id: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., version_name: _Optional[str] = ..., uri: _Optional[str] = ..., files: _Optional[int] = ..., size: _Optional[int] = ..., digest: _Optional[str] = ..., sources: _Optional[_Iterable[str]] = ..., aliases: _Optional[_Iterable[str]] = ..., tags: _Optional[_Mapping[str, str]] = ..., description: _Optional[str] = ..., run_id: _Optional[str] = ..., step: _Optional[str] = ..., task_id: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class DatasetAliasMoved(_message.Message):
    __slots__ = ("project", "name", "alias", "version", "previous_version", "uri", "reason", "at", "actor")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    alias: str
    version: int
    previous_version: int
    uri: str
    reason: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., alias: _Optional[str] = ..., version: _Optional[int] = ..., previous_version: _Optional[int] = ..., uri: _Optional[str] = ..., reason: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class DatasetAliasRemoved(_message.Message):
    __slots__ = ("project", "name", "alias", "previous_version", "reason", "at", "actor")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    alias: str
    previous_version: int
    reason: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., alias: _Optional[str] = ..., previous_version: _Optional[int] = ..., reason: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class DatasetVersionDeleted(_message.Message):
    __slots__ = ("project", "name", "version", "at", "actor")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    version: int
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...

class DatasetDeleted(_message.Message):
    __slots__ = ("project", "name", "at", "actor")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    at: _timestamp_pb2.Timestamp
    actor: _common_pb2.Actor
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ...) -> None: ...
