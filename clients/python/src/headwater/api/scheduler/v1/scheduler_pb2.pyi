from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from headwater.api.common.v1 import common_pb2 as _common_pb2
from headwater.api.options.v1 import options_pb2 as _options_pb2
from headwater.api.scheduler.v1 import graph_pb2 as _graph_pb2
from headwater.api.scheduler.v1 import metaflow_pb2 as _metaflow_pb2
from headwater.api.scheduler.v1 import retention_pb2 as _retention_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_RUNNING: _ClassVar[RunState]
    RUN_STATE_SUCCEEDED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]

class TaskState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_STATE_UNSPECIFIED: _ClassVar[TaskState]
    TASK_STATE_WAITING: _ClassVar[TaskState]
    TASK_STATE_READY: _ClassVar[TaskState]
    TASK_STATE_DISPATCHED: _ClassVar[TaskState]
    TASK_STATE_SUCCEEDED: _ClassVar[TaskState]
    TASK_STATE_FAILED: _ClassVar[TaskState]
    TASK_STATE_CANCELLED: _ClassVar[TaskState]
    TASK_STATE_SKIPPED: _ClassVar[TaskState]

class Disposition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPOSITION_UNSPECIFIED: _ClassVar[Disposition]
    DISPOSITION_ACCEPTED: _ClassVar[Disposition]
    DISPOSITION_ALREADY: _ClassVar[Disposition]
    DISPOSITION_STALE: _ClassVar[Disposition]
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_RUNNING: RunState
RUN_STATE_SUCCEEDED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_CANCELLED: RunState
TASK_STATE_UNSPECIFIED: TaskState
TASK_STATE_WAITING: TaskState
TASK_STATE_READY: TaskState
TASK_STATE_DISPATCHED: TaskState
TASK_STATE_SUCCEEDED: TaskState
TASK_STATE_FAILED: TaskState
TASK_STATE_CANCELLED: TaskState
TASK_STATE_SKIPPED: TaskState
DISPOSITION_UNSPECIFIED: Disposition
DISPOSITION_ACCEPTED: Disposition
DISPOSITION_ALREADY: Disposition
DISPOSITION_STALE: Disposition

class Code(_message.Message):
    __slots__ = ("package", "entrypoint", "flow_class", "python", "environment")
    PACKAGE_FIELD_NUMBER: _ClassVar[int]
    ENTRYPOINT_FIELD_NUMBER: _ClassVar[int]
    FLOW_CLASS_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    package: str
    entrypoint: str
    flow_class: str
    python: str
    environment: str
    def __init__(self, package: _Optional[str] = ..., entrypoint: _Optional[str] = ..., flow_class: _Optional[str] = ..., python: _Optional[str] = ..., environment: _Optional[str] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("run_id", "project", "flow", "state", "parameters", "tags", "created_at", "finished_at", "failure", "created_by", "code", "graph", "origin_run_id", "trigger", "traceparent", "tasks", "waiting_for", "priority", "system_tags", "tags_version", "paused_at", "deadline", "engine", "external_id", "cached", "parameters_json")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_TAGS_FIELD_NUMBER: _ClassVar[int]
    TAGS_VERSION_FIELD_NUMBER: _ClassVar[int]
    PAUSED_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    flow: str
    state: RunState
    parameters: _struct_pb2.Struct
    tags: _containers.RepeatedScalarFieldContainer[str]
    created_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    failure: _common_pb2.Failure
    created_by: _common_pb2.Actor
    code: Code
    graph: _graph_pb2.Graph
    origin_run_id: str
    trigger: _common_pb2.TriggerSource
    traceparent: str
    tasks: TaskCounts
    waiting_for: str
    priority: int
    system_tags: _containers.RepeatedScalarFieldContainer[str]
    tags_version: int
    paused_at: _timestamp_pb2.Timestamp
    deadline: _timestamp_pb2.Timestamp
    engine: str
    external_id: str
    cached: bool
    parameters_json: str
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., state: _Optional[_Union[RunState, str]] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., created_by: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., code: _Optional[_Union[Code, _Mapping]] = ..., graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., origin_run_id: _Optional[str] = ..., trigger: _Optional[_Union[_common_pb2.TriggerSource, _Mapping]] = ..., traceparent: _Optional[str] = ..., tasks: _Optional[_Union[TaskCounts, _Mapping]] = ..., waiting_for: _Optional[str] = ..., priority: _Optional[int] = ..., system_tags: _Optional[_Iterable[str]] = ..., tags_version: _Optional[int] = ..., paused_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., deadline: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., engine: _Optional[str] = ..., external_id: _Optional[str] = ..., cached: bool = ..., parameters_json: _Optional[str] = ...) -> None: ...

