"""What only CUDA has: fused optimizers, formats, random streams and switches."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from archlab import zoo
from archlab.runs.recipe import RECIPES
from archlab.train import device
from archlab.train.data import ImageData
from archlab.train.run import execute

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_optimizers_are_fused_and_fit_for_capture(name) -> None:
    recipe = replace(RECIPES["paper"], optimizer=name)
    made = device.optimizer(recipe, [{"params": [nn.Parameter(torch.zeros(3, device="cuda"))]}])
    assert made.defaults["fused"]
    assert name == "sgd" or made.defaults["capturable"]


@pytest.mark.parametrize("name", RECIPES)
def test_images_and_weights_lie_channels_last_on_the_device(name, images) -> None:
    recipe = RECIPES[name]
    data = ImageData(images, recipe)
    data.channels = 3
    pixels, labels = data.part("train")
    assert (pixels.device.type, labels.device.type) == ("cuda", "cuda")
    net = device.placed(zoo.build("resnet20"), recipe).cuda()
    assert net.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    batch, truth = data.resident().batch(0, 0)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert (batch.device.type, truth.device.type) == ("cuda", "cuda")


def test_both_random_streams_are_seeded_and_put_back() -> None:
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    drawn = []
    for _ in range(2):
        with device.seeded(7):
            drawn.append((torch.rand(3), torch.rand(3, device="cuda")))
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert torch.equal(drawn[0][1], drawn[1][1])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(torch.cuda.get_rng_state(), before[1])


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_run_leaves_streams_and_switches_as_they_were(planned, images, deterministic) -> None:
    cudnn = torch.backends.cudnn
    torch.cuda.init()
    streams = torch.get_rng_state(), torch.cuda.get_rng_state()
    switches = torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.deterministic
    outcome = execute(planned("run", deterministic=deterministic), images=images)
    assert outcome.hardware == torch.cuda.get_device_name()
    how = "deterministic" if deterministic else "cuDNN picks kernels by time"
    assert outcome.numerics == f"float32, TF32 in convolutions, {how}"
    assert torch.equal(torch.get_rng_state(), streams[0])
    assert torch.equal(torch.cuda.get_rng_state(), streams[1])
    now = torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.deterministic
    assert now == switches
