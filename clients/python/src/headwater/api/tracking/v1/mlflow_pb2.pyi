from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ReadMlflowRequest(_message.Message):
    __slots__ = ("project", "method", "json")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    project: str
    method: str
    json: bytes
    def __init__(self, project: _Optional[str] = ..., method: _Optional[str] = ..., json: _Optional[bytes] = ...) -> None: ...

class ReadMlflowResponse(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    def __init__(self, json: _Optional[bytes] = ...) -> None: ...

class LogMlflowRequest(_message.Message):
    __slots__ = ("project", "method", "json")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    project: str
    method: str
    json: bytes
    def __init__(self, project: _Optional[str] = ..., method: _Optional[str] = ..., json: _Optional[bytes] = ...) -> None: ...

class LogMlflowResponse(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    def __init__(self, json: _Optional[bytes] = ...) -> None: ...

class ChangeMlflowRequest(_message.Message):
    __slots__ = ("project", "method", "json")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    project: str
    method: str
    json: bytes
    def __init__(self, project: _Optional[str] = ..., method: _Optional[str] = ..., json: _Optional[bytes] = ...) -> None: ...

class ChangeMlflowResponse(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    def __init__(self, json: _Optional[bytes] = ...) -> None: ...
