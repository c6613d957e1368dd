from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
RULE_FIELD_NUMBER: _ClassVar[int]
rule: _descriptor.FieldDescriptor
EVENT_FIELD_NUMBER: _ClassVar[int]
event: _descriptor.FieldDescriptor

class MethodRule(_message.Message):
    __slots__ = ("action", "verb", "path", "command")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    action: str
    verb: str
    path: str
    command: bool
    def __init__(self, action: _Optional[str] = ..., verb: _Optional[str] = ..., path: _Optional[str] = ..., command: bool = ...) -> None: ...

class EventRule(_message.Message):
    __slots__ = ("type", "subject_field", "source")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    type: str
    subject_field: str
    source: str
    def __init__(self, type: _Optional[str] = ..., subject_field: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...
