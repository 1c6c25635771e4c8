"""Gradients against the symbolic receptive field, unit by unit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import archlab
from archlab.probe import gradient_support


@pytest.mark.parametrize(
    ("spec", "options"),
    [("resnet20", {}), ("googlenet", {"layout": "cifar"}), ("torchvision:mobilenet_v3_large", {})],
)
def test_gradients_agree(spec: str, options: dict[str, str]) -> None:
    totals = archlab.verify_receptive_field(archlab.load(spec, **options)).totals
    assert totals.checked > 30
    assert totals.agree == totals.checked


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    ["resnet56", "torchvision:resnet50", "torchvision:googlenet", "torchvision:inception_v3",
     "torchvision:densenet121"],
)  # fmt: skip
def test_gradients_agree_on_large_nets(spec: str) -> None:
    totals = archlab.verify_receptive_field(spec).totals
    assert totals.checked > 100
    assert totals.agree == totals.checked


def test_gradients_see_holes_and_wide_kernels() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, (1, 7), padding=(0, 3)),
        nn.ConvTranspose2d(4, 4, 2, 2),
        nn.Conv2d(4, 4, 3, padding=1),
    )
    result = archlab.verify_receptive_field(archlab.load(net, input="3x64x64"))
    assert result.totals.agree == result.totals.checked
    assert any(row.holes for row in result.rows)


class ByName(nn.Module):
    """Functions that get their input by name, as torch allows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.after = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        x = functional.relu(input=self.conv(x))
        x = functional.avg_pool2d(input=x, kernel_size=2)
        return self.after(functional.max_pool2d(input=x, kernel_size=2))


def test_an_input_may_be_given_by_name() -> None:
    result = archlab.verify_receptive_field(archlab.load(ByName(), input="3x64x64"))
    # 3 rows, 2 more by both pools (1 + 2), 2 · 4 more by a 3×3 kernel of step 4.
    assert {row.high - row.low + 1 for row in result.rows} == {3, 3 + 1 + 2 + 2 * 4}
    assert result.totals.agree == result.totals.checked > 0


@pytest.mark.parametrize("how", ["place", "name", "names"])
def test_a_pool_behind_a_concatenation_sees_all_of_it(how: str) -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.narrow = nn.Conv2d(3, 4, 3, padding=1)
            self.wide, self.after = nn.Conv2d(3, 4, 5, padding=2), nn.Conv2d(11, 4, 3, padding=1)

        def forward(self, x):
            parts = [self.narrow(x), self.wide(x), x]
            joined = {
                "place": lambda: torch.cat(parts, 1),
                "name": lambda: torch.cat(parts, dim=1),
                "names": lambda: torch.cat(tensors=parts, dim=1),
            }[how]()
            return self.after(functional.max_pool2d(functional.relu(joined), 2))

    result = archlab.verify_receptive_field(archlab.load(Branches(), input="3x64x64"))
    # 5 rows by the wide branch, one more by the pool, 2 · 2 more by a 3×3 kernel of step 2.
    assert {row.high - row.low + 1 for row in result.rows} == {3, 5, 5 + 1 + 2 * 2}
    assert result.totals.agree == result.totals.checked > 0


class Written(nn.Module):
    """A concatenation into which something is written, and a sum with its term by name."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(3, 4, 3, padding=1)
        self.wide, self.after = nn.Conv2d(3, 4, 5, padding=2), nn.Conv2d(8, 4, 1)

    def forward(self, x):
        narrow = self.narrow(x)
        joined = torch.cat([narrow, torch.add(narrow, other=narrow)], 1)
        joined[:, :4] = self.wide(x)
        return self.after(functional.avg_pool2d(joined, 2))


def test_what_is_written_into_a_concatenation_is_seen() -> None:
    module = Written().double().eval()
    units = {"after": [10]}
    (found,) = gradient_support.supports(module, torch.ones(1, 3, 64, 64).double(), units, axis=2)
    # Unit 10 pools rows 20 and 21, which see two more rows on each side by the wide convolution.
    assert (found.low, found.high, found.holes) == (18, 23, 0)


def test_a_pool_without_a_batch_is_over_the_last_axis() -> None:
    """Equal numbers along that axis are no equal channels."""
    row = torch.ones(2, 1).expand(2, 6)
    with gradient_support._Positive():
        assert functional.avg_pool1d(row, 2).shape == (2, 3)
        rows = torch.cat([torch.zeros(1, 3, 4), torch.ones(1, 1, 4)], 1)
        assert functional.avg_pool2d(rows, 2).tolist() == [[[0, 0], [0.5, 0.5]]]


def test_gradients_agree_on_a_unet_with_phases() -> None:
    path = Path(__file__).parents[1] / "truth" / "hand_made_nets.py"
    result = archlab.verify_receptive_field(archlab.load(f"{path}:UNet", input="3x64x64"))
    assert result.totals.layers == 8  # five 3×3, two up-convolutions, one 1×1
    assert result.totals.agree == result.totals.checked
    widths = {row.high - row.low + 1 for row in result.rows if row.path == "o"}
    assert widths == {22, 26}


def test_a_wrong_prediction_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate must fail when the symbolic rule is broken."""
    from archlab.analyze.field.sight import field

    right = field.window

    def wrong(old, *, kernel, **rest):
        return right(old, kernel=kernel + (kernel == 3), **rest)

    monkeypatch.setattr("archlab.analyze.field.sight.windows.fields.window", wrong)
    totals = archlab.verify_receptive_field("resnet20").totals
    assert totals.agree < totals.checked
