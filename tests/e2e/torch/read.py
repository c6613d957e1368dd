"""Which values become a file of tensors, and that the `safetensors` package reads it. Run by a Python with torch."""

import gc
import pickle
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from headwater.runtime import codec


def back(value):
    """(encoding, the value that comes back)"""
    encoded = codec.encode(value)
    return encoded.encoding, codec.decode(encoded.encoding, encoded.join())


def same(a, b):
    if isinstance(a, torch.Tensor):
        a, b = (each.to_dense() if each.is_sparse else each for each in (a, b))
        return torch.equal(a, b) and type(a) is type(b) and a.requires_grad == b.requires_grad
    return a == b


def the_package_reads_what_we_write(folder):
    kinds = ["bool", "uint8", "int8", "int16", "int32", "int64", "bfloat16", "float16", "float32", "float64"]
    state = {f"é.{kind}": torch.arange(5).to(getattr(torch, kind)) for kind in kinds}
    state |= {"none": torch.zeros(0, 3), "one": torch.tensor(3.5), "wide": torch.rand(2, 3, 4)}
    encoding, read = back(state)
    assert encoding == "safetensors" and list(read) == list(state)
    assert all(same(read[name], state[name]) and read[name].dtype is state[name].dtype for name in state)
    (folder / "ours").write_bytes(codec.encode(state).join())
    theirs = load_file(folder / "ours")
    assert theirs.keys() == state.keys() and all(same(theirs[name], state[name]) for name in state)
    with safe_open(folder / "ours", "pt") as file:
        assert file.metadata() == {"format": "pt"}
    save_file(state, folder / "theirs")
    read = codec.decode("safetensors", codec.map_file(folder / "theirs"))
    assert all(same(read[name], state[name]) for name in state)


def anything_else_is_pickled():
    base = torch.rand(40, 40)
    kept = torch.rand(40, 40)
    kept.note = "mine"
    states = {
        "parameter": torch.nn.Parameter(base.clone()),
        "grad": torch.rand(40, 40, requires_grad=True),
        "turned": base.t(),
        "part": base[:3],
        "wide": torch.rand(1, 40).expand(40, 40),
        "sparse": base.to_sparse(),
        "quantised": torch.quantize_per_tensor(base, 0.1, 0, torch.qint8),
        "complex": torch.complex(base, base),
        "__metadata__": base,
        "\ud800": base,
        "noted": kept,
    }
    for name, tensor in states.items():
        encoding, read = back({name: tensor})
        assert encoding.startswith("pickle5") and same(read[name], tensor), name
    assert vars(read["noted"]) == vars(pickle.loads(pickle.dumps(kept)))  # old versions of torch forget it
    for state in ({1: base}, {"a": base, "b": 1}, {"a": base, "b": base}, {"a": base, "b": base[0]}, {}):
        encoding, read = back(state)
        assert encoding.startswith("pickle5") and all(same(read[name], state[name]) for name in state)
    read["x"] = base


def memory_is_shared_as_it_was():
    base = torch.rand(40, 40)
    tied = torch.nn.ModuleList([torch.nn.Linear(50, 50), torch.nn.Linear(50, 50)])
    tied[1].weight = tied[0].weight
    _, (read, names, storage, first, row) = back([tied, tied.state_dict(), base.storage(), base, base[3]])
    assert read[1].weight is read[0].weight
    read[0].weight.data[0, 0] = 9
    assert names["1.weight"][0, 0] == names["0.weight"][0, 0] == 9
    first[3, 3] = 7
    assert row[3] == 7 and storage[3 * 40 + 3] == 7
    optimizer = torch.optim.Adam(tied.parameters())
    _, (read, again, call) = back((tied, optimizer, lambda: base))  # which pickle alone cannot
    del names, storage, first, row
    gc.collect()  # what pickles hold must not be taken apart while somebody uses it
    assert again.param_groups[0]["params"][0] is read[0].weight and same(call(), base)


def equal_values_are_equal_bytes():
    state = torch.nn.Linear(50, 50).state_dict()
    for value in (state, [state["weight"], state["weight"][1]]):
        assert codec.encode(value).join() == codec.encode(value).join()
    views = [state["weight"], state["weight"][1], state["weight"].t()]
    assert codec.encode(views).size < 1.1 * codec.encode(views[:1]).size


the_package_reads_what_we_write(Path(sys.argv[1]))
anything_else_is_pickled()
memory_is_shared_as_it_was()
equal_values_are_equal_bytes()
