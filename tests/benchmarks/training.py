"""Throughput of training: ours against a bare loop and against stock Lightning with torchvision.

    python tests/benchmarks/training.py

ResNet-20, batch 128, 32×32 images, one thread, CPU seconds of the process (so that other work on
the machine matters little). Rounds are interleaved; the ratio is of medians. Last the smallest
steps that archlab has: plain-20 of the demo, where what is not arithmetic weighs most, against a
loop that crops, flips and sets the rate as archlab does.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
import warnings
from dataclasses import replace

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn
from torch.nn import functional

from archlab import zoo
from archlab.data.sets import ImageSet, load_images
from archlab.runs.recipe import RECIPES, Recipe
from archlab.train.data import ImageData
from archlab.train.recorded import RecordedClassifier, Stretches

BATCH, STEPS, WARM, ROUNDS = 128, 7, 2, 5
FP32 = Recipe(name="bench", steps=STEPS, batch_size=BATCH, schedule="cosine")
LONG = (20, 140)  # the first and the last of the steps of the demo that are timed
DEMO = replace(RECIPES["demo"], steps=LONG[1], epochs=None)
SMALL = {"in_channels": 1, "widths": (8, 16, 32)}
BF16 = replace(FP32, precision="bfloat16", channels_last=True)


def some_images() -> ImageSet:
    numbers = np.random.default_rng(0)
    count = BATCH * STEPS
    images = numbers.integers(0, 256, (count, 3, 32, 32), np.uint8)
    labels = numbers.integers(0, 10, count)
    return ImageSet("random", images, labels, images[:BATCH], labels[:BATCH], tuple("0123456789"))


class Clock(pl.Callback):
    """CPU seconds a step, the first steps left out."""

    def __init__(self, first: int = WARM, last: int = STEPS) -> None:
        self.first, self.last = first, last

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.global_step == self.first:
            self.begin = time.process_time()
        if trainer.global_step == self.last:
            self.seconds = (time.process_time() - self.begin) / (self.last - self.first)


def bare(images: ImageSet, recipe: Recipe) -> float:
    """The loop one writes without any library: tensors are ready, nothing is augmented."""
    net = zoo.build("resnet20").train()
    half = recipe.precision == "bfloat16"
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    net = net.to(memory_format=layout)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    pixels = (torch.from_numpy(images.train_images).float() / 255).contiguous(memory_format=layout)
    labels = torch.from_numpy(images.train_labels)
    begin = 0.0
    for step in range(STEPS):
        if step == WARM:
            begin = time.process_time()
        part = slice(step * BATCH, (step + 1) * BATCH)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = functional.cross_entropy(net(pixels[part]), labels[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.process_time() - begin) / (STEPS - WARM)


def ours(images: ImageSet, recipe: Recipe) -> float:
    net = zoo.build("resnet20")
    if recipe.channels_last:
        net = net.to(memory_format=torch.channels_last)
    return recorded(net, images, recipe, (WARM, STEPS))


def recorded(net: nn.Module, images: ImageSet, recipe: Recipe, part: tuple[int, int]) -> float:
    """CPU seconds a step of a recorded run, from a step to the last."""
    first, last = part
    module = RecordedClassifier(net.train(), recipe, total=last)
    module.loader = ImageData(images, recipe, seed=1).resident()
    module.due = (first, last)
    clock = Clock(first, last)
    return fitted(module, Stretches(last), clock, logger=False, enable_progress_bar=False)


def small(_: ImageSet, recipe: Recipe) -> float:
    return recorded(zoo.build("plain20", **SMALL), load_images("embedded"), recipe, LONG)


def bare_small(_: ImageSet, recipe: Recipe) -> float:
    first, last = LONG
    net = zoo.build("plain20", **SMALL).train()
    loader = ImageData(load_images("embedded"), recipe, seed=1).resident()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    begin = 0.0
    for step in range(last):
        if step == first:
            begin = time.process_time()
        pixels, labels = loader.batch(*divmod(step, len(loader)))
        optimizer.param_groups[0]["lr"] = 0.05 * recipe.rate(step, last)
        optimizer.zero_grad()
        functional.cross_entropy(net(pixels), labels).backward()
        optimizer.step()
    return (time.process_time() - begin) / (last - first)


class Stock(pl.LightningModule):
    """What a tutorial has: a loss, logged; SGD."""

    def __init__(self) -> None:
        super().__init__()
        self.net: nn.Module = zoo.build("resnet20")

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        images, labels = batch
        logits = self.net(images)
        loss = functional.cross_entropy(logits, labels)
        self.log("train_loss", loss, prog_bar=True)
        self.log("train_acc", (logits.argmax(1) == labels).float().mean(), prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)


def stock(images: ImageSet, recipe: Recipe) -> float:
    """Lightning and torchvision at their defaults: PIL images, no workers."""
    from PIL import Image
    from torchvision import transforms

    transform = transforms.Compose([
        transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(),
        transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3),
    ])  # fmt: skip

    class Images(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(images.train_labels)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            image = Image.fromarray(images.train_images[index].transpose(1, 2, 0))
            return transform(image), int(images.train_labels[index])

    loader = torch.utils.data.DataLoader(Images(), batch_size=recipe.batch_size, shuffle=True)
    return fitted(Stock(), loader, default_root_dir=tempfile.mkdtemp())


def fitted(
    module: pl.LightningModule, data: object, clock: Clock | None = None, **settings: object
) -> float:
    clock = clock or Clock()
    trainer = pl.Trainer(
        max_steps=clock.last,
        max_epochs=-1,
        accelerator="cpu",
        callbacks=[clock],
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_model_summary=False,
        **settings,
    )
    trainer.fit(module, data)
    return clock.seconds


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    images = some_images()
    ways = {
        "bare loop, float32": (bare, FP32), "archlab, float32": (ours, FP32),
        "bare loop, bfloat16": (bare, BF16), "archlab, bfloat16": (ours, BF16),
        "stock Lightning + torchvision": (stock, FP32),
        "bare loop, demo": (bare_small, DEMO), "archlab, demo": (small, DEMO),
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (way, recipe) in ways.items():
            seconds[name].append(way(images, recipe))
    rate = {
        name: ways[name][1].batch_size / statistics.median(times) for name, times in seconds.items()
    }
    print(f"torch {torch.__version__}, lightning {pl.__version__}, one thread, {ROUNDS} rounds")
    for name, value in rate.items():
        print(f"{name:<32} {value:7.0f} images/s")
    for label, one, other, aim in (
        ("archlab ÷ bare loop, float32", "archlab, float32", "bare loop, float32", "≥ 0.95"),
        ("archlab ÷ bare loop, bfloat16", "archlab, bfloat16", "bare loop, bfloat16", "≥ 0.95"),
        ("archlab bfloat16 ÷ stock", "archlab, bfloat16", "stock Lightning + torchvision", "≥ 1.5"),
        ("archlab float32 ÷ stock", "archlab, float32", "stock Lightning + torchvision", ""),
        ("bare loop ÷ archlab, demo", "bare loop, demo", "archlab, demo", "≤ 1.02"),
    ):
        print(f"{label:<32} {rate[one] / rate[other]:7.2f}  {aim}")


if __name__ == "__main__":
    main()