class TaskCounts(_message.Message):
    __slots__ = ("ready", "running", "succeeded", "failed", "cancelled", "pending")
    READY_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    ready: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    pending: int
    def __init__(self, ready: _Optional[int] = ..., running: _Optional[int] = ..., succeeded: _Optional[int] = ..., failed: _Optional[int] = ..., cancelled: _Optional[int] = ..., pending: _Optional[int] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("key", "task_id", "state", "attempt", "retry_count", "pool", "created_at", "started_at", "finished_at", "failure", "result", "worker", "origin_run_id", "waiting_for")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RETRY_COUNT_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    task_id: str
    state: TaskState
    attempt: int
    retry_count: int
    pool: str
    created_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    failure: _common_pb2.Failure
    result: bytes
    worker: str
    origin_run_id: str
    waiting_for: str
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., task_id: _Optional[str] = ..., state: _Optional[_Union[TaskState, str]] = ..., attempt: _Optional[int] = ..., retry_count: _Optional[int] = ..., pool: _Optional[str] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., result: _Optional[bytes] = ..., worker: _Optional[str] = ..., origin_run_id: _Optional[str] = ..., waiting_for: _Optional[str] = ...) -> None: ...

class StartRunRequest(_message.Message):
    __slots__ = ("project", "flow", "request_id", "graph", "code", "parameters", "tags", "priority", "origin_run_id", "resume_step", "max_workers", "deployment", "timeout", "cached", "changed_parameters", "paused", "parameters_json")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RESUME_STEP_FIELD_NUMBER: _ClassVar[int]
    MAX_WORKERS_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    project: str
    flow: str
    request_id: str
    graph: _graph_pb2.Graph
    code: Code
    parameters: _struct_pb2.Struct
    tags: _containers.RepeatedScalarFieldContainer[str]
    priority: int
    origin_run_id: str
    resume_step: str
    max_workers: int
    deployment: str
    timeout: _duration_pb2.Duration
    cached: bool
    changed_parameters: _containers.RepeatedScalarFieldContainer[str]
    paused: bool
    parameters_json: str
    def __init__(self, project: _Optional[str] = ..., flow: _Optional[str] = ..., request_id: _Optional[str] = ..., graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., code: _Optional[_Union[Code, _Mapping]] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., priority: _Optional[int] = ..., origin_run_id: _Optional[str] = ..., resume_step: _Optional[str] = ..., max_workers: _Optional[int] = ..., deployment: _Optional[str] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., cached: bool = ..., changed_parameters: _Optional[_Iterable[str]] = ..., paused: bool = ..., parameters_json: _Optional[str] = ...) -> None: ...

class PauseRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class PauseRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class ResumeRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ResumeRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class Limit(_message.Message):
    __slots__ = ("key", "most", "running")
    KEY_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    key: str
    most: int
    running: int
    def __init__(self, key: _Optional[str] = ..., most: _Optional[int] = ..., running: _Optional[int] = ...) -> None: ...

class SetLimitRequest(_message.Message):
    __slots__ = ("project", "key", "most")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    project: str
    key: str
    most: int
    def __init__(self, project: _Optional[str] = ..., key: _Optional[str] = ..., most: _Optional[int] = ...) -> None: ...

