"""Whole runs on a GPU: the same again, resumed, side by side, too large, and read on a CPU."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import archlab
from archlab.data.sets import ImageSet
from archlab.errors import NoMemoryError
from archlab.runs import record
from archlab.runs.recipe import RECIPES
from archlab.train import device
from archlab.train.card import Card
from archlab.train.run import execute, quiet
from archlab.train.steps import Stepper

pytestmark = pytest.mark.gpu
SMALL_CARD = 2 * 2**30  # bytes


class Killed(Exception):
    """Stands for a kill at a step: nothing is saved after it."""


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("resnet8", {}),
        ("resnet8", {"precision": "bfloat16", "ema_decay": 0.9, "nesterov": True}),
        ("googlenet", {}),  # its dropout draws from CUDA's stream
    ],
    ids=["float32", "bfloat16 with an average", "dropout"],
)
def test_a_deterministic_run_is_the_same_again_and_resumed(
    model, changes, planned, images, monkeypatch, largest_difference
) -> None:
    """The recipe `lesson` promises it. Steps are captured before and after the kill."""
    changes = {"deterministic": True, "steps": 30, "checkpoint_every": 10, **changes}
    straight, again, broken = (
        planned(name, model=model, **changes) for name in ("straight", "again", "broken")
    )
    execute(straight, images=images)
    execute(again, images=images)
    assert largest_difference(straight, again) == 0.0
    go = Stepper._go

    def die(self: Stepper, size: int) -> None:
        if self.step == 18:
            raise Killed
        go(self, size)

    monkeypatch.setattr(Stepper, "_go", die)
    with pytest.raises(Killed):
        execute(broken, images=images)
    monkeypatch.setattr(Stepper, "_go", go)
    assert execute(broken, images=images).status == "done"
    assert largest_difference(straight, broken) == 0.0


def test_runs_side_by_side_train_as_they_do_alone(planned, images, largest_difference) -> None:
    models = ("resnet8", "plain8")
    alone, beside = (
        [planned(f"{model} {way}", model=model, deterministic=True, steps=40) for model in models]
        for way in ("alone", "beside")
    )
    for folder in alone:
        execute(folder, images=images)
    shared = Card(
        [(folder, "") for folder in beside],
        lambda folder, _: execute(folder, images=images),
        lambda: False,
    )
    with quiet():
        shared.work(2)
    assert shared.errors == {}
    for one, other in zip(alone, beside, strict=True):
        assert record.read_outcome(other).status == "done"
        assert largest_difference(one, other) == 0.0


def train(images: ImageSet, out: Path, batch: int) -> str:
    recipe = replace(RECIPES["paper"], steps=6, batch_size=batch)
    answer = archlab.train_model("resnet56", data=images, recipe=recipe, out=out)
    return answer.totals.status


def test_a_batch_that_is_too_large_is_told_what_fits_and_that_fits(tmp_path, monkeypatch) -> None:
    """On a card of 2 GiB, which other programs on the real one do not notice."""
    numbers = np.random.default_rng(0)
    pixels = numbers.integers(0, 256, (4096, 3, 32, 32), np.uint8)
    labels = numbers.integers(0, 10, 4096)
    images = ImageSet("random", pixels, labels, pixels[:100], labels[:100], tuple("0123456789"))
    monkeypatch.setattr(device, "free_memory", lambda: SMALL_CARD)
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(SMALL_CARD / whole)
    try:
        with pytest.raises(NoMemoryError, match="4096 does not fit") as caught:
            train(images, tmp_path / "large", 4096)
        (fitting,) = map(int, re.findall(r"batch_size=(\d+)", str(caught.value)))
        assert fitting < 4096
        assert train(images, tmp_path / "small", fitting) == "done"
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_what_was_trained_is_tested_here_and_on_a_cpu(source, tmp_path) -> None:
    out = tmp_path / "run"
    recipe = replace(RECIPES["demo"], steps=30, epochs=None)
    trained = archlab.train_model("resnet8", data=source, recipe=recipe, out=out)
    tested = archlab.evaluate_model(out)
    assert 100 * (1 - tested.totals.accuracy) == pytest.approx(trained.totals.test_error)
    done = subprocess.run(
        [sys.executable, "-m", "archlab", "test", str(out), "--format", "json"],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)["totals"]
    # Sums round otherwise there, and TF32 is no part of it: an image or two may change sides.
    assert abs(there["right"] - tested.totals.right) <= 2
    assert there["loss"] == pytest.approx(tested.totals.loss, rel=0.02)
