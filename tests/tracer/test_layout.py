"""Strides and layouts against torch's kernels, for operands of any layout."""

import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from archlab.tracer.layout import broadcast, memory_format
from archlab.tracer.modules import tensors_in
from archlab.tracer.operators import operator

ATEN = torch.ops.aten
Facts = list[tuple[tuple[int, ...], tuple[int, ...], torch.dtype]]


def t(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


def last(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    return t(*shape, dtype=dtype).contiguous(memory_format=layout)


def turned(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Axes in memory in the opposite order."""
    return t(*reversed(shape), dtype=dtype).permute(*reversed(range(len(shape))))


def thinned(*shape: int) -> torch.Tensor:
    """Every second element of the last axis of a larger tensor."""
    return t(*shape[:-1], 2 * shape[-1])[..., ::2]


def on_meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    if isinstance(value, list | tuple):
        return type(value)(on_meta(item) for item in value)
    return value


def facts(out: Any) -> Facts:
    """Shape, strides (of the axes above 1, the others mean nothing), dtype of each output."""
    outputs = tensors_in(out if isinstance(out, list | tuple) else (out,))
    return [
        (
            tuple(item.shape),
            tuple(s for s, size in zip(item.stride(), item.shape, strict=True) if size != 1)
            if item.numel()
            else (),
            item.dtype,
        )
        for item in outputs
    ]


def rule_answer(func: Any, args: Sequence[Any]) -> Any:
    op = operator(func)
    assert op.shape is not None, f"{func} has no rule"
    return op.shape(op.bind(on_meta(list(args)), {}))


def any_layout(shape: Sequence[int], dice: random.Random) -> torch.Tensor:
    rank = len(shape)
    choice = dice.choice(["plain", "permuted", "thinned", "expanded", "last"])
    axis = dice.randrange(rank)
    if choice == "permuted":
        order = dice.sample(range(rank), rank)
        inverse = [order.index(i) for i in range(rank)]
        return torch.zeros([shape[i] for i in order]).permute(inverse)
    if choice == "thinned":
        larger = torch.zeros([2 * size if i == axis else size for i, size in enumerate(shape)])
        return larger[tuple(slice(None, None, 2 if i == axis else 1) for i in range(rank))]
    if choice == "expanded":
        return torch.zeros([1 if i == axis else n for i, n in enumerate(shape)]).expand(*shape)
    if choice == "last" and rank == 4:
        return last(*shape)
    return torch.zeros(shape)


@pytest.mark.parametrize("seed", range(4))
def test_pointwise_layouts_are_those_of_torch(seed: int) -> None:
    """Broadcast, permuted, strided and expanded operands, one to three of them."""
    dice = random.Random(seed)
    funcs = {ATEN.relu.default: 1, ATEN.add.Tensor: 2, ATEN.addcmul.default: 3}
    for _ in range(400):
        shape = [dice.choice([1, 2, 3, 4]) for _ in range(dice.choice([1, 2, 3, 4, 4, 5]))]
        func = dice.choice(list(funcs))
        operands = []
        for _ in range(funcs[func]):
            part = [size if dice.random() < 0.7 else 1 for size in shape]
            cut = dice.randrange(len(part)) if dice.random() < 0.2 else 0
            operands.append(any_layout(shape if dice.random() < 0.6 else part[cut:], dice))
        found = facts(rule_answer(func, operands))
        described = [(tuple(item.shape), item.stride()) for item in operands]
        assert found == facts(func(*operands)), described


def test_memory_format_is_c10s() -> None:
    for shape in itertools.product((1, 2, 3), repeat=4):
        for x in (t(*shape), last(*shape), turned(*shape), thinned(*shape), last(*shape)[:, :2]):
            assert memory_format(x) == torch._prims_common.suggest_memory_format(x)


def test_broadcast_is_torchs() -> None:
    sizes = [(), (1,), (3,), (2, 3), (2, 1), (1, 3), (4, 1, 3), (4, 2, 1), (2,), (5,)]
    for group in itertools.product(sizes, repeat=2):
        try:
            expected: tuple[int, ...] | None = tuple(torch.broadcast_shapes(*group))
        except RuntimeError:
            expected = None
        assert broadcast(group) == expected