class SetLimitResponse(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: Limit
    def __init__(self, limit: _Optional[_Union[Limit, _Mapping]] = ...) -> None: ...

class ListLimitsRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class ListLimitsResponse(_message.Message):
    __slots__ = ("limits",)
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: _containers.RepeatedCompositeFieldContainer[Limit]
    def __init__(self, limits: _Optional[_Iterable[_Union[Limit, _Mapping]]] = ...) -> None: ...

class PauseDeploymentRequest(_message.Message):
    __slots__ = ("project", "name")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class PauseDeploymentResponse(_message.Message):
    __slots__ = ("deployment",)
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    deployment: Deployment
    def __init__(self, deployment: _Optional[_Union[Deployment, _Mapping]] = ...) -> None: ...

class ResumeDeploymentRequest(_message.Message):
    __slots__ = ("project", "name")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ResumeDeploymentResponse(_message.Message):
    __slots__ = ("deployment",)
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    deployment: Deployment
    def __init__(self, deployment: _Optional[_Union[Deployment, _Mapping]] = ...) -> None: ...

class StartRunResponse(_message.Message):
    __slots__ = ("run", "package_missing")
    RUN_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_MISSING_FIELD_NUMBER: _ClassVar[int]
    run: Run
    package_missing: bool
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., package_missing: bool = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run_id", "project")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("project", "flow", "state", "tag", "deployment", "event_id", "page_size", "page_token", "tags")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    project: str
    flow: str
    state: RunState
    tag: str
    deployment: str
    event_id: str
    page_size: int
    page_token: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., flow: _Optional[str] = ..., state: _Optional[_Union[RunState, str]] = ..., tag: _Optional[str] = ..., deployment: _Optional[str] = ..., event_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelRunRequest(_message.Message):
    __slots__ = ("run_id", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class UpdateRunTagsRequest(_message.Message):
    __slots__ = ("run_id", "remove", "add", "if_version")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    ADD_FIELD_NUMBER: _ClassVar[int]
    IF_VERSION_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    remove: _containers.RepeatedScalarFieldContainer[str]
    add: _containers.RepeatedScalarFieldContainer[str]
    if_version: int
    def __init__(self, run_id: _Optional[str] = ..., remove: _Optional[_Iterable[str]] = ..., add: _Optional[_Iterable[str]] = ..., if_version: _Optional[int] = ...) -> None: ...

class UpdateRunTagsResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("run_id", "step", "state", "results", "page_size", "page_token", "task_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    step: str
    state: TaskState
    results: bool
    page_size: int
    page_token: str
    task_id: str
    def __init__(self, run_id: _Optional[str] = ..., step: _Optional[str] = ..., state: _Optional[_Union[TaskState, str]] = ..., results: bool = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., task_id: _Optional[str] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListFlowsRequest(_message.Message):
    __slots__ = ("project", "tags")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ...) -> None: ...

class ListFlowsResponse(_message.Message):
    __slots__ = ("flows",)
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[FlowSummary]
    def __init__(self, flows: _Optional[_Iterable[_Union[FlowSummary, _Mapping]]] = ...) -> None: ...

class FlowSummary(_message.Message):
    __slots__ = ("flow", "runs", "latest")
    FLOW_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    flow: str
    runs: int
    latest: Run
    def __init__(self, flow: _Optional[str] = ..., runs: _Optional[int] = ..., latest: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class Trigger(_message.Message):
    __slots__ = ("event", "finish", "cron", "all")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    event: EventTrigger
    finish: FinishTrigger
    cron: CronTrigger
    all: AllTrigger
    def __init__(self, event: _Optional[_Union[EventTrigger, _Mapping]] = ..., finish: _Optional[_Union[FinishTrigger, _Mapping]] = ..., cron: _Optional[_Union[CronTrigger, _Mapping]] = ..., all: _Optional[_Union[AllTrigger, _Mapping]] = ...) -> None: ...

class AllTrigger(_message.Message):
    __slots__ = ("of", "reset_at")
    OF_FIELD_NUMBER: _ClassVar[int]
    RESET_AT_FIELD_NUMBER: _ClassVar[int]
    of: _containers.RepeatedCompositeFieldContainer[Trigger]
    reset_at: CronTrigger
    def __init__(self, of: _Optional[_Iterable[_Union[Trigger, _Mapping]]] = ..., reset_at: _Optional[_Union[CronTrigger, _Mapping]] = ...) -> None: ...

class EventTrigger(_message.Message):
    __slots__ = ("name", "parameters", "filter")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class FilterEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    name: str
    parameters: _containers.ScalarMap[str, str]
    filter: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., parameters: _Optional[_Mapping[str, str]] = ..., filter: _Optional[_Mapping[str, str]] = ...) -> None: ...

class FinishTrigger(_message.Message):
    __slots__ = ("flow", "tags")
    FLOW_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    flow: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, flow: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ...) -> None: ...

class CronTrigger(_message.Message):
    __slots__ = ("cron", "timezone", "catch_up")
    CRON_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    CATCH_UP_FIELD_NUMBER: _ClassVar[int]
    cron: str
    timezone: str
    catch_up: str
    def __init__(self, cron: _Optional[str] = ..., timezone: _Optional[str] = ..., catch_up: _Optional[str] = ...) -> None: ...

class Deployment(_message.Message):
    __slots__ = ("project", "name", "version", "graph", "code", "parameters", "triggers", "deployed_at", "deployed_by", "tags", "paused_at", "next_at", "max_workers", "priority", "timeout", "parameters_json")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    DEPLOYED_AT_FIELD_NUMBER: _ClassVar[int]
    DEPLOYED_BY_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_AT_FIELD_NUMBER: _ClassVar[int]
    MAX_WORKERS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    version: int
    graph: _graph_pb2.Graph
    code: Code
    parameters: _struct_pb2.Struct
    triggers: _containers.RepeatedCompositeFieldContainer[Trigger]
    deployed_at: _timestamp_pb2.Timestamp
    deployed_by: _common_pb2.Actor
    tags: _containers.RepeatedScalarFieldContainer[str]
    paused_at: _timestamp_pb2.Timestamp
    next_at: _timestamp_pb2.Timestamp
    max_workers: int
    priority: int
    timeout: _duration_pb2.Duration
    parameters_json: str
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., code: _Optional[_Union[Code, _Mapping]] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., triggers: _Optional[_Iterable[_Union[Trigger, _Mapping]]] = ..., deployed_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., deployed_by: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., paused_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., next_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., max_workers: _Optional[int] = ..., priority: _Optional[int] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., parameters_json: _Optional[str] = ...) -> None: ...

class DeployFlowRequest(_message.Message):
    __slots__ = ("project", "graph", "code", "parameters", "triggers", "tags", "name", "max_workers", "priority", "timeout", "parameters_json")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_WORKERS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    project: str
    graph: _graph_pb2.Graph
    code: Code
    parameters: _struct_pb2.Struct
    triggers: _containers.RepeatedCompositeFieldContainer[Trigger]
    tags: _containers.RepeatedScalarFieldContainer[str]
    name: str
    max_workers: int
    priority: int
    timeout: _duration_pb2.Duration
    parameters_json: str
    def __init__(self, project: _Optional[str] = ..., graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., code: _Optional[_Union[Code, _Mapping]] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., triggers: _Optional[_Iterable[_Union[Trigger, _Mapping]]] = ..., tags: _Optional[_Iterable[str]] = ..., name: _Optional[str] = ..., max_workers: _Optional[int] = ..., priority: _Optional[int] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., parameters_json: _Optional[str] = ...) -> None: ...

class DeployFlowResponse(_message.Message):
    __slots__ = ("deployment", "package_missing")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_MISSING_FIELD_NUMBER: _ClassVar[int]
    deployment: Deployment
    package_missing: bool
    def __init__(self, deployment: _Optional[_Union[Deployment, _Mapping]] = ..., package_missing: bool = ...) -> None: ...

class ListDeploymentsRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class ListDeploymentsResponse(_message.Message):
    __slots__ = ("deployments",)
    DEPLOYMENTS_FIELD_NUMBER: _ClassVar[int]
    deployments: _containers.RepeatedCompositeFieldContainer[Deployment]
    def __init__(self, deployments: _Optional[_Iterable[_Union[Deployment, _Mapping]]] = ...) -> None: ...

class DeleteDeploymentRequest(_message.Message):
    __slots__ = ("project", "name")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    project: str
    name: str
    def __init__(self, project: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteDeploymentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListWorkersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListWorkersResponse(_message.Message):
    __slots__ = ("workers",)
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[Worker]
    def __init__(self, workers: _Optional[_Iterable[_Union[Worker, _Mapping]]] = ...) -> None: ...

class Worker(_message.Message):
    __slots__ = ("session_id", "pool", "name", "slots", "busy", "labels", "last_seen_at", "opened_at", "gpus", "gpus_busy", "memory_mb", "cpus")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    BUSY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    GPUS_BUSY_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    pool: str
    name: str
    slots: int
    busy: int
    labels: _containers.ScalarMap[str, str]
    last_seen_at: _timestamp_pb2.Timestamp
    opened_at: _timestamp_pb2.Timestamp
    gpus: int
    gpus_busy: int
    memory_mb: int
    cpus: float
    def __init__(self, session_id: _Optional[str] = ..., pool: _Optional[str] = ..., name: _Optional[str] = ..., slots: _Optional[int] = ..., busy: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., last_seen_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., opened_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., gpus: _Optional[int] = ..., gpus_busy: _Optional[int] = ..., memory_mb: _Optional[int] = ..., cpus: _Optional[float] = ...) -> None: ...

class CheckAttemptRequest(_message.Message):
    __slots__ = ("key", "attempt")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    attempt: int
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., attempt: _Optional[int] = ...) -> None: ...

class CheckAttemptResponse(_message.Message):
    __slots__ = ("live",)
    LIVE_FIELD_NUMBER: _ClassVar[int]
    live: bool
    def __init__(self, live: bool = ...) -> None: ...

class OpenSessionRequest(_message.Message):
    __slots__ = ("pool", "name", "slots", "labels", "address", "gpus", "memory_mb", "cpus", "gang_slots")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    POOL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    GANG_SLOTS_FIELD_NUMBER: _ClassVar[int]
    pool: str
    name: str
    slots: int
    labels: _containers.ScalarMap[str, str]
    address: str
    gpus: int
    memory_mb: int
    cpus: float
    gang_slots: int
    def __init__(self, pool: _Optional[str] = ..., name: _Optional[str] = ..., slots: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., address: _Optional[str] = ..., gpus: _Optional[int] = ..., memory_mb: _Optional[int] = ..., cpus: _Optional[float] = ..., gang_slots: _Optional[int] = ...) -> None: ...

class OpenSessionResponse(_message.Message):
    __slots__ = ("session_id", "heartbeat_interval")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    heartbeat_interval: float
    def __init__(self, session_id: _Optional[str] = ..., heartbeat_interval: _Optional[float] = ...) -> None: ...

class CloseSessionRequest(_message.Message):
    __slots__ = ("session_id", "lost")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    lost: bool
    def __init__(self, session_id: _Optional[str] = ..., lost: bool = ...) -> None: ...

class CloseSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("session_id", "free", "held")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    free: int
    held: _containers.RepeatedCompositeFieldContainer[HeldTask]
    def __init__(self, session_id: _Optional[str] = ..., free: _Optional[int] = ..., held: _Optional[_Iterable[_Union[HeldTask, _Mapping]]] = ...) -> None: ...

class HeldTask(_message.Message):
    __slots__ = ("key", "attempt")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    attempt: int
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., attempt: _Optional[int] = ...) -> None: ...

