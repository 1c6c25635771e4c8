"""Accuracy and confusion of a net whose answers are written in its images."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode, ShapeEnv

from archlab import zoo
from archlab.data.sets import ImageSet
from archlab.runs.recipe import RECIPES
from archlab.train import device
from archlab.train.data import ImageData
from archlab.train.evaluate import evaluate

CLASSES = ("cat", "dog", "eel")
TRUTH = np.array([0, 0, 0, 1, 1, 2])
GUESS = np.array([0, 0, 1, 1, 0, 0])


class Reader(nn.Module):
    """Says what class the brightness of an image names, with a logit of one; eel never."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert not self.training
        level = images.mean((1, 2, 3))
        classes = (level[:, None] > level.median()).long().flatten()
        return nn.functional.one_hot(classes, 4).float()


@pytest.fixture
def data() -> ImageData:
    pixels = np.broadcast_to(GUESS.astype(np.uint8)[:, None, None, None] * 200, (6, 1, 2, 2))
    pixels = np.ascontiguousarray(pixels)
    return ImageData(ImageSet("made up", pixels, TRUTH, pixels, TRUTH, CLASSES))


def test_accuracy_and_confusion(data) -> None:
    result = evaluate(Reader().train(), data, "reader")
    assert dict(result.extra)["confusion"] == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    assert (result.accuracy, result.right, result.images) == (0.5, 3, 6)
    # Softmax over four logits, of which one is 1: ln(e + 3) − 1 where it is right, else ln(e + 3).
    assert result.loss == pytest.approx(math.log(math.e + 3) - 0.5, rel=1e-6)
    cat, dog, eel = result.rows
    assert (cat.accuracy, cat.precision, cat.mostly_taken_for) == (2 / 3, 0.5, "dog (1)")
    assert (dog.accuracy, dog.precision, dog.mostly_taken_for) == (0.5, 0.5, "cat (1)")
    assert (eel.accuracy, eel.precision, eel.mostly_taken_for) == (0.0, None, "cat (1)")


def test_the_matrix_is_a_table(data) -> None:
    *_, head, cat, dog, eel = evaluate(Reader(), data, "reader").footer
    assert head == "true ↓  taken for →    cat   dog   eel"
    assert [line.split() for line in (cat, dog, eel)] == [
        ["cat", "2", "1", "0"], ["dog", "1", "1", "0"], ["eel", "1", "0", "0"],
    ]  # fmt: skip
    assert len({len(line) for line in (head, cat, dog, eel)}) == 1


class Shift(nn.Module):
    """Has a buffer and no parameter; its scores are the brightness and two constants."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((1, 2, 3))[:, None] + self.shift


@pytest.mark.parametrize("recipe", ["demo", "fast"])
@pytest.mark.parametrize("net", ["resnet8", "googlenet", "buffer"])
def test_the_net_goes_to_the_device_of_the_images(data, monkeypatch, net, recipe) -> None:
    """On fake tensors, whose operators refuse tensors of two devices as those of CUDA do."""
    if net == "buffer":
        model = Shift()
    else:
        options = {"in_channels": 1} if net == "resnet8" else {"layout": "cifar"}
        model = zoo.build(net, **options)
        data.channels = 1 if net == "resnet8" else 3
    data.recipe = RECIPES[recipe]
    monkeypatch.setattr(device, "place", lambda: torch.device("cuda"))
    # The first number that is read, after all batches, ends it: fake tensors have none.
    with (
        FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv()),
        pytest.raises(GuardOnDataDependentSymNode),
    ):
        evaluate(model, data, net)
    assert data.part("test")[0].device.type == "cuda"
    assert {each.device.type for each in model.state_dict().values()} == {"cuda"}


def test_the_memory_format_is_the_recipes(data) -> None:
    for recipe, expected in (("demo", torch.contiguous_format), ("fast", torch.channels_last)):
        net = nn.Sequential(nn.Conv2d(1, 4, 2, padding=1), nn.Conv2d(4, 3, 3), nn.Flatten())
        data.recipe = RECIPES[recipe]
        evaluate(net, data, "net")
        assert net[1].weight.is_contiguous(memory_format=expected)
        assert net[1].weight.dtype == torch.float32
