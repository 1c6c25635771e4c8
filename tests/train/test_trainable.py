"""Nets that are no classifiers of images are refused in one sentence."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from archlab.errors import OptionError
from archlab.train.trainable import check_trainable

IMAGES = SimpleNamespace(shape=(1, 8, 8), classes=("a", "b", "c"), name="small")


class Net(nn.Module):
    """Scores of `classes`; `returns` says what becomes of them."""

    def __init__(self, returns=lambda scores, _: scores, classes=3):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(4, classes)
        self.returns = returns

    def forward(self, x):
        return self.returns(self.fc(self.conv(x).mean((2, 3))), self)


class TwoInputs(Net):
    def forward(self, x, mask):
        return super().forward(x * mask)


@pytest.mark.parametrize(
    "net",
    [
        Net(),
        Net(classes=1000),
        Net(lambda y, net: (y, None, y) if net.training else y),
        nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 3)),
    ],
)
def test_a_classifier_passes(net) -> None:
    check_trainable(net, IMAGES, "net")


def test_a_lazy_classifier_passes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy modules are a new feature
        net = nn.Sequential(nn.LazyConv2d(4, 8), nn.Flatten(), nn.LazyLinear(3))
    check_trainable(net, IMAGES, "net")


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Net(lambda y, _: {"logits": y}), "^The net returns dict, and a classifier returns scores"),
        (Net(lambda y, _: [{"boxes": y}]), "^The net returns list"),
        (Net(lambda y, net: {"loss": y} if net.training else y), "^The net returns dict"),
        (Net(lambda *_: None), "^The net returns NoneType"),
        (Net(lambda y, _: y[..., None, None]), r"^The net gives \(3, 1, 1\) outputs an image"),
        (Net(lambda y, _: y.argmax(1)), r"^The net gives \(\) outputs an image"),
        (Net(lambda y, _: y > 0), r"^The net gives \(3,\) outputs"),
        (Net(classes=2), r"^The net gives \(2,\) outputs an image, and small has 3 classes"),
        (Net(lambda y, _: y.mean(0, keepdim=True)), "^net gives 1 rows of scores for 2 images"),
        (Net(lambda y, _: y.detach()), "^net has no parameter that the loss depends on"),
        (Net().requires_grad_(requires_grad=False), "^net has no parameter"),
        (TwoInputs(), "^net is no classifier of images 1x8x8: .*missing 1 required .*'mask'"),
        (nn.LSTM(8, 3), "^net is no classifier of images 1x8x8: its forward fails on two of them"),
        (Net().half(), r"^net is no classifier of images 1x8x8: .*\(RuntimeError: Input type"),
    ],
)
def test_anything_else_is_refused(net, message) -> None:
    with pytest.raises(OptionError, match=message):
        check_trainable(net, IMAGES, "net")


def test_no_values_are_shown() -> None:
    def fails(y, _):
        raise ValueError(f"cannot take {torch.zeros_like(y)}")

    with pytest.raises(OptionError, match=r"\(ValueError: cannot take a tensor\)"):
        check_trainable(Net(fails), IMAGES, "net")
