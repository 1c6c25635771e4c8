"""Captured steps are the uncaptured ones, and the host waits for none of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from archlab import zoo
from archlab.runs.recipe import RECIPES, Recipe
from archlab.train import device, steps
from archlab.train.batches import Augment, Normalizer, ResidentLoader
from archlab.train.recorded import RecordedClassifier
from archlab.train.steps import UNCAPTURED, Stepper

pytestmark = pytest.mark.gpu
EPOCH = 4  # steps: three batches of 64 images, and one of 8
STRICT = Recipe(
    name="strict", steps=50, batch_size=64, learning_rate=0.05, schedule="cosine", warmup_steps=5,
    deterministic=True,
)  # fmt: skip


def stepper(recipe: Recipe, total: int, **how: Any) -> Stepper:
    """The steps of a ResNet-20 on 200 random images, as a run makes them."""
    numbers = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (200, 3, 32, 32), generator=numbers, dtype=torch.uint8).cuda()
    labels = torch.randint(10, (200,), generator=numbers).cuda()
    torch.manual_seed(1)
    net = device.placed(zoo.build("resnet20").cuda(), recipe).train()
    module = RecordedClassifier(net, recipe, total=total)
    loader = ResidentLoader(
        pixels, labels, Normalizer(pixels, recipe.center), batch_size=recipe.batch_size, seed=1,
        augment=Augment(recipe.pad, recipe.flip, recipe.cutout),
        channels_last=device.channels_last(recipe, pixels.device),
    )  # fmt: skip
    return Stepper(module, module.configure_optimizers(), loader, total, **how)


@pytest.fixture
def whole_float32() -> Iterator[None]:
    """TF32 has ten bits; what is compared is the capture, not the precision."""
    convolutions = torch.backends.cudnn.conv
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    yield
    convolutions.fp32_precision = before


def after_50(recipe: Recipe, *, captured: bool, **how: Any) -> dict[str, torch.Tensor]:
    """Weights, statistics, their average, and the sums of 50 steps."""
    with device.switches(recipe), device.own_stream():
        taken = stepper(recipe, 50, **how)
        if not captured:
            taken.uncaptured = "to compare with"
        while taken.step < 50:
            taken.run(50)
        graphs = set(taken._graphs)
        assert graphs == ({64, 8} if captured else set()), taken.uncaptured
        torch.cuda.synchronize()
    return {**taken.module.state_dict(), "sums": taken.sums}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "bfloat16"},
        {"optimizer": "adamw", "learning_rate": 1e-3, "center": "pixel"},
        {"nesterov": True, "label_smoothing": 0.1, "cutout": 8, "ema_decay": 0.99},
        {"careful": True},
    ],
    ids=lambda changes: " ".join(changes) or "as it is",
)
def test_captured_steps_are_the_uncaptured_ones(changes, whole_float32) -> None:
    how = {"careful": True} if "careful" in changes else {}
    recipe = replace(STRICT, **{name: value for name, value in changes.items() if name not in how})
    replayed = after_50(recipe, captured=True, **how)
    plain = after_50(recipe, captured=False, **how)
    close = 1e-2 if recipe.precision == "bfloat16" else 1e-5
    assert any("average" in name for name in plain) == bool(recipe.ema_decay)
    for name, value in plain.items():
        torch.testing.assert_close(replayed[name], value, rtol=close, atol=close, msg=name)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("careful", [False, True])
def test_no_step_makes_the_host_wait(name, careful, monkeypatch) -> None:
    """Three epochs with the draws of each; torch raises where the host waits."""
    monkeypatch.setattr(steps, "_BUDGET", 60.0)
    recipe = replace(RECIPES[name], batch_size=64)
    with device.switches(recipe), device.own_stream():
        taken = stepper(recipe, 1000, careful=careful)
        begin = EPOCH * (UNCAPTURED + 2)
        taken.run(begin)
        assert len(taken._graphs) == 2, taken.uncaptured
        torch.cuda.set_sync_debug_mode("error")
        assert taken.run(begin + 3 * EPOCH) == 3 * EPOCH
        # A person asks for the rate, and waits.
        with pytest.raises(RuntimeError, match="synchroniz"):
            _ = taken.rate
        torch.cuda.set_sync_debug_mode("default")
        assert float(taken.sums[2]) == begin + 3 * EPOCH


def test_uncaptured_steps_do_not_make_it_wait_either(monkeypatch) -> None:
    monkeypatch.setattr(steps, "_BUDGET", 60.0)
    with device.own_stream():
        taken = stepper(replace(RECIPES["fast"], batch_size=64), 1000)
        taken.uncaptured = "to compare with"
        taken.run(2)
        torch.cuda.set_sync_debug_mode("error")
        assert taken.run(14) == 12
