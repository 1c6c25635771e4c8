"""Inputs that do not fit: the trace raises torch's own error, word for word, and never a shape."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import archlab
from archlab.tracer.recorder import Recorder
from archlab.tracer.settings import settings


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def real(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


WRONG: dict[str, Callable[[Callable[..., torch.Tensor]], object]] = {
    "channels": lambda m: F.conv2d(m(1, 3, 8, 8), m(4, 5, 3, 3)),
    "small map": lambda m: F.conv2d(m(1, 3, 2, 8), m(4, 3, 3, 3)),
    "dilated kernel": lambda m: F.conv2d(m(1, 3, 4, 4), m(4, 3, 3, 3), dilation=2),
    "conv groups": lambda m: F.conv2d(m(1, 4, 8, 8), m(3, 2, 3, 3), groups=2),
    "conv bias": lambda m: F.conv2d(m(1, 3, 8, 8), m(4, 3, 3, 3), m(5)),
    "conv stride 0": lambda m: F.conv2d(m(1, 3, 8, 8), m(4, 3, 3, 3), stride=0),
    "conv padding": lambda m: F.conv2d(m(1, 3, 8, 8), m(4, 3, 3, 3), padding=-1),
    "conv dilation 0": lambda m: F.conv2d(m(1, 3, 8, 8), m(4, 3, 3, 3), dilation=0),
    "conv rank": lambda m: F.conv2d(m(3, 1, 3, 8, 8), m(4, 3, 3, 3)),
    "transposed channels": lambda m: F.conv_transpose2d(m(1, 3, 8, 8), m(4, 3, 3, 3)),
    "transposed output": lambda m: F.conv_transpose2d(
        m(1, 3, 8, 8), m(3, 4, 3, 3), output_padding=1
    ),
    "linear": lambda m: F.linear(m(2, 5), m(4, 3), m(4)),
    "linear bias": lambda m: F.linear(m(2, 3), m(4, 3), m(5)),
    "matmul": lambda m: m(2, 5) @ m(4, 3),
    "matmul dtype": lambda m: m(2, 5) @ m(5, 3, dtype=torch.float64),
    "bmm batch": lambda m: torch.bmm(m(2, 3, 4), m(3, 4, 5)),
    "bmm inner": lambda m: torch.bmm(m(2, 3, 4), m(2, 3, 5)),
    "add": lambda m: m(2, 3) + m(2, 4),
    "multiply": lambda m: m(1, 8, 4, 4) * m(1, 4, 4, 4),
    "conv dtype": lambda m: F.conv2d(m(1, 3, 8, 8, dtype=torch.float64), m(4, 3, 3, 3)),
    "linear dtype": lambda m: F.linear(m(2, 3, dtype=torch.int64), m(4, 3), m(4)),
    "add in place grows": lambda m: m(1, 3).add_(m(2, 3)),
    "add in place misfits": lambda m: m(2, 3).add_(m(4)),
    "whole += fraction": lambda m: m(2, dtype=torch.int64).add_(0.5),
    "sigmoid_ of whole": lambda m: m(2, dtype=torch.int64).sigmoid_(),
    "cat sizes": lambda m: torch.cat([m(2, 3), m(3, 3)], 1),
    "cat ranks": lambda m: torch.cat([m(2, 3), m(2, 3, 1)], 1),
    "cat axis": lambda m: torch.cat([m(2, 3), m(2, 3)], 2),
    "stack": lambda m: torch.stack([m(2, 3), m(3, 2)]),
    "stack axis": lambda m: torch.stack([m(2, 3), m(2, 3)], 4),
    "softmax axis": lambda m: m(2, 3).softmax(2),
    "log softmax axis": lambda m: m(2, 3).log_softmax(-3),
    "mean axis": lambda m: m(2, 3).mean(2),
    "mean twice": lambda m: m(2, 3).mean((1, -1)),
    "sum axis": lambda m: m(2, 3).sum(-3),
    "max pool small": lambda m: F.max_pool2d(m(1, 3, 2, 2), 3),
    "max pool padding": lambda m: F.max_pool2d(m(1, 3, 8, 8), 2, padding=2),
    "max pool stride 0": lambda m: F.max_pool2d(m(1, 3, 8, 8), 2, stride=0),
    "avg pool small": lambda m: F.avg_pool2d(m(1, 3, 2, 2), 3),
    "avg pool divisor": lambda m: F.avg_pool2d(m(1, 3, 8, 8), 2, divisor_override=0),
    "embedding index": lambda m: F.embedding(m(2, 3), m(10, 4)),
    "embedding weight": lambda m: F.embedding(m(2, 3, dtype=torch.int64), m(10)),
    "layer norm size": lambda m: F.layer_norm(m(2, 8), (7,)),
    "layer norm weight": lambda m: F.layer_norm(m(2, 8), (8,), m(7)),
    "group norm groups": lambda m: F.group_norm(m(2, 8, 4), 3),
    "group norm weight": lambda m: F.group_norm(m(2, 8, 4), 2, m(7)),
    "batch norm": lambda m: F.batch_norm(m(2, 8, 4, 4), m(7), m(7)),
    "batch norm weight": lambda m: F.batch_norm(m(2, 8, 4, 4), m(8), m(8), m(7)),
    "view": lambda m: m(2, 3).view(4, 2),
    "masked fill": lambda m: m(2, 3).masked_fill(m(2, 4, dtype=torch.bool), 0),
    "masked fill mask": lambda m: m(2, 3).masked_fill(m(2, 3), 0),
    "compare": lambda m: m(2, 3) == m(2, 4),
    "clamp": lambda m: torch.ops.aten.clamp(m(2)),
    "attention mask": lambda m: F.scaled_dot_product_attention(
        m(2, 3, 5, 4), m(2, 3, 5, 4), m(2, 3, 5, 4), m(5, 6)
    ),
    "attention dtype": lambda m: F.scaled_dot_product_attention(
        m(2, 3, 5, 4), m(2, 3, 5, 4, dtype=torch.float16), m(2, 3, 5, 4)
    ),
    "attention causal": lambda m: F.scaled_dot_product_attention(
        m(2, 3, 5, 4), m(2, 3, 5, 4), m(2, 3, 5, 4), m(5, 5), is_causal=True
    ),
    "attention heads": lambda m: F.scaled_dot_product_attention(
        m(2, 3, 5, 4), m(2, 4, 5, 4), m(2, 3, 5, 4)
    ),
}


def complaint(name: str, make: Callable[..., torch.Tensor]) -> str:
    try:
        WRONG[name](make)
    except Exception as error:  # noqa: BLE001  whatever torch raises
        return repr(error)
    return "none"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_input_raises_torchs_own_error(name: str) -> None:
    by_values, by_shapes = complaint(name, real), complaint(name, meta)
    if name == "attention causal" and torch.__version__ < "2.14":
        pytest.skip("an older torch takes a mask and is_causal together")
    assert by_values != "none"
    net = nn.Identity()
    recorder = Recorder(net, meta=True, train=False)
    with settings(net, "eval"), recorder:
        message = complaint(name, meta)
    # Some meta kernels let pass what the real ones refuse; the trace does not.
    assert message in {by_values, by_shapes} - {"none"}


def test_a_net_that_cannot_run_is_not_traced() -> None:
    # torch's meta kernel alone gives this transposed convolution a shape.
    with pytest.raises(archlab.ArchlabError, match="to have 8 channels, but got 4 channels"):
        archlab.trace(archlab.load(nn.ConvTranspose2d(8, 4, 2), input=(1, 4, 5, 5)))
    with pytest.raises(archlab.ArchlabError, match="same dtype"):
        archlab.trace(archlab.load(nn.Linear(8, 4), input="1x8:int64"))