class Control(_message.Message):
    __slots__ = ("cancel", "reopen", "run")
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    REOPEN_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    cancel: _containers.RepeatedCompositeFieldContainer[HeldTask]
    reopen: bool
    run: _containers.RepeatedCompositeFieldContainer[TaskAssignment]
    def __init__(self, cancel: _Optional[_Iterable[_Union[HeldTask, _Mapping]]] = ..., reopen: bool = ..., run: _Optional[_Iterable[_Union[TaskAssignment, _Mapping]]] = ...) -> None: ...

class TaskAssignment(_message.Message):
    __slots__ = ("key", "attempt", "retry_count", "project", "flow", "step", "code", "parameters", "inputs", "join_width", "frames", "dispatched_at", "traceparent", "token", "caught", "origin_run_id", "tags", "created_by", "trigger", "reuse", "parameters_json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RETRY_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    JOIN_WIDTH_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    DISPATCHED_AT_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    REUSE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    attempt: int
    retry_count: int
    project: str
    flow: str
    step: _graph_pb2.Step
    code: Code
    parameters: _struct_pb2.Struct
    inputs: _containers.RepeatedCompositeFieldContainer[TaskResult]
    join_width: int
    frames: _containers.RepeatedCompositeFieldContainer[ForeachFrame]
    dispatched_at: _timestamp_pb2.Timestamp
    traceparent: str
    token: str
    caught: _common_pb2.Failure
    origin_run_id: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    created_by: _common_pb2.Actor
    trigger: _common_pb2.TriggerSource
    reuse: bool
    parameters_json: str
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., attempt: _Optional[int] = ..., retry_count: _Optional[int] = ..., project: _Optional[str] = ..., flow: _Optional[str] = ..., step: _Optional[_Union[_graph_pb2.Step, _Mapping]] = ..., code: _Optional[_Union[Code, _Mapping]] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., inputs: _Optional[_Iterable[_Union[TaskResult, _Mapping]]] = ..., join_width: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[ForeachFrame, _Mapping]]] = ..., dispatched_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., traceparent: _Optional[str] = ..., token: _Optional[str] = ..., caught: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., origin_run_id: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., created_by: _Optional[_Union[_common_pb2.Actor, _Mapping]] = ..., trigger: _Optional[_Union[_common_pb2.TriggerSource, _Mapping]] = ..., reuse: bool = ..., parameters_json: _Optional[str] = ...) -> None: ...

