"""The overview: kernels, output shapes, parameters and MACs side by side."""

import pytest
import torch
import torchvision
from torch import nn

import archlab


def test_kernel_column() -> None:
    net = nn.Sequential(
        nn.Conv2d(4, 8, (3, 5), stride=(1, 2)),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )
    rows = {row.path: row for row in archlab.summary(archlab.load(net, input="4x16x16")).rows}
    kernels = [rows[str(i)].kernel for i in range(6)]
    assert kernels == ["3x5/1x2", "3x3 g4 d2", "2x2/2", "", "", ""]
    assert [rows[str(i)].output_shape for i in (0, 2, 5)] == ["1x8x14x6", "1x8x7x3", "1x2"]


def test_totals_of_vgg16() -> None:
    """Simonyan and Zisserman 2014: 16 weight layers, 138 M parameters."""
    totals = archlab.summary("torchvision:vgg16").totals
    assert totals.layers == 16
    assert totals.params == 138_357_544
    assert totals.flops == 2 * totals.macs == 2 * 15_470_264_320
    assert totals.inference_peak == 2 * 64 * 224 * 224 * 4


def test_rows_equal_torchinfo() -> None:
    """Torchinfo is right for plain convolutional nets: parameters, output shapes, multiply-adds."""
    torchinfo = pytest.importorskip("torchinfo")
    with torch.device("meta"):  # torchinfo keeps a net that it has seen
        net, x = torchvision.models.alexnet(), torch.zeros(1, 3, 224, 224)
    theirs = torchinfo.summary(net, input_data=x, verbose=0, depth=9, device="meta")
    ours = {row.path: row for row in archlab.summary(archlab.load(net, input="3x224x224")).rows}
    leaves = [item for item in theirs.summary_list if item.is_leaf_layer]
    assert len(leaves) == 21
    for item in leaves:
        parent = f"{item.parent_info.var_name}." if item.parent_info.depth else ""
        row = ours[f"{parent}{item.var_name}"]
        assert row.params == max(item.num_params, 0)
        assert row.output_shape == "x".join(map(str, item.output_size))
        if isinstance(item.module, nn.Conv2d | nn.Linear):
            bias = torch.tensor(item.output_size).prod().item()  # torchinfo counts it as a MAC
            assert row.macs in (item.macs, item.macs - bias)


def test_modules_that_do_not_run_are_said_so() -> None:
    result = archlab.summary("googlenet")
    rows = {row.path: row for row in result.rows}
    assert rows["aux1"].output_shape == "not executed"
    assert any(line.startswith("never executed in eval mode") for line in result.footer)


def test_outputs_without_a_tensor_and_with_several() -> None:
    class Several(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            y = self.layer(x)
            return {"a": y, "b": (y + 1, y + 2)}

    class Number(Several):
        def forward(self, x):
            return self.layer(x).mean().item()

    assert archlab.summary(Several()).rows[0].output_shape == "1x4 +2"
    assert archlab.summary(Number()).rows[0].output_shape == "no tensor"
