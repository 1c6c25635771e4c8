"""Sizes of convolutions and pooling against torch's own."""

import contextlib
import itertools
import random

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from kernels import ATEN, conv, facts, rule_answer, t

from archlab.tracer.layout import MisfitError
from archlab.tracer.windows import pooled_size


@pytest.mark.parametrize("seed", range(3))
def test_convolution_sizes_are_those_of_torch(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(150):
        rank, groups = dice.choice([1, 2, 2, 3]), dice.choice([1, 1, 2])
        transposed = dice.random() < 0.4
        inner, outer = groups * dice.choice([1, 3]), groups * dice.choice([1, 2])
        head = [inner, outer // groups] if transposed else [outer, inner // groups]
        axes = range(rank)
        args = conv(
            t(2, inner, *(dice.choice([1, 4, 5, 8]) for _ in axes)),
            t(*head, *(dice.choice([1, 2, 3]) for _ in axes)),
            stride=[dice.choice([1, 2, 3]) for _ in axes],
            padding=[dice.choice([0, 1, 2]) for _ in axes],
            dilation=[dice.choice([1, 2]) for _ in axes],
            extra=[dice.choice([0, 1]) if transposed else 0 for _ in axes],
            transposed=transposed,
            groups=groups,
        )
        try:
            expected = facts(ATEN.convolution.default(*args))
        except RuntimeError:
            with contextlib.suppress(MisfitError):
                assert rule_answer(ATEN.convolution.default, args) is None
        else:
            answer = rule_answer(ATEN.convolution.default, args)
            assert 0 in expected[0][0] if answer is None else facts(answer) == expected


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_volume_keeps_channels_last_where_torch_keeps_it(transposed, dtype) -> None:
    """Which of two kernels torch takes, and with it the layout, depends on many facts."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)  # with one, torch prefers its own kernel for 1×1
    kernels = ((1, 1, 1), (3, 3, 3), (3, 1, 1), (5, 5, 5))
    grid = itertools.product((1, 2), (4, 16), (1, 4), kernels, (1, 2), ((5, 5, 5), (6, 20, 70)))
    try:
        for batch, channels, groups, kernel, stride, size in grid:
            x = torch.ones(batch, channels, *size, dtype=dtype)
            args = conv(
                x.to(memory_format=torch.channels_last_3d),
                torch.ones(channels, channels // groups, *kernel, dtype=dtype),
                stride=[stride] * 3,
                padding=[2, 2, 2],
                dilation=[1, 1, 1],
                extra=[0, 0, 0],
                transposed=transposed,
                groups=groups,
            )
            expected = facts(ATEN.convolution.default(*args))
            assert facts(rule_answer(ATEN.convolution.default, args)) == expected
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("ceil", [False, True])
def test_pooled_size_is_that_of_torch(ceil: bool) -> None:  # noqa: FBT001
    grid = itertools.product(range(1, 12), range(1, 5), range(1, 5), range(3), (1, 2))
    for size, kernel, stride, padding, dilation in grid:
        reach = dilation * (kernel - 1) + 1
        if 2 * padding > kernel or size + 2 * padding < reach:
            continue
        x = torch.empty(1, 1, 1, size, device="meta")
        out = F.max_pool2d(x, (1, kernel), (1, stride), (0, padding), (1, dilation), ceil_mode=ceil)
        assert pooled_size(size, reach, stride, padding, ceil=ceil) == out.shape[3]
