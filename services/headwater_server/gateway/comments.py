"""What the protos' comments say, for the OpenAPI document. Stubs carry none, so they are kept beside this file.

`write()` is called where the sources are; the services only read.
"""

import json
import subprocess
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

FILE = "comments.json"
# Field numbers of descriptor.proto: a path of SourceCodeInfo alternates between them and indexes.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED, _NESTED_ENUMS = 2, 3, 4


@cache
def comments() -> dict[str, str]:
    """Full name of a message, field, enum, value or method → its comment."""
    return json.loads(resources.files(__name__.rpartition(".")[0]).joinpath(FILE).read_text())


def collect(proto: Path, buf: Path) -> dict[str, str]:
    """The comments in a folder of protos, as `buf` reads them."""
    done = subprocess.run([buf, "build", proto, "-o", "-"], capture_output=True, check=True)
    found: dict[str, str] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(done.stdout).file:
        if not file.package.startswith("headwater."):
            continue
        for location in file.source_code_info.location:
            text = " ".join(location.leading_comments.split())
            if text and (name := _name(file, list(location.path))):
                found[name] = text
    return dict(sorted(found.items()))


def write(proto: Path, buf: Path, target: Path) -> None:
    target.write_text(json.dumps(collect(proto, buf), indent=1, ensure_ascii=False) + "\n")


def _name(file: descriptor_pb2.FileDescriptorProto, path: list[int]) -> str:
    """ "headwater.api.….Run.state" of [4, 3, 2, 3]; "" for what has no name of its own."""
    if len(path) < 2 or path[0] not in (_MESSAGES, _ENUMS, _SERVICES):
        return ""
    lists: dict[int, Any] = {_MESSAGES: file.message_type, _ENUMS: file.enum_type, _SERVICES: file.service}
    kind, node = path[0], lists[path[0]][path[1]]
    names = [file.package, node.name]
    for number, index in zip(path[2::2], path[3::2], strict=False):
        if kind == _MESSAGES:
            inside: dict[int, Any] = {_FIELDS: node.field, _NESTED: node.nested_type, _NESTED_ENUMS: node.enum_type}
            kind = {_NESTED: _MESSAGES, _NESTED_ENUMS: _ENUMS}.get(number, 0)
        else:
            inside, kind = {2: node.value if kind == _ENUMS else node.method}, 0
        if number not in inside or len(path) % 2:
            return ""
        node = inside[number][index]
        names.append(node.name)
    return ".".join(names)
