"""Attention as one operator, wherever torch's own CPU kernel would take it."""

import re
from contextlib import suppress

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch.nn.functional import scaled_dot_product_attention as attention_by_name
from tracing import Calls, meta

from archlab.tracer.attention import fused_attention

FUSED = "aten._scaled_dot_product_flash_attention_for_cpu.default"


@pytest.mark.parametrize(
    ("shapes", "options", "fused"),
    [
        ([(2, 4, 5, 8), (2, 4, 7, 8), (2, 4, 7, 8)], {}, True),
        ([(2, 4, 5, 8)] * 3, {"is_causal": True}, True),
        ([(2, 4, 5, 8)] * 3, {"attn_mask": meta(5, 5)}, True),
        ([(2, 4, 5, 8), (2, 4, 7, 8), (2, 4, 7, 6)], {}, False),  # values of another size
        ([(4, 5, 8)] * 3, {}, True),  # heads and batch in one axis
        ([(5, 8)] * 3, {}, False),
        ([(2, 4, 5, 8)] * 3, {"attn_mask": meta(5, 5), "is_causal": True}, False),
        ([(2, 4, 5, 8)] * 3, {"attn_mask": meta(5, 5).double()}, False),
        ([(2, 4, 5, 8), (2, 2, 5, 8), (2, 2, 5, 8)], {"enable_gqa": True}, True),
        ([(2, 4, 5, 8), (2, 2, 5, 8), (2, 2, 5, 8)], {}, False),
    ],
)
def test_attention_on_meta_tensors_is_one_operator_where_a_kernel_takes_it(
    shapes, options, fused
) -> None:
    if len(shapes[0]) == 3 and torch.__version__ < "2.14":
        pytest.skip("an older torch has no kernel for heads in the batch")
    query, key, value = (meta(*shape) for shape in shapes)
    # A mask of another dtype is refused by torch's own function.
    with fused_attention(), Calls() as calls, suppress(RuntimeError):
        out = F.scaled_dot_product_attention(query, key, value, **options)
        assert out.shape == (*query.shape[:-1], value.shape[-1])
    assert (FUSED in calls.names) == fused


def test_attention_on_values_is_what_its_formula_says() -> None:
    query, key, value = (torch.randn(1, 2, 3, 4).double() for _ in range(3))
    with fused_attention():
        out = F.scaled_dot_product_attention(query, key, value)
    weights = torch.softmax(query @ key.mT / 2, -1)  # 2 = √4, the size of a head
    assert torch.allclose(out, weights @ value)


def test_a_function_that_was_imported_by_name_is_replaced_too() -> None:
    query = meta(2, 4, 5, 8)
    with fused_attention(), Calls() as calls:
        attention_by_name(query, query, query)
    assert FUSED in calls.names


@pytest.mark.parametrize("shape", [(2, 4, 5, 8), (4, 5, 8)])
@pytest.mark.parametrize("mask", [None, torch.bool, torch.float32])
def test_the_operators_are_those_of_a_real_forward(shape, mask) -> None:
    def operators(device: str) -> list[str]:
        query = torch.zeros(shape, device=device)
        attn_mask = None if mask is None else torch.ones(5, 5, device=device).to(mask)
        with Calls() as calls:
            F.scaled_dot_product_attention(query, query, query, attn_mask)
        return [name for name in calls.names if not re.search("scalar_tensor|squeeze", name)]

    with fused_attention():
        traced = operators("meta")
    assert traced == operators("cpu")


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("shape", [(2, 4, 5, 8), (4, 5, 8)])
def test_a_learned_mask_keeps_the_products(shape, grad) -> None:
    """The fused kernel has no gradient for it, which torch asks about outside autograd, too."""

    def operators(device: str) -> list[str]:
        query = torch.zeros(shape, device=device)
        mask = torch.zeros(5, 5, device=device, requires_grad=True)
        with torch.set_grad_enabled(grad), Calls() as calls:
            F.scaled_dot_product_attention(query, query, query, mask)
        return calls.names

    with fused_attention():
        traced = operators("meta")
    assert FUSED not in traced
    assert traced == operators("cpu")
