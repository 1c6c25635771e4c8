"""The steps of a run: against Lightning's own loop and torch's averages, and without a wait.

No GPU is needed: meta tensors stand in for CUDA's. They have no values, so that whatever would make
the host wait for the device raises, and so does a mixture of devices; copies to them are counted.
"""

import copy
import itertools
import sys
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from archlab import zoo
from archlab.runs.recipe import RECIPES
from archlab.train import device, steps
from archlab.train.batches import Augment, Normalizer, ResidentLoader
from archlab.train.finetune import Freeze
from archlab.train.recorded import RecordedClassifier
from archlab.train.steps import Stepper
from tests.train.conftest import SMALL

QUIET = {
    "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
    "enable_model_summary": False, "accelerator": "cpu", "limit_val_batches": 0,
}  # fmt: skip
TINY = {"in_channels": 1, "widths": (4, 4, 4)}


def stepper(net: nn.Module, loader: ResidentLoader, recipe: Any, total: int, **how: Any) -> Stepper:
    freeze = how.pop("freeze", None)
    module = RecordedClassifier(net.train(), recipe, total=total, freeze=freeze)
    return Stepper(module, module.configure_optimizers(), loader, total, **how)


def loader(images: torch.Tensor, labels: torch.Tensor, recipe: Any) -> ResidentLoader:
    return ResidentLoader(
        images, labels, Normalizer(images, recipe.center), batch_size=recipe.batch_size, seed=1,
        augment=Augment(recipe.pad, recipe.flip, recipe.cutout),
    )  # fmt: skip


class Net(nn.Sequential):
    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.LazyLinear(5))
        self(torch.zeros(2, 1, 6, 6))


@pytest.fixture
def few() -> tuple[torch.Tensor, torch.Tensor]:
    numbers = torch.Generator().manual_seed(5)
    pixels = torch.randint(256, (22, 1, 6, 6), generator=numbers, dtype=torch.uint8)
    return pixels, torch.arange(22) % 5


def test_the_average_is_that_of_torch(few) -> None:
    """`AveragedModel` with the decay that each step has, on the same weights and statistics."""
    from torch.optim.swa_utils import AveragedModel

    recipe = replace(SMALL, batch_size=4, ema_decay=0.6, steps=9)
    taken = stepper(Net(), loader(*few, recipe), recipe, 9)
    module = taken.module
    decay = itertools.count(1)

    def mean(average: torch.Tensor, value: torch.Tensor, _: Any) -> torch.Tensor:
        return kept * average + (1 - kept) * value

    expected = AveragedModel(module.model, avg_fn=mean, use_buffers=True)
    expected.update_parameters(module.model)  # the first call copies
    for _ in range(9):
        taken.run(taken.step + 1)
        step = next(decay)
        kept = min(0.6, (1 + step) / (10 + step))
        expected.update_parameters(module.model)
    assert 0.6 < 10 / 19 + 0.1  # both halves of the minimum were met
    for mine, torchs in zip(module.net.parameters(), expected.module.parameters(), strict=True):
        torch.testing.assert_close(mine, torchs)
    torch.testing.assert_close(module.net[1].running_var, expected.module[1].running_var)
    assert module.net is module.average
    assert int(module.net[1].num_batches_tracked) == 9 + 1  # one of the constructor


def test_a_careful_start_ends_below_80_percent(few, monkeypatch) -> None:
    """He et al.: a tenth of the rate; looked at every third step here, on the steps between."""
    monkeypatch.setattr(steps, "CHECKED", 3)
    recipe = replace(SMALL, batch_size=10, schedule="constant", warmup_steps=0, learning_rate=0.5)
    taken = stepper(Net(), loader(*few, recipe), recipe, 20, careful=True)
    assert taken.rate == pytest.approx(0.05)

    def look(*wrongs: int) -> float:
        for wrong in wrongs:
            taken._at += 1
            taken._look(torch.tensor(wrong), 10)
        taken._set_rates()
        return taken.rate

    assert look(9, 9, 9) == pytest.approx(0.05)
    assert look(8, 8, 8) == pytest.approx(0.05)  # 80 % are not below 80 %
    assert look(0, 9) == pytest.approx(0.05)  # not yet time
    state = copy.deepcopy(taken.state_dict())
    assert look(9) == pytest.approx(0.5)  # 60 %
    assert look(10, 10, 10) == pytest.approx(0.5)  # it does not come back
    resumed = stepper(Net(), loader(*few, recipe), recipe, 20, careful=True, step=8)
    resumed.load_state_dict(state)
    assert resumed.rate == pytest.approx(0.05)
    resumed._at += 1
    resumed._look(torch.tensor(9), 10)
    resumed._set_rates()
    assert resumed.rate == pytest.approx(0.5)


