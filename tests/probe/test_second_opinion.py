"""Fvcore beside us: its own totals, and a reason for every difference."""

import functools
import logging
import sys
import warnings
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

import archlab
from archlab.errors import DependencyError, OptionError, TraceError
from archlab.probe.second_opinion import AgainstRow, AgainstTotals
from archlab.result import Result

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore scripts functions at import, which torch deprecates
    from fvcore.nn import FlopCountAnalysis

NETS = Path(__file__).parent.parent / "resolve" / "nets.py"


def fvcores_total(net: nn.Module, *inputs: torch.Tensor) -> int:
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        analysis = FlopCountAnalysis(net.eval(), inputs).unsupported_ops_warnings(enabled=False)
        return int(analysis.total())


pytestmark = pytest.mark.usefixtures("no_values")
SIDES = {"resnet50": 224, "vit_b_16": 224, "deeplabv3_mobilenet_v3_large": 65}


def load(name: str) -> archlab.Model:
    return archlab.load(f"torchvision:{name}", input=(1, 3, SIDES[name], SIDES[name]))


@functools.cache
def against(name: str) -> Result[AgainstTotals, AgainstRow]:
    return archlab.against(load(name))


@pytest.mark.parametrize("name", SIDES)
def test_both_counts_are_each_tools_own(name) -> None:
    shape, result = (1, 3, SIDES[name], SIDES[name]), against(name)
    options = {"weights_backbone": None} if name.startswith("deeplab") else {}
    with torch.device("meta"):
        net = torchvision.models.get_model(name, weights=None, **options)
    net.to_empty(device="cpu")  # no byte is written, so the weights take no memory
    assert result.totals.fvcore == fvcores_total(net, torch.zeros(shape))
    assert result.totals.macs == archlab.flops(load(name)).totals.macs
    assert result.totals.difference == result.totals.fvcore - result.totals.macs
    assert sum(row.difference for row in result.rows) == result.totals.difference
    assert all(row.why for row in result.rows if row.difference)


def test_resnet50_differs_by_norms_and_the_pool() -> None:
    """2 per element of 11,113,984 normalised ones, 1 per element of the 2048 × 7 × 7 map."""
    rows = {row.path: row for row in against("resnet50").rows}
    assert rows["convolution"].difference == rows["matrix products"].difference == 0
    assert rows["norms"].difference == 2 * 11_113_984
    assert rows["adaptive pooling"].difference == 2048 * 7 * 7
    assert "norms" in rows["norms"].why


def test_attention_that_fvcore_skips_is_named() -> None:
    """Twelve layers of vit_b_16: projections and products of attention are lost."""
    result = against("vit_b_16")
    row = next(row for row in result.rows if row.path == "matrix products")
    assert row.difference < -0.3 * result.totals.macs
    assert row.why.startswith("fvcore skips")
    assert "attention" in row.why
    assert "×12" in row.why


def test_equal_counts_need_no_reason() -> None:
    result = archlab.against(
        archlab.load(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), input="3x8x8")
    )
    assert result.totals.macs == result.totals.fvcore == 4 * 36 * 27
    assert [row.why for row in result.rows] == [""]
    assert "difference +0 (+0.00 %)" in result.footer[0]


def test_keyword_inputs() -> None:
    inputs = {"ids": "2x7:int64", "mask": "2x7"}
    result = archlab.against(archlab.load(f"{NETS}:KeywordOnly", input=inputs))
    assert result.totals.macs == result.totals.fvcore == 2 * 7 * 16 * 4


def test_several_inputs() -> None:
    result = archlab.against(archlab.load(f"{NETS}:TwoInputs", input=["2x8", "2x6"]))
    assert result.totals.fvcore == 2 * 4 * (8 + 6)


@pytest.mark.parametrize("member", ["ReturnsDict", "ReturnsDataclass", "ReturnsNumber"])
def test_what_fvcore_cannot_run(member) -> None:
    with pytest.raises(TraceError, match=r"fvcore cannot run .*torch.jit.trace"):
        archlab.against(f"{NETS}:{member}")


def test_the_users_module_is_not_touched() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    archlab.against(archlab.load(net, input="3x8x8", batch=2), mode="train")
    assert net.training
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not net._forward_hooks
    assert not net._forward_pre_hooks


def test_without_fvcore(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "fvcore.nn", None)
    with pytest.raises(DependencyError, match="pip install fvcore"):
        archlab.against(nn.Linear(4, 4))


def test_unknown_tool() -> None:
    with pytest.raises(OptionError, match=r"tool='thop' is unknown. *Allowed: fvcore"):
        archlab.against("resnet20", "thop")
