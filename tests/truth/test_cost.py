"""Every entry of cost.json, exact: published models, hand-made nets, single operators."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import archlab

HERE = Path(__file__).parent
ENTRIES = json.loads((HERE / "cost.json").read_text())
# Entries whose key is not the model's name: the torchvision builder, and its arguments.
VARIANTS = {
    "googlenet_aux_train": ("googlenet", {"init_weights": False}),
    "googlenet_aux_eval": ("googlenet", {"init_weights": False}),
    "googlenet_noaux": ("googlenet", {"aux_logits": False, "init_weights": False}),
    "inception_v3_noaux": ("inception_v3", {"aux_logits": False, "init_weights": False}),
}


def load_nets() -> dict:
    spec = importlib.util.spec_from_file_location("hand_made_nets", HERE / "hand_made_nets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NETS


def arguments(text: str) -> dict:
    """`image_size=384, init_weights=False` as a dict."""
    values = {"True": True, "False": False}
    pairs = (pair.split("=") for pair in text.split(", ") if pair)
    return {name: values[value] if value in values else int(value) for name, value in pairs}


def keys(*, prefix: str) -> list[str]:
    named = [key for key in ENTRIES if key.startswith(("x:", "op:"))]
    return [key for key in named if key.startswith(prefix)] if prefix else [*ENTRIES.keys() - named]


@pytest.mark.parametrize("key", sorted(keys(prefix="")))
def test_published_models(key) -> None:
    entry = ENTRIES[key]
    name, options = VARIANTS.get(key, (key.partition("@")[0], arguments(entry.get("ctor", ""))))
    spec = name if ":" in name else f"torchvision:{name}"
    if spec.startswith("timm:"):
        pytest.importorskip("timm")
    model = archlab.load(spec, input=entry["input"], **options)
    cost = archlab.flops(model, mode=entry["mode"])
    assert archlab.params(model).totals.params == entry["params"]
    assert (cost.totals.macs, cost.totals.flops) == (entry["macs"], 2 * entry["macs"])
    assert cost.status == "complete"


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet152"])
def test_bare_names_are_the_published_nets(name) -> None:
    cost = archlab.flops(name)
    assert cost.header.input == "1x3x224x224 float32"
    assert (cost.totals.params, cost.totals.macs) == (
        ENTRIES[name]["params"], ENTRIES[name]["macs"],
    )  # fmt: skip


def test_bare_googlenet_is_the_papers_with_its_5_by_5() -> None:
    """Torchvision's has 3×3 in their place: 25 − 9 taps of reduced × out, by sides of table 1."""
    maps = {
        28: [(16, 32), (32, 96)],
        14: [(16, 48), (24, 64), (24, 64), (32, 64), (32, 128)],
        7: [(32, 128), (48, 128)],
    }
    weights = {side: 16 * sum(r * out for r, out in pairs) for side, pairs in maps.items()}
    totals = archlab.params("googlenet").totals
    published = ENTRIES["googlenet_noaux"]
    assert totals.params - totals.unused == published["params"] + sum(weights.values())
    more = sum(side * side * count for side, count in weights.items())
    assert totals.macs == published["macs"] + more


@pytest.mark.parametrize("key", sorted(keys(prefix="x:")))
def test_hand_made_nets(key) -> None:
    make, inputs, train, by_hand = load_nets()[key]
    model = archlab.load(make(), input=inputs())
    cost = archlab.flops(model, mode="train" if train else "eval")
    assert cost.totals.macs == by_hand == ENTRIES[key]["macs"]
    assert archlab.params(model).totals.params == ENTRIES[key]["params"]
    assert cost.status == "complete"


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors):
        return self.function(*tensors)


class SDPA(nn.Module):
    def __init__(self, **options) -> None:
        super().__init__()
        self.options = options

    def forward(self, q, k, v):
        return functional.scaled_dot_product_attention(q, k, v, **self.options)


HEADS = [(2, 2, 32, 16)] * 3
# key -> (module, input shapes, multiply-adds: one factor a loop)
OPERATORS = {
    # batch 3 · rows 4 · inner 5 · columns 6
    "op:baddbmm": (Call(torch.baddbmm), [(3, 4, 6), (3, 4, 5), (3, 5, 6)], 3 * 4 * 5 * 6),
    "op:einsum bij,bjk": (
        Call(lambda a, b: torch.einsum("bij,bjk->bik", a, b)),
        [(3, 4, 5), (3, 5, 6)],
        3 * 4 * 5 * 6,
    ),
    # both operands broadcast: batch 2 · 5, then 8 · 8 · 8
    "op:broadcast matmul": (Call(torch.matmul), [(2, 1, 8, 8), (5, 8, 8)], 2 * 5 * 8 * 8 * 8),
    # outputs 8 · 6 · 6, taps 3 · 3, input channels 3
    "op:F.conv2d": (Call(functional.conv2d), [(1, 3, 8, 8), (8, 3, 3, 3)], 8 * 6 * 6 * 3 * 3 * 3),
    # padding keeps 8 · 8
    "op:conv padding=same": (
        nn.Conv2d(3, 8, 3, padding="same", bias=False),
        [(1, 3, 8, 8)],
        8 * 8 * 8 * 3 * 3 * 3,
    ),
    # each of the 4 · 8 · 8 inputs goes to 2 · 2 taps of the 3 outputs of its group
    "op:F.conv_transpose2d g=2": (
        Call(lambda x, w: functional.conv_transpose2d(x, w, stride=2, groups=2)),
        [(1, 4, 8, 8), (4, 3, 2, 2)],
        4 * 8 * 8 * 2 * 2 * 3,
    ),
    # batch 2 · heads 2 · queries 32 · keys 32 · (16 for q·k, 16 for the product with v)
    "op:sdpa": (SDPA(), HEADS, 2 * 2 * 32 * 32 * (16 + 16)),
    # the mask is not subtracted: a kernel may skip half, the nominal work stays
    "op:sdpa kwargs causal": (SDPA(is_causal=True), HEADS, 2 * 2 * 32 * 32 * (16 + 16)),
    # batch 2 · gates 4 · hidden 16 · (input 8 + hidden 16)
    "op:LSTMCell": (nn.LSTMCell(8, 16), [(2, 8)], 2 * 4 * 16 * (8 + 16)),
    # batch 2 · steps 5 · one gate · hidden 16 · (input 8 + hidden 16)
    "op:RNN tanh": (nn.RNN(8, 16, batch_first=True), [(2, 5, 8)], 2 * 5 * 16 * (8 + 16)),
    # rows 2 · 3 · 4, inner 5, outputs 8
    "op:Linear 4-D": (nn.Linear(5, 8), [(2, 3, 4, 5)], 2 * 3 * 4 * 5 * 8),
}


@pytest.mark.parametrize("key", sorted(keys(prefix="op:")))
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_operators(key, mode) -> None:
    module, shapes, by_hand = OPERATORS[key]
    cost = archlab.flops(
        archlab.load(module, input=[torch.zeros(shape) for shape in shapes]), mode=mode
    )
    assert cost.totals.macs == by_hand == ENTRIES[key]["macs"]
    assert cost.status == "complete"


def test_no_entry_is_left_out() -> None:
    assert set(keys(prefix="x:")) == set(load_nets())
    assert set(keys(prefix="op:")) == set(OPERATORS)
    assert len(ENTRIES) == 72
