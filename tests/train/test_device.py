"""Optimizers and the switches that depend on the device."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from archlab.runs.recipe import Recipe
from archlab.train import device
from archlab.train.data import ImageData
from archlab.train.module import Classifier

SHORT = Recipe(name="short", steps=6, batch_size=16, pad=0, flip=False)


def test_adam() -> None:
    groups = [{"params": [nn.Parameter(torch.zeros(1))]}]
    made = device.optimizer(replace(SHORT, optimizer="adam", learning_rate=1e-3), groups)
    assert isinstance(made, torch.optim.Adam)
    assert made.defaults["lr"] == 1e-3


@pytest.mark.gpu
@pytest.mark.skipif(not device.has_cuda(), reason="needs a CUDA device")
def test_cuda_switches(images) -> None:
    fast = replace(SHORT, precision="bfloat16")
    settings = device.trainer_settings(fast)
    assert (settings["accelerator"], settings["precision"]) == ("gpu", "bf16-mixed")
    data = ImageData(images, fast)
    data.setup()
    assert data.part("train")[0].device.type == "cuda"
    net = device.placed(Classifier("resnet8", fast, options={"in_channels": 1}).model, fast).cuda()
    assert net.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    made = device.optimizer(fast, [{"params": list(net.parameters())}])
    assert made.defaults["fused"] is True
    pixels, _ = next(iter(data.train_dataloader()))
    expected = net(pixels)
    torch.testing.assert_close(device.captured(net)(pixels), expected, rtol=1e-2, atol=1e-2)
