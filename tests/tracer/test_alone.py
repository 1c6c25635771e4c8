"""Traces in several threads: each is as if it were alone, and other threads notice none of them."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import archlab
from archlab.tracer.alone import alone, same_thread


class Waits(nn.Module):
    """A net that stays in its forward until it is let go."""

    def __init__(self, entered: threading.Event, leave: threading.Event) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.forward = self._forward(entered, leave)

    def _forward(self, entered, leave):
        layer = self.layer

        def forward(x):
            entered.set()
            assert leave.wait(60)
            return layer(x)

        return forward

    def __deepcopy__(self, _memo):
        return self


def test_one_at_a_time() -> None:
    inside = []

    def work(number: int) -> None:
        with alone(), alone():
            inside.append(number)
            assert inside[-1] == number
            inside.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(100)))
    assert inside[::2] == inside[1::2]


def test_threads_are_told_apart() -> None:
    here = same_thread()
    assert here()
    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(here).result()


def test_concurrent_answers_and_nothing_left_behind() -> None:
    specs = ["resnet20", "torchvision:vit_b_16", "timm:resnet18", "googlenet"] * 4
    expected = {spec: archlab.flops(spec).totals for spec in set(specs)}
    attention, fast_path = F.scaled_dot_product_attention, torch.backends.mha.get_fastpath_enabled
    state, recursion = torch.get_rng_state(), sys.getrecursionlimit()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda spec: archlab.flops(spec).totals, specs))
    assert answers == [expected[spec] for spec in specs]
    assert F.scaled_dot_product_attention is attention
    assert torch.backends.mha.get_fastpath_enabled is fast_path
    assert torch.equal(torch.get_rng_state(), state)
    assert sys.getrecursionlimit() == recursion


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_another_thread_works_as_ever_beside_a_trace(mode) -> None:
    entered, leave = threading.Event(), threading.Event()
    net = Waits(entered, leave)
    q, k, v = (torch.randn(2, 4, 8, 16, requires_grad=True) for _ in "qkv")
    truth = F.scaled_dot_product_attention(q, k, v)
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True).eval()
    words = torch.randn(4, 10, 32)
    with torch.no_grad():
        encoded = layer(words)
    with ThreadPoolExecutor(1) as pool:
        trace = pool.submit(archlab.trace, archlab.load(net, input=(1, 4)), mode=mode)
        assert entered.wait(60)
        try:
            out = F.scaled_dot_product_attention(q, k, v)
            assert torch.equal(out, truth)
            with torch.no_grad():  # where torch takes its fast path, which gives other bits
                assert torch.equal(layer(words), encoded)
            meta = torch.ones(2, device="meta")
            assert meta.is_meta
            assert meta.device == torch.device("meta")
            assert nn.Linear(16, 3)(out).detach().numpy().shape == (2, 4, 8, 3)
            with torch.autocast("cpu"):
                assert nn.Linear(4, 4)(torch.ones(1, 4)).dtype == torch.bfloat16
        finally:
            leave.set()
        graph = trace.result()
    assert [node.op for node in graph.nodes] == ["aten.t", "aten.addmm"]
    assert {module.path for module in graph.modules} == {"", "layer"}
    assert not graph.gaps
