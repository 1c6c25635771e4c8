"""How long training takes here: measured on real steps, which leave nothing behind."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
from torch import nn

from archlab.files import write_json
from archlab.runs import record
from archlab.runs.recipe import RECIPES
from archlab.train import cost, device, run
from archlab.train.build import build
from archlab.train.degradation import Sweep

SECONDS_AN_IMAGE = 0.001


class Waiting(nn.Module):
    """A net whose time is known: on its clock an image takes so long, and all else no time."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(256, 10)
        self.sizes: list[int] = []

    def forward(self, images):
        self.sizes.append(len(images))
        return self.fc(images.flatten(1))

    def perf_counter(self) -> float:
        return sum(self.sizes) * SECONDS_AN_IMAGE


@pytest.mark.parametrize(("batch", "largest"), [(1000, 128), (8, 8), (1, 1)])
def test_a_step_takes_the_time_of_its_whole_batch(monkeypatch, batch, largest) -> None:
    """On a CPU of as many images as there is time for; all of it within two seconds."""
    net = Waiting()
    monkeypatch.setattr(cost, "time", net)
    recipe = replace(RECIPES["demo"], batch_size=batch)
    seconds = cost.seconds_a_step(net, recipe, (1, 16, 16), 10)
    assert seconds == pytest.approx(batch * SECONDS_AN_IMAGE)
    assert max(net.sizes) == net.sizes[-1] <= largest
    assert net.perf_counter() < 2


def test_costs_that_do_not_grow_with_the_images_are_counted_once(monkeypatch) -> None:
    class Heavy(Waiting):
        def perf_counter(self) -> float:
            return super().perf_counter() + 0.05 * len(self.sizes)

    net = Heavy()
    monkeypatch.setattr(cost, "time", net)
    seconds = cost.seconds_a_step(net, replace(RECIPES["demo"], batch_size=1000), (1, 16, 16), 10)
    assert seconds == pytest.approx(0.05 + 1000 * SECONDS_AN_IMAGE)
    assert max(net.sizes) < 1000


def test_a_net_that_is_very_slow_is_measured_on_two_images(monkeypatch) -> None:
    monkeypatch.setitem(globals(), "SECONDS_AN_IMAGE", 2.0)
    net = Waiting()
    monkeypatch.setattr(cost, "time", net)
    assert cost.seconds_a_step(net, RECIPES["demo"], (1, 16, 16), 10) == pytest.approx(64)
    assert net.sizes == [2]


def test_a_step_is_forward_backward_and_optimizer_as_the_recipe_says(monkeypatch) -> None:
    seen: list[tuple[torch.dtype, bool]] = []
    stepped: list[str] = []
    net = build("resnet8", {}, seed=1)
    net.conv1.register_forward_hook(
        lambda _module, images, output: seen.append(
            (output.dtype, images[0].is_contiguous(memory_format=torch.channels_last))
        )
    )
    made = device.optimizer

    def optimizer(recipe, groups):
        optimizer = made(recipe, groups)
        optimizer.register_step_post_hook(lambda kind, *_: stepped.append(type(kind).__name__))
        return optimizer

    monkeypatch.setattr(device, "optimizer", optimizer)
    before = net.conv1.weight.detach().clone()
    cost.seconds_a_step(net, replace(RECIPES["fast"], optimizer="adam"), (3, 32, 32), 10)
    assert set(seen) == {(torch.bfloat16, True)}
    assert len(stepped) == len(seen)
    assert set(stepped) == {"Adam"}
    assert not torch.equal(before, net.conv1.weight)
    assert all(weight.grad is None for weight in net.parameters())


@pytest.mark.parametrize("name", ["demo", "lesson"])
def test_measuring_leaves_streams_and_switches_as_they_were(name) -> None:
    def switches():
        return (
            torch.backends.cudnn.benchmark,
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
        )

    net = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(256, 10))
    torch.manual_seed(3)
    state, before = torch.get_rng_state(), switches()
    with cost.one_thread():
        cost.seconds_a_step(net, RECIPES[name], (1, 16, 16), 10)
    assert torch.equal(torch.get_rng_state(), state)
    assert switches() == before


def test_what_a_step_needs_is_gone_before_memory_is_given_back(monkeypatch) -> None:
    """Optimizer, images and gradients, without a collection: then an empty cache is empty."""

    class Watched(Waiting):
        def to(self, *place):
            alive.append([each() is not None for each in made])
            return super().to(*place)

    made: list[weakref.ref[object]] = []
    alive: list[list[bool]] = []
    make = device.optimizer

    def optimizer(*arguments):
        result = make(*arguments)
        made.append(weakref.ref(result))
        return result

    monkeypatch.setattr(device, "optimizer", optimizer)
    gc.disable()
    try:
        cost.seconds_a_step(Watched(), replace(RECIPES["demo"], batch_size=2), (1, 16, 16), 10)
    finally:
        gc.enable()
    assert alive == [[], [False]]


def test_drawing_a_new_head_leaves_the_stream_as_it_was(planned, images, monkeypatch) -> None:
    """A fine-tuned net gets one each time it is built."""
    made = run.classifier

    def drawing(plan, total):
        torch.rand(3)
        return made(plan, total)

    monkeypatch.setattr(run, "classifier", drawing)
    folder = planned("run")
    state = torch.get_rng_state()
    cost.sweep_seconds({folder: record.read_plan(folder)}, images)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["paper", "fast", "lesson"])
