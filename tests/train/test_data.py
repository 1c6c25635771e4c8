"""Data modules: parts, the stock loader, several ranks; two gloo processes give one's weights."""

import os
import runpy
import subprocess
import sys
import warnings

import pytest
import torch

from archlab.errors import DataError, OptionError
from archlab.runs.recipe import Recipe
from archlab.train.batches import ResidentLoader
from archlab.train.data import CIFAR10Data, ImageData

RECIPE = Recipe(name="small", steps=5, batch_size=16, pad=2, flip=True)


def test_parts(images) -> None:
    data = ImageData(images, RECIPE)
    assert data.part("train")[0].shape == (80, 1, 16, 16)
    assert data.part("train")[0].dtype == torch.uint8
    assert data.part("val")[1] is data.part("test")[1]
    assert data.categories == 10
    assert isinstance(data.train_dataloader(), ResidentLoader)
    assert sum(len(labels) for _, labels in data.test_dataloader()) == 40


def test_held_out_images_are_not_trained_on(images) -> None:
    data = ImageData(images, RECIPE, held_out=20)
    train, val = data.part("train")[0].flatten(1), data.part("val")[0].flatten(1)
    assert (len(train), len(val)) == (60, 20)
    both = torch.cat([train, val]).unique(dim=0)
    whole = torch.from_numpy(images.train_images).flatten(1).unique(dim=0)
    assert torch.equal(both, whole)


@pytest.mark.parametrize("count", [-5, 80, 500, 1.5])
def test_what_cannot_be_held_out_is_refused(images, count) -> None:
    message = rf"held_out={count}: a whole number from 0 to 79 is wanted, for 80 training images"
    with pytest.raises(OptionError, match=message):
        ImageData(images, RECIPE, held_out=count).part("train")


def test_grey_images_are_repeated_for_a_net_of_colours(images) -> None:
    data = ImageData(images, RECIPE)
    data.channels = 3
    pixels, _ = next(iter(data.train_dataloader()))
    assert pixels.shape == (16, 3, 16, 16)
    assert torch.equal(pixels[:, 0], pixels[:, 2])
    data = ImageData(images, RECIPE)
    data.channels = 1
    assert data.part("train")[0].shape[1] == 1


def test_colours_are_not_dropped(images) -> None:
    from dataclasses import replace

    coloured = replace(images, train_images=images.train_images.repeat(3, axis=1),
                       test_images=images.test_images.repeat(3, axis=1))  # fmt: skip
    data = ImageData(coloured, RECIPE)
    data.channels = 1
    with pytest.raises(DataError, match="takes 1 channels, and the images have 3"):
        data.setup()


def test_an_unknown_loader() -> None:
    with pytest.raises(OptionError, match="Did you mean workers"):
        ImageData("embedded", loader="worker")  # type: ignore[arg-type]


def test_absent_cifar_is_said_when_it_is_wanted(tmp_path) -> None:
    data = CIFAR10Data(tmp_path)  # nothing is read or fetched yet
    with pytest.raises(DataError, match="cifar-10-batches-py"):
        data.setup()


SCRIPT = """
import sys, warnings
warnings.simplefilter("ignore")
import pytorch_lightning as pl, torch
from archlab.train.data import ImageData
from archlab.train.module import Classifier
from archlab.runs.recipe import Recipe

def train(world, images, out):
    recipe = Recipe(name="ddp", steps=7, batch_size=16, pad=2, flip=True, learning_rate=0.05)
    torch.manual_seed(3)
    # Without batch norm: with it each rank sees the statistics of its own share.
    options = {"in_channels": 1, "norm": "none", "widths": (4, 4, 4)}
    module = Classifier("resnet8", recipe, options=options, total_steps=7, log=False)
    trainer = pl.Trainer(max_steps=7, accelerator="cpu", devices=world,
                         strategy="ddp" if world > 1 else "auto", limit_val_batches=0, logger=False,
                         enable_checkpointing=False, enable_progress_bar=False,
                         enable_model_summary=False)
    trainer.fit(module, datamodule=ImageData(images, recipe))
    if trainer.is_global_zero:
        torch.save(module.model.state_dict(), out)

if __name__ == "__main__":
    torch.set_num_threads(1)
    train(2, *sys.argv[1:])
"""


@pytest.mark.slow
def test_two_gloo_processes_give_the_weights_of_one(images, source, tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with torch.random.fork_rng(), warnings.catch_warnings():
        runpy.run_path(str(script))["train"](1, images, tmp_path / "1.pt")
    process = subprocess.run(
        [sys.executable, str(script), source, str(tmp_path / "2.pt")], cwd=tmp_path, check=False,
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    one, two = (torch.load(tmp_path / f"{world}.pt") for world in (1, 2))
    assert one.keys() == two.keys()
    for key in one:
        torch.testing.assert_close(one[key], two[key], rtol=1e-4, atol=1e-6)


def test_absent_data_says_what_to_do_from_python_too(tmp_path) -> None:
    data = CIFAR10Data(tmp_path)
    with pytest.raises(DataError) as caught:
        _ = data.images
    for part in (str(tmp_path), "download=True", "data='embedded'"):
        assert part in str(caught.value)
    assert ImageData("embedded").categories == 10
