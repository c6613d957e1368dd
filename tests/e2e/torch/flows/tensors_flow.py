"""Passes what torch makes from step to step: state dicts, modules, views of one memory, small floats."""

from collections import OrderedDict
from pathlib import Path

import torch

from headwater import FlowSpec, step


def mapped(tensor):
    """The file that a tensor's memory is a private map of; "" where it is not."""
    at = tensor.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, kind, *_, path = line.split(maxsplit=5)
        begin, end = (int(word, 16) for word in place.split("-"))
        if begin <= at < end:
            return path if kind == "rw-p" and path.startswith("/") else ""
    return ""


class TensorsFlow(FlowSpec):
    @step
    def start(self):
        torch.manual_seed(7)
        self.module = torch.nn.Sequential(torch.nn.Linear(500, 300), torch.nn.BatchNorm1d(300))
        self.module[0].bias.requires_grad_(False)
        self.state = self.module.state_dict()
        self.plain = {"z": torch.arange(200_000).to(torch.bfloat16), "a": torch.tensor([True, False])}
        self.small = {"one": torch.tensor(1.5)}
        base = torch.rand(300, 400)
        self.views = [base, base[7], base.t()]
        self.lists = {"deep": [torch.rand(100_000).to(torch.bfloat16), torch.rand(100_000, dtype=torch.float64)]}
        self.sums = [float(base.double().sum()), *(float(each.double().sum()) for each in self.lists["deep"])]
        self.next(self.change)

    @step
    def change(self):
        torch.manual_seed(7)
        again = torch.nn.Sequential(torch.nn.Linear(500, 300), torch.nn.BatchNorm1d(300)).state_dict()
        state, (base, row, turned) = self.state, self.views
        assert type(state) is OrderedDict and list(state) == list(again) and state._metadata == again._metadata
        assert all(torch.equal(state[name], again[name]) for name in again)
        assert all(state[name].dtype is again[name].dtype for name in again)
        assert list(self.plain) == ["z", "a"] and self.plain["a"].tolist() == [True, False]
        assert torch.equal(self.plain["z"], torch.arange(200_000).to(torch.bfloat16))
        assert torch.equal(self.small["one"], torch.tensor(1.5))

        weight, bias = self.module[0].weight, self.module[0].bias
        assert type(weight) is torch.nn.Parameter and weight.requires_grad and not bias.requires_grad
        assert torch.equal(weight, state["0.weight"]) and self.module(torch.rand(4, 500)).shape == (4, 300)
        assert [each.dtype for each in self.lists["deep"]] == [torch.bfloat16, torch.float64]
        large = (base, *self.lists["deep"])
        assert [float(each.double().sum()) for each in large] == self.sums

        self.maps = [mapped(each) for each in (state["0.weight"], self.plain["z"], weight, *large)]
        base[7, 0] = 77
        assert row[0] == 77 and turned[0, 7] == 77
        state["0.weight"].zero_()
        self.part = state["0.bias"]
        self.next(self.end)

    @step
    def end(self):
        assert self.views[1][0] == self.views[2][0, 7] == 77
        assert not self.state["0.weight"].any() and torch.equal(self.part, self.state["0.bias"]) and self.part.any()


if __name__ == "__main__":
    TensorsFlow()