class ForeachFrame(_message.Message):
    __slots__ = ("step", "var", "index", "width", "gang")
    STEP_FIELD_NUMBER: _ClassVar[int]
    VAR_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    GANG_FIELD_NUMBER: _ClassVar[int]
    step: str
    var: str
    index: int
    width: int
    gang: bool
    def __init__(self, step: _Optional[str] = ..., var: _Optional[str] = ..., index: _Optional[int] = ..., width: _Optional[int] = ..., gang: bool = ...) -> None: ...

class TaskResult(_message.Message):
    __slots__ = ("key", "attempt", "result")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    attempt: int
    result: bytes
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., attempt: _Optional[int] = ..., result: _Optional[bytes] = ...) -> None: ...

class ClaimTaskRequest(_message.Message):
    __slots__ = ("key", "attempt", "session_id")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    attempt: int
    session_id: str
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., attempt: _Optional[int] = ..., session_id: _Optional[str] = ...) -> None: ...

class ClaimTaskResponse(_message.Message):
    __slots__ = ("granted", "main_address")
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    MAIN_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    granted: bool
    main_address: str
    def __init__(self, granted: bool = ..., main_address: _Optional[str] = ...) -> None: ...

class CompleteTaskRequest(_message.Message):
    __slots__ = ("key", "attempt", "session_id", "success", "failure", "started_at", "want_next", "traceparent", "want_more")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    WANT_NEXT_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    WANT_MORE_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    attempt: int
    session_id: str
    success: Success
    failure: _common_pb2.Failure
    started_at: _timestamp_pb2.Timestamp
    want_next: bool
    traceparent: str
    want_more: int
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., attempt: _Optional[int] = ..., session_id: _Optional[str] = ..., success: _Optional[_Union[Success, _Mapping]] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., want_next: bool = ..., traceparent: _Optional[str] = ..., want_more: _Optional[int] = ...) -> None: ...

