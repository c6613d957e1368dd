"""Torch's tensors in a pickle: the memory of each storage is one buffer, which may lie out of band, as that of arrays.

Torch itself says how tensors are rebuilt from storages, so views that share one share it again, and parameters,
subclasses, quantised and sparse tensors stay what they are. What is not in the memory of this machine's CPU is left to
torch altogether. Pickles name storage() and typed(): they stay.
"""

import ctypes
import sys
from collections.abc import Callable
from importlib import import_module
from pickle import PickleBuffer
from typing import Any


def reducers() -> dict[type, Callable[[Any], Any]]:
    """What a pickler does with the storages that it meets. For one pickle: it tells them apart."""
    torch: Any = sys.modules["torch"]
    seen: dict[int, _Memory] = {}  # torch makes an object for a storage whenever somebody asks a tensor for its own

    def reduce_typed(found: Any) -> Any:
        untyped = found._untyped_storage if hasattr(found, "_untyped_storage") else found._storage
        return reduced(found, untyped, found.dtype)

    def reduce_untyped(found: Any) -> Any:
        return reduced(found, found, torch.uint8)  # becomes a typed one, as with torch's own pickle, which relies on it

    def reduced(found: Any, untyped: Any, dtype: Any) -> Any:
        if untyped.device.type != "cpu":
            return found.__reduce__()
        return typed, (seen.setdefault(untyped._cdata, _Memory(untyped)), dtype)

    return {torch.storage.TypedStorage: reduce_typed, torch.UntypedStorage: reduce_untyped}


class _Memory:
    """The memory of an untyped storage, which a pickle has once."""

    def __init__(self, untyped: Any) -> None:
        self._untyped = untyped

    def __reduce__(self) -> Any:
        return storage, (PickleBuffer(memory(self._untyped)),)


def storage_of(tensor: Any) -> Any:
    """The untyped storage of a tensor. Torch 1 called it otherwise."""
    return tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor._storage()


def memory(found: Any) -> Any:
    """The bytes of an untyped storage, as an object with a buffer. The storage lives as long."""
    if not found.nbytes():
        return b""
    block = (ctypes.c_ubyte * found.nbytes()).from_address(found.data_ptr())
    setattr(block, "owner", found)  # noqa: B010
    return block


def storage(buffer: Any) -> Any:
    """An untyped storage over a buffer; over a copy of it where it may not be written to."""
    torch: Any = import_module("torch")
    view = memoryview(buffer)
    if not view.nbytes:
        return torch.UntypedStorage(0)
    if view.readonly:
        view = bytearray(view)
    return storage_of(torch.frombuffer(view, dtype=torch.uint8))


def typed(untyped: Any, dtype: Any) -> Any:
    """A typed storage over an untyped one."""
    torch: Any = import_module("torch")
    more = {"_internal": True} if hasattr(torch.Tensor, "untyped_storage") else {}
    return torch.storage.TypedStorage(wrap_storage=untyped, dtype=dtype, **more)