class Waits(TorchDispatchMode):
    """Counts the copies between the CPU and meta; whatever else waits raises there by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tensors = [each for each in (*args, out) if isinstance(each, torch.Tensor)]
        if {each.device.type for each in tensors} == {"cpu", "meta"}:
            self.copies[str(func)] += 1
        return out


@pytest.fixture
def as_cuda(monkeypatch):
    """Let meta pass for CUDA; its fused optimizers, which have no kernel there, do nothing."""
    monkeypatch.setattr(device, "is_cuda", lambda where: where.type in ("cuda", "meta"))
    monkeypatch.setattr(device, "autocast", lambda recipe, where: nullcontext())
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(steps, "_BUDGET", 60.0)
    optim = sys.modules["torch.optim.optimizer"]
    monkeypatch.setattr(optim, "_get_fused_kernels_supported_devices", lambda: ["cuda", "meta"])
    library = torch.library.Library("aten", "IMPL", "Meta")
    for name in ("_fused_sgd_", "_fused_adam_", "_fused_adamw_"):
        library.impl(f"{name}.tensor_lr", lambda *args, **kwargs: None)
    yield
    library._destroy()


def on_meta(recipe: Any, **how: Any) -> Stepper:
    pixels = torch.zeros(300, 3, 32, 32, dtype=torch.uint8, device="meta")
    labels = torch.zeros(300, dtype=torch.int64, device="meta")
    with torch.device("meta"):
        net = zoo.build("resnet20")
    normalizer = Normalizer.__new__(Normalizer)  # of a set: bincount has no kernel on meta
    normalizer.center = recipe.center
    shape = (1, 3, 32, 32) if recipe.center == "pixel" else (1, 3, 1, 1)
    normalizer.mean = normalizer.spread = torch.zeros(shape, device="meta")
    made = ResidentLoader(pixels, labels, normalizer, batch_size=recipe.batch_size,
                          augment=Augment(recipe.pad, recipe.flip, recipe.cutout))  # fmt: skip
    taken = stepper(net, made, recipe, 40, **how)
    taken.uncaptured = "meta has no graphs"
    return taken


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("careful", [False, True])
def test_no_step_makes_the_host_wait(as_cuda, name, careful) -> None:
    recipe = replace(RECIPES[name], batch_size=100)  # three steps an epoch
    taken = on_meta(recipe, careful=careful)
    assert all(isinstance(group["lr"], torch.Tensor) for group in taken.optimizer.param_groups)
    taken.run(1)
    with Waits() as waits:
        taken.run(3)
    assert not waits.copies
    with Waits() as waits:
        taken.run(12)
    # An epoch's draws, at once: from pinned memory, beside the host.
    assert waits.copies == {"aten._to_copy.default": 3}


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_no_optimizer_makes_the_host_wait(as_cuda, optimizer) -> None:
    taken = on_meta(replace(RECIPES["fast"], batch_size=100, optimizer=optimizer))
    taken.run(1)
    with Waits() as waits:
        taken.run(3)
    assert not waits.copies


def test_a_wait_would_be_noticed(as_cuda) -> None:
    taken = on_meta(replace(RECIPES["fast"], batch_size=100))
    taken.run(1)
    with pytest.raises(RuntimeError, match="meta"):
        _ = taken.rate  # which a person asks for, and which waits
    with Waits() as waits:
        torch.tensor(3).to("meta")
    assert waits.copies
    taken.loader.labels = torch.zeros(300, dtype=torch.int64)
    with pytest.raises((RuntimeError, NotImplementedError), match=r"meta|device"):
        taken.run(3)


class Graph:
    """Stands for a CUDA graph: what is captured is not run, and a replay runs it."""

    taken: Stepper
    made = 0

    def replay(self) -> None:
        type(self.taken)._advance(self.taken, self.size)


@pytest.fixture
def graphs(monkeypatch):
    """Capture as CUDA does, on a CPU."""

    @contextmanager
    def capture(graph: Graph, stream: Any, capture_error_mode: str):
        graph.taken._advance = lambda size: setattr(graph, "size", size)
        yield
        del graph.taken._advance
        Graph.made += 1

    Graph.made = 0
    monkeypatch.setattr(steps, "_BUDGET", 60.0)  # no clock ends a stretch
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: None)
    return Graph


def weights_after(few, total: int, *, captured: bool, **how: Any) -> dict[str, torch.Tensor]:
    recipe = replace(SMALL, batch_size=4, steps=total)
    taken = stepper(Net(), loader(*few, recipe), recipe, total, **how)
    if captured:
        taken.uncaptured, Graph.taken = "", taken
    while taken.step < total:
        taken.run(total)
    assert float(taken.sums[2]) == total
    return taken.module.model.state_dict()


@pytest.mark.parametrize("total", [3, 4, 30])
def test_captured_steps_are_the_uncaptured_ones(few, graphs, total) -> None:
    """Five batches of four and one of two an epoch: a graph for each size, after three steps."""
    plain = weights_after(few, total, captured=False)
    assert graphs.made == 0
    replayed = weights_after(few, total, captured=True)
    assert graphs.made == {3: 0, 4: 1, 30: 2}[total]
    for name, value in plain.items():
        assert torch.equal(value, replayed[name]), name


def test_other_frozen_parts_are_captured_anew(few, graphs) -> None:
    class Parts(Net):
        def __init__(self) -> None:
            super().__init__()
            self.insert(1, nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)))

    recipe = replace(SMALL, batch_size=4)
    taken = stepper(Parts(), loader(*few, recipe), recipe, 30, freeze=Freeze(("stages",), until=11))
    taken.uncaptured, Graph.taken = "", taken
    taken.run(30)
    assert (taken.step, graphs.made) == (11, 1)
    while taken.step < 30:
        taken.run(30)
    assert graphs.made == 3
    assert all(weight.requires_grad for weight in taken.module.model.parameters())


def test_what_cannot_be_captured_trains_uncaptured(few, graphs, monkeypatch) -> None:
    plain = weights_after(few, 8, captured=False)

    @contextmanager
    def refuse(*args: Any, **kwargs: Any):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")
        yield

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    with pytest.warns(UserWarning, match="The steps are not captured: operation not permitted"):
        replayed = weights_after(few, 8, captured=True)
    assert all(torch.equal(value, replayed[name]) for name, value in plain.items())