class Success(_message.Message):
    __slots__ = ("result", "foreach_width", "next")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FOREACH_WIDTH_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    result: bytes
    foreach_width: int
    next: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, result: _Optional[bytes] = ..., foreach_width: _Optional[int] = ..., next: _Optional[_Iterable[str]] = ...) -> None: ...

class CompleteTaskResponse(_message.Message):
    __slots__ = ("disposition", "next", "more", "others_wait")
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    OTHERS_WAIT_FIELD_NUMBER: _ClassVar[int]
    disposition: Disposition
    next: TaskAssignment
    more: _containers.RepeatedCompositeFieldContainer[TaskAssignment]
    others_wait: bool
    def __init__(self, disposition: _Optional[_Union[Disposition, str]] = ..., next: _Optional[_Union[TaskAssignment, _Mapping]] = ..., more: _Optional[_Iterable[_Union[TaskAssignment, _Mapping]]] = ..., others_wait: bool = ...) -> None: ...

class CompleteTasksRequest(_message.Message):
    __slots__ = ("session_id", "completions", "unbegun")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    COMPLETIONS_FIELD_NUMBER: _ClassVar[int]
    UNBEGUN_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    completions: _containers.RepeatedCompositeFieldContainer[CompleteTaskRequest]
    unbegun: _containers.RepeatedCompositeFieldContainer[HeldTask]
    def __init__(self, session_id: _Optional[str] = ..., completions: _Optional[_Iterable[_Union[CompleteTaskRequest, _Mapping]]] = ..., unbegun: _Optional[_Iterable[_Union[HeldTask, _Mapping]]] = ...) -> None: ...

class CompleteTasksResponse(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[CompleteTaskResponse]
    def __init__(self, answers: _Optional[_Iterable[_Union[CompleteTaskResponse, _Mapping]]] = ...) -> None: ...

class ListTaskResultsRequest(_message.Message):
    __slots__ = ("key", "offset", "limit")
    KEY_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    key: _common_pb2.TaskKey
    offset: int
    limit: int
    def __init__(self, key: _Optional[_Union[_common_pb2.TaskKey, _Mapping]] = ..., offset: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListTaskResultsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[TaskResult]
    def __init__(self, results: _Optional[_Iterable[_Union[TaskResult, _Mapping]]] = ...) -> None: ...
