"""The encoding `safetensors`: docs/formats.md, "Encodings". A state dict of torch is stored as one file of that format.

Only what comes back equal is: anything else about a dict or a tensor leaves it to the pickle. Neither side copies the
tensors, and each one that is read has memory of its own, so that it can be stored again by itself.
"""

import json
import sys
from collections import OrderedDict
from importlib import import_module
from typing import Any

ENCODING = "safetensors"
# The format's names of the types, and torch's. Some are missing in some versions of torch.
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
_EXTRA = "__metadata__"
_ORDERED, _METADATA = "headwater.ordered", "headwater.metadata"
_ALIGNMENT = 64
_PLAIN = (str, int, bool, type(None))


def parts(state: dict[Any, Any]) -> list[bytes | memoryview] | None:
    """The stored bytes of a state dict, one piece after the other; None: it is something else."""
    from headwater.runtime import tensors

    torch = sys.modules["torch"]
    if type(next(iter(state.values()), None)) is not torch.Tensor:
        return None
    extra = _extra(state)
    names = {getattr(torch, name): code for code, name in _DTYPES.items() if hasattr(torch, name)}
    if extra is None or not all(_fits(name, value, names) for name, value in state.items()):
        return None
    if len({tensors.storage_of(each)._cdata for each in state.values()}) < len(state):
        return None  # some share their memory
    at = 0
    places: dict[str, tuple[int, int]] = {}
    pieces: list[bytes | memoryview] = []
    for name, tensor in sorted(state.items(), key=lambda item: -item[1].element_size()):  # so that each is aligned
        memory = memoryview(tensors.memory(tensors.storage_of(tensor))).cast("B")
        places[name] = (at, at + memory.nbytes)
        at += memory.nbytes
        pieces.append(memory)
    header: dict[str, Any] = {_EXTRA: extra}
    for name, tensor in state.items():
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": places[name]}
    try:
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return None
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return [len(text).to_bytes(8, "little") + text, *pieces]


def _extra(state: dict[Any, Any]) -> dict[str, str] | None:
    """What the header says of the dict itself; None where it cannot."""
    if type(state) is dict:
        return {"format": "pt"}
    attributes = dict(vars(state))
    metadata: Any = attributes.pop("_metadata", None)
    if type(state) is not OrderedDict or attributes:
        return None
    made = {"format": "pt", _ORDERED: "true"}
    if metadata is not None:
        if type(metadata) is not OrderedDict or not all(_plain(*item) for item in metadata.items()):
            return None
        made[_METADATA] = json.dumps(metadata, separators=(",", ":"))
    return made


def _plain(name: Any, values: Any) -> bool:
    """Does JSON give this entry of the metadata back as it was?"""
    return (
        type(name) is str
        and type(values) is dict
        and all(type(key) is str and type(value) in _PLAIN for key, value in values.items())
    )


def _fits(name: Any, tensor: Any, names: dict[Any, str]) -> bool:
    """Is it a name with a plain tensor, which is all that its memory holds?"""
    torch: Any = sys.modules["torch"]
    if type(name) is not str or name == _EXTRA or type(tensor) is not torch.Tensor:
        return False
    if tensor.device.type != "cpu" or tensor.layout is not torch.strided or tensor.dtype not in names:
        return False
    if tensor.requires_grad or tensor.has_names() or tensor.is_conj() or tensor.is_neg() or vars(tensor):
        return False
    from headwater.runtime import tensors

    size = tensor.numel() * tensor.element_size()
    return _in_order(tensor) and tensors.storage_of(tensor).nbytes() == size


def _in_order(tensor: Any) -> bool:
    expected = 1
    for size, step in zip(reversed(tensor.shape), reversed(tensor.stride()), strict=True):
        if step != expected:
            return False
        expected *= max(size, 1)
    return True


def read(view: memoryview) -> dict[str, Any]:
    """The state dict of stored bytes. Its tensors share memory with a writable `view`. Raises ValueError."""
    torch: Any = import_module("torch")
    if view.readonly:
        view = memoryview(bytearray(view))
    begin = 8 + int.from_bytes(view[:8], "little")
    if not 8 < begin <= view.nbytes:
        raise ValueError(f"these bytes are not a {ENCODING} value")
    header = json.loads(bytes(view[8:begin]))
    extra = header.pop(_EXTRA, {})
    state: dict[str, Any] = OrderedDict() if _ORDERED in extra else {}
    for name, told in header.items():
        dtype = getattr(torch, _DTYPES[told["dtype"]])
        first, last = told["data_offsets"]
        if begin + last > view.nbytes:
            raise ValueError(f"{name!r} of this state dict is cut short")
        memory = view[begin + first : begin + last]
        tensor = torch.frombuffer(memory, dtype=dtype) if memory else torch.empty(0, dtype=dtype)
        state[name] = tensor.reshape(told["shape"])
    if _METADATA in extra:
        setattr(state, "_metadata", OrderedDict(json.loads(extra[_METADATA])))  # noqa: B010
    return state
