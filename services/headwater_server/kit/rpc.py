"""One handler table per service, derived from its proto: served over gRPC and, where the proto says so, over the bus.

A servicer is a plain class with one async method per RPC in snake case: `async def start_run(self, request, call)`.
Beside it may stand start_run_json, the same from JSON bytes to JSON bytes, which the bus then uses.
Who may call is checked here, from the rule that the proto declares, before the method runs.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from headwater.api.options.v1 import options_pb2
from headwater_server.kit import exact
from headwater_server.kit.auth import ACTIONS, Actor, Identity
from headwater_server.kit.errors import InvalidArgument, ServiceError

PROTOBUF = "application/protobuf"
_CAMEL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True)
class Call:
    """The circumstances of one call."""

    identity: Identity
    traceparent: str = ""

    @property
    def actor(self) -> Actor:
        return self.identity.actor

    @property
    def role(self) -> str:
        return self.identity.role

    @property
    def project(self) -> str:
        return self.identity.project

    def require(self, project: str) -> None:
        """Raises NotFound when what was asked for lies in a project that the caller cannot see."""
        self.identity.check_project(project)


@dataclass(frozen=True)
class Method:
    """One RPC: how it is declared and what carries it out."""

    name: str
    full_name: str
    request: type[Message]
    response: type[Message]
    rule: options_pb2.MethodRule
    client_streaming: bool
    server_streaming: bool
    function: Callable[..., Any]
    # The same from JSON to JSON, for a hot command: protobuf's JSON mapping costs more than the work.
    json_function: Callable[[bytes, Call], Awaitable[bytes]] | None = None

    def admit(self, request: Message | None, call: Call) -> None:
        """Raises PermissionDenied or NotFound; fills an empty `project` with "default"."""
        call.identity.check(self.rule.action)
        if request is not None and "project" in self.request.DESCRIPTOR.fields_by_name:
            if not request.project:  # type: ignore[attr-defined]
                request.project = call.project if call.project != "*" else "default"  # type: ignore[attr-defined]
            call.identity.check_project(request.project)  # type: ignore[attr-defined]

    async def unary(self, request: Message, call: Call) -> Message:
        self.admit(request, call)
        return await self.function(request, call)

    async def stream(self, request: Any, call: Call) -> AsyncIterator[Message]:
        self.admit(None if self.client_streaming else request, call)
        async for item in self.function(request, call):
            yield item


class Joined:
    """The RPCs of several objects as those of one servicer."""

    def __init__(self, *parts: object) -> None:
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        for part in self._parts:
            if (found := getattr(part, name, None)) is not None:
                return found
        raise AttributeError(name)


def snake(name: str) -> str:
    return _CAMEL.sub("_", name).lower()


def rule_of(method: MethodDescriptor) -> options_pb2.MethodRule:
    """What an RPC declares. Raises ValueError when it declares nothing: nobody would be allowed or refused."""
    rule = method.GetOptions().Extensions[options_pb2.rule]  # type: ignore[index]
    if rule.action not in ACTIONS:
        raise ValueError(f"{method.full_name} declares the action {rule.action!r}, which no role has")
    return rule


def handler_table(service: ServiceDescriptor, servicer: object) -> dict[str, Method]:
    """Snake-case method name → Method. Raises ValueError when the servicer lacks one."""
    table: dict[str, Method] = {}
    for declared in service.methods:
        name = snake(declared.name)
        function = getattr(servicer, name, None)
        if function is None:
            raise ValueError(f"{type(servicer).__name__} lacks {name} of {service.full_name}")
        table[name] = Method(
            declared.name,
            f"/{service.full_name}/{declared.name}",
            GetMessageClass(declared.input_type),
            GetMessageClass(declared.output_type),
            rule_of(declared),
            declared.client_streaming,
            declared.server_streaming,
            function,
            getattr(servicer, f"{name}_json", None),
        )
    return table


def decode(cls: type[Message], payload: bytes, content_type: str) -> Message:
    """A request from the bus: protobuf when the header says so, else JSON. Raises InvalidArgument."""
    try:
        if content_type == PROTOBUF:
            return cls.FromString(payload)
        return exact.parse_text(payload or b"{}", cls())
    except (DecodeError, json_format.ParseError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"not a {cls.DESCRIPTOR.name}: {error}") from None


def encode(message: Message, content_type: str) -> bytes:
    if content_type == PROTOBUF:
        return message.SerializeToString()
    return json_format.MessageToJson(message, indent=None).encode()


def as_service_error(error: BaseException) -> ServiceError:
    """Any exception as something that can be answered: details of unexpected ones stay in the log."""
    from headwater_server.kit.database import LOST
    from headwater_server.kit.errors import Internal, Unavailable

    if isinstance(error, ServiceError):
        return error
    if isinstance(error, LOST):
        return Unavailable("the database does not answer", hint="Try again; `headwater status` tells whether it is up.")
    return Internal(f"unexpected {type(error).__name__}", hint="The server's log has the details.", reason="BUG")
