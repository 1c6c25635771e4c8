"""Strides and layouts against torch's kernels, for operands of any layout."""

import itertools
import random
from collections.abc import Sequence

import pytest
import torch
from kernels import ATEN, facts, last, rule_answer, t, thinned, turned

from archlab.tracer.layout import broadcast, memory_format


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
        answer = facts(rule_answer(func, operands))
        described = [(tuple(item.shape), item.stride()) for item in operands]
        assert answer == facts(func(*operands)), described


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
