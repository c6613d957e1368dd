from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LineageDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LINEAGE_DIRECTION_UNSPECIFIED: _ClassVar[LineageDirection]
    LINEAGE_DIRECTION_UPSTREAM: _ClassVar[LineageDirection]
    LINEAGE_DIRECTION_DOWNSTREAM: _ClassVar[LineageDirection]
    LINEAGE_DIRECTION_BOTH: _ClassVar[LineageDirection]
LINEAGE_DIRECTION_UNSPECIFIED: LineageDirection
LINEAGE_DIRECTION_UPSTREAM: LineageDirection
LINEAGE_DIRECTION_DOWNSTREAM: LineageDirection
LINEAGE_DIRECTION_BOTH: LineageDirection

class GetLineageRequest(_message.Message):
    __slots__ = ("project", "node", "direction", "depth", "max_nodes", "kinds", "siblings")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    SIBLINGS_FIELD_NUMBER: _ClassVar[int]
    project: str
    node: str
    direction: LineageDirection
    depth: int
    max_nodes: int
    kinds: _containers.RepeatedScalarFieldContainer[str]
    siblings: int
    def __init__(self, project: _Optional[str] = ..., node: _Optional[str] = ..., direction: _Optional[_Union[LineageDirection, str]] = ..., depth: _Optional[int] = ..., max_nodes: _Optional[int] = ..., kinds: _Optional[_Iterable[str]] = ..., siblings: _Optional[int] = ...) -> None: ...

class LineageNode(_message.Message):
    __slots__ = ("id", "kind", "name", "run_id", "digest", "attributes", "distance")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    name: str
    run_id: str
    digest: str
    attributes: _struct_pb2.Struct
    distance: int
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., name: _Optional[str] = ..., run_id: _Optional[str] = ..., digest: _Optional[str] = ..., attributes: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., distance: _Optional[int] = ...) -> None: ...

class LineageEdge(_message.Message):
    __slots__ = ("to", "kind")
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    to: str
    kind: str
    def __init__(self, to: _Optional[str] = ..., kind: _Optional[str] = ..., **kwargs) -> None: ...

class LineageHidden(_message.Message):
    __slots__ = ("node", "like", "direction", "count")
    NODE_FIELD_NUMBER: _ClassVar[int]
    LIKE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    node: str
    like: str
    direction: LineageDirection
    count: int
    def __init__(self, node: _Optional[str] = ..., like: _Optional[str] = ..., direction: _Optional[_Union[LineageDirection, str]] = ..., count: _Optional[int] = ...) -> None: ...

class GetLineageResponse(_message.Message):
    __slots__ = ("roots", "nodes", "edges", "hidden", "truncated")
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    roots: _containers.RepeatedScalarFieldContainer[str]
    nodes: _containers.RepeatedCompositeFieldContainer[LineageNode]
    edges: _containers.RepeatedCompositeFieldContainer[LineageEdge]
    hidden: _containers.RepeatedCompositeFieldContainer[LineageHidden]
    truncated: bool
    def __init__(self, roots: _Optional[_Iterable[str]] = ..., nodes: _Optional[_Iterable[_Union[LineageNode, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[LineageEdge, _Mapping]]] = ..., hidden: _Optional[_Iterable[_Union[LineageHidden, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class RebuildLineageRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RebuildLineageResponse(_message.Message):
    __slots__ = ("events", "nodes", "edges", "changed")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    events: int
    nodes: int
    edges: int
    changed: bool
    def __init__(self, events: _Optional[int] = ..., nodes: _Optional[int] = ..., edges: _Optional[int] = ..., changed: bool = ...) -> None: ...