def test_a_gpu_is_left_as_it_was(name) -> None:
    """Memory, random streams and switches; and a strict run can still begin."""
    torch.cuda.init()
    cuda = torch.backends.cudnn.benchmark, torch.cuda.get_rng_state(), torch.cuda.memory_reserved()
    seconds = cost.seconds_a_step(build("resnet20", {}, 1), RECIPES[name], (3, 32, 32), 10)
    assert 0 < seconds < 1
    assert torch.backends.cudnn.benchmark == cuda[0]
    assert torch.equal(torch.cuda.get_rng_state(), cuda[1])
    assert torch.cuda.memory_reserved() <= cuda[2]


def test_steps_of_a_run_by_hand() -> None:
    # 64,000 steps; 63 times 10,000 + 10,000 images and once 60,000, each a third of its cost in a
    # step, in batches of 128.
    expected = 64_000 + (63 * 20_000 + 60_000) / 3 / 128
    assert cost.steps_of_run(RECIPES["paper"], 50_000, 10_000) == pytest.approx(expected)
    # The demo on 2,000 + 2,000 images: 20 epochs of 63 steps, measured every 126.
    expected = 1260 + (9 * 4000 + 4000) / 3 / 32
    assert cost.steps_of_run(RECIPES["demo"], 2000, 2000) == pytest.approx(expected)


def test_a_sweep_counts_what_is_left_of_it(tmp_path, images, monkeypatch) -> None:
    """A second a step of the shallowest net: deeper ones take as many times longer as deeper."""
    recipe = replace(RECIPES["demo"], steps=100, epochs=None, eval_every=1000)
    plans = Sweep(depths=(20, 56), kinds=("plain",), seeds=(1,), recipe=recipe).plans(images)
    runs = {tmp_path / plan.name: plan for plan in plans}
    measured = []

    def second(model, recipe, shape, classes):
        measured.append(sum(weight.dim() == 4 for weight in model.parameters()) + 1)
        return 1.0

    monkeypatch.setattr(cost, "seconds_a_step", second)
    last = (80 + 40) / 3 / 32  # all of the 80 and 40 images, at the end
    assert cost.sweep_seconds(runs, images) == pytest.approx([(100 + last) * 56 / 20, 100 + last])
    assert measured == [20]
    deep, shallow = runs
    record.write_plan(deep, runs[deep])
    (deep / record.CHECKPOINT).touch()
    write_json(deep / record.PROGRESS, {"step": 90, "total": 100})
    record.write_plan(shallow, runs[shallow])
    write_json(shallow / record.DONE, {"status": "done"})
    assert cost.sweep_seconds(runs, images) == pytest.approx([(10 + last) * 56 / 20])


def test_frozen_steps_are_measured_frozen(tmp_path, images, planned, monkeypatch) -> None:
    """A second a step of the whole net, and a tenth of it where the head alone is trained."""

    def seconds(model, recipe, shape, classes):
        return 1.0 if model.conv1.weight.requires_grad else 0.1

    monkeypatch.setattr(cost, "seconds_a_step", seconds)
    freeze = {"frozen": ("stem", "stages"), "until": 4, "shares": dict.fromkeys(
        ("stem", "stages", "head"), 1.0)}  # fmt: skip
    changes = {"steps": 12, "eval_every": 1000, "batch_size": 16}
    folders = [
        planned("tuned", freeze=freeze, **changes),
        planned("probe", freeze={**freeze, "until": None}, **changes),
        planned("scratch", **changes),
    ]
    last = (80 + 40) / 3 / 16
    expected = [0.4 + 8 + last, 1.2 + last, 12 + last]
    runs = {folder: record.read_plan(folder) for folder in folders}
    assert cost.sweep_seconds(runs, images) == pytest.approx(expected)


def test_what_is_told(tmp_path, images, planned, monkeypatch) -> None:
    told: list[str] = []
    folder = planned("run")
    runs = {folder: record.read_plan(folder)}
    for seconds, expected in ((59, []), (7200, ["estimate: about 2.0 hours on CPU, 1 thread"])):
        monkeypatch.setattr(cost, "sweep_seconds", lambda *_, seconds=seconds: [seconds])
        cost.tell(told.append, runs, images)
        assert told == expected
    monkeypatch.setattr(cost, "cores", lambda: 2)
    monkeypatch.setattr(cost, "sweep_seconds", lambda *_: [1200.0] * 12)
    cost.tell(told.append, runs, images, jobs=4)
    assert told[-1] == "estimate: about 2.0 hours on CPU, 1 thread (12 runs, 4 side by side)"


def test_runs_that_share_a_gpu_have_two_bounds(monkeypatch) -> None:
    monkeypatch.setattr(device, "has_cuda", lambda: True)
    monkeypatch.setattr(device, "hardware", lambda: "NVIDIA X")
    text = cost.duration([1200.0] * 12, 4)
    assert text.startswith("60 minutes to 4.0 hours on NVIDIA X (12 runs, 4 side by side; how much")
    assert cost.duration([1200.0], 4) == "about 20 minutes on NVIDIA X"


def test_a_net_that_cannot_be_trained_is_left_to_its_run(images, planned, monkeypatch) -> None:
    def fails(*_):
        raise MemoryError("no room")

    monkeypatch.setattr(cost, "sweep_seconds", fails)
    folder = planned("run")
    cost.tell(pytest.fail, {folder: record.read_plan(folder)}, images)
