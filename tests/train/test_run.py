"""A run that stops and goes on ends with the weights of one that never stopped: max |dW| = 0."""

import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import pytorch_lightning as pl
import torch

from archlab import files
from archlab.errors import OptionError, RunError, WriteError
from archlab.lock import locked
from archlab.runs import record
from archlab.train import checkpoint, recorder, steps
from archlab.train.data import ImageData
from archlab.train.run import checked, execute
from archlab.train.steps import Stepper

NETS = '''
import random

import numpy
import torch
from torch import nn

class Dropping(nn.Sequential):
    """Draws from torch's global random stream in every step."""

    def __init__(self, num_classes=10):
        super().__init__(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(0.5),
                         nn.Linear(64, num_classes))

class Chancy(nn.Sequential):
    """Draws from the global streams of Python and NumPy in every step."""

    def __init__(self, num_classes=10):
        super().__init__(nn.Flatten(), nn.Linear(256, num_classes))

    def forward(self, x):
        return super().forward(x * (random.random() + numpy.random.normal()))

class Blind(nn.Sequential):
    """Its scores are NaN in eval mode alone, and not before it has been trained."""

    def __init__(self, num_classes=10):
        super().__init__(nn.Flatten(), nn.Linear(256, num_classes))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x):
        self.steps += self.training
        lost = torch.where(self.steps > 5, torch.nan, 1.0)
        return super().forward(x) * (1.0 if self.training else lost)

class Exploding(nn.Sequential):
    def __init__(self, num_classes=10):
        super().__init__(nn.Flatten(), nn.Linear(256, num_classes))

    def forward(self, x):
        return super().forward(x) * float("nan")
'''


class Killed(Exception):
    """Stands for a kill at a step: nothing is saved after it."""


class Kill(pl.Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise Killed


def resumed(folder: Path, images, *steps: int, trusted: str | None = None) -> None:
    """Train with a kill before each of the steps, and then to the end."""
    for step in steps:
        with pytest.raises(Killed):
            execute(folder, images=images, trusted=trusted, extra=[Kill(step)])
    assert execute(folder, images=images, trusted=trusted).status == "done"


def without_layout(folder: Path) -> None:
    """Take the layout out of a run's records, as runs have none that were made without a choice."""
    plan = files.read_json(folder / record.PLAN)
    assert plan["options"].pop("layout") == "cifar"
    files.write_json(folder / record.PLAN, plan)
    content = torch.load(folder / record.CHECKPOINT, weights_only=False)
    assert content["archlab"]["options"].pop("layout") == "cifar"
    torch.save(content, folder / record.CHECKPOINT)


def test_a_run_without_a_layout_in_its_records_goes_on(planned, images, largest_difference) -> None:
    whole, old = (planned(name, model="plain18", steps=3) for name in ("whole", "old"))
    resumed(whole, images)
    with pytest.raises(Killed):
        execute(old, images=images, extra=[Kill(2)])
    without_layout(old)
    assert execute(old, images=images).status == "done"
    assert largest_difference(whole, old) == 0.0
    net = checkpoint.load_model(old)
    assert (net.input_shape, net.conv1.kernel_size) == ((3, 32, 32), (3, 3))
    assert record.read_plan(old).id == record.read_plan(whole).id


@pytest.fixture
def nets(tmp_path: Path) -> str:
    (tmp_path / "nets.py").write_text(NETS)
    return str(tmp_path / "nets.py")


# Five steps are an epoch: inside one, on its last step, on its first; with lost steps, and twice.
@pytest.mark.parametrize(
    ("every", "kills"), [(1, (3,)), (1, (5,)), (1, (6,)), (1, (10, 11)), (3, (8,)), (5, (7, 11))]
)
@pytest.mark.parametrize("way", ["step by step", "in stretches"])
def test_a_resumed_run_has_the_same_weights(
    planned, images, every, kills, way, monkeypatch, largest_difference
) -> None:
    straight, broken = planned("straight"), planned("broken", checkpoint_every=every)
    execute(straight, images=images)
    if way == "step by step":
        resumed(broken, images, *kills)
    else:
        go = Stepper._go
        for kill in kills:

            def die(self: Stepper, size: int, at: int = kill) -> None:
                if self.step == at:
                    raise Killed
                go(self, size)

            monkeypatch.setattr(Stepper, "_go", die)
            with pytest.raises(Killed):
                execute(broken, images=images)
            monkeypatch.setattr(Stepper, "_go", go)
        assert execute(broken, images=images).status == "done"
    assert largest_difference(straight, broken) == 0.0
    rows = [
        [replace(row, seconds=0.0) for row in record.read_metrics(folder)]
        for folder in (straight, broken)
    ]
    assert rows[0] == rows[1]
    assert [row.step for row in rows[0]] == [4, 8, 12]


def test_a_run_that_an_earlier_version_began_goes_on(planned, images, largest_difference) -> None:
    """It kept what a stepper adds up among the weights and with the recorder."""
    whole, old = planned("whole"), planned("old")
    execute(whole, images=images)
    with pytest.raises(Killed):
        execute(old, images=images, extra=[Kill(7)])
    content = torch.load(old / record.CHECKPOINT, weights_only=True)
    steps = content.pop("steps")
    (recorded,) = (state for name, state in content["callbacks"].items() if "Recorder" in name)
    recorded["sums"] = torch.cat([steps["sums"], torch.zeros(1, dtype=torch.float64)])
    content["state_dict"] |= {"released": steps["released"], "seen": steps["seen"].float()}
    torch.save(content, old / record.CHECKPOINT)
    assert execute(old, images=images).status == "done"
    assert largest_difference(whole, old) == 0.0
    rows = [record.read_metrics(folder) for folder in (whole, old)]
    assert [row.running_error for row in rows[0]] == [row.running_error for row in rows[1]]


@pytest.mark.parametrize("name", ["Dropping", "Chancy"])
def test_random_streams_go_on_where_they_were(
    planned, images, nets, largest_difference, name
) -> None:
    straight = planned("straight", model=f"{nets}:{name}")
    broken = planned("broken", model=f"{nets}:{name}")
    execute(straight, images=images, trusted=f"{nets}:{name}")
    random.random()
    numpy.random.normal()  # noqa: NPY002  the global stream, which other code draws from, too
    before = random.getstate(), numpy.random.get_state()[2]  # noqa: NPY002
    resumed(broken, images, 7, trusted=f"{nets}:{name}")
    assert largest_difference(straight, broken) == 0.0
    assert (random.getstate(), numpy.random.get_state()[2]) == before  # noqa: NPY002


def test_a_net_that_is_nan_in_eval_mode_alone_has_failed(planned, images, nets) -> None:
    folder = planned("run", model=f"{nets}:Blind")
    outcome = execute(folder, images=images, trusted=f"{nets}:Blind")
    assert outcome.status == "failed"
    assert "in eval mode the loss on the test images is not finite" in outcome.why


def test_a_damaged_progress_file_stops_nobody(planned, images) -> None:
    folder = planned("run")
    (folder / record.PROGRESS).write_text("")
    assert record.read_progress(folder) == (0, 0)
    assert execute(folder, images=images).status == "done"


def test_a_loader_that_forgets_its_place_is_noticed(
    planned, images, monkeypatch, largest_difference
) -> None:
    straight, broken = planned("straight"), planned("broken")
    execute(straight, images=images)
    begin_at = ImageData.begin_at
    monkeypatch.setattr(ImageData, "begin_at", lambda self, step: begin_at(self, 0))
    with pytest.raises(Killed):
        execute(broken, images=images, extra=[Kill(7)])
    execute(broken, images=images, extra=[pl.Callback()])
    assert largest_difference(straight, broken) > 1e-5


def test_the_same_seed_trains_the_same_net_and_another_does_not(
    planned, images, largest_difference
) -> None:
    one, two, other = planned("one"), planned("two"), planned("other", seed=2)
    for folder in (one, two, other):
        execute(folder, images=images)
    assert largest_difference(one, two) == 0.0
    assert largest_difference(one, other) > 0.0


def test_epochs_count_every_image_once(planned, images, weights) -> None:
    folder = planned("run", steps=None, epochs=2.0)
    assert execute(folder, images=images).step == 10
    assert record.read_metrics(folder)[-1].epoch == 2.0
    assert weights(folder)["model.bn1.num_batches_tracked"] == 10


def test_a_run_that_is_over_is_not_trained_again(planned, images) -> None:
    folder = planned("run")
    first = execute(folder, images=images)
    saved = (folder / record.CHECKPOINT).stat().st_mtime_ns
    assert execute(folder, images=images) == first
    assert (folder / record.CHECKPOINT).stat().st_mtime_ns == saved


def test_a_stop_saves_and_the_run_goes_on(planned, images, monkeypatch, largest_difference) -> None:
    monkeypatch.setattr(recorder, "_TICK", 0.0)
    monkeypatch.setattr(steps, "_BUDGET", 0.0)
    straight, stopped = planned("straight"), planned("stopped", checkpoint_every=100)
    execute(straight, images=images)
    answers = iter([False, False, True])
    outcome = execute(stopped, images=images, stop=lambda: next(answers))
    assert (outcome.status, outcome.step, outcome.total) == ("interrupted", 3, 12)
    assert execute(stopped, images=images).status == "done"
    assert largest_difference(straight, stopped) == 0.0


def test_a_loss_that_becomes_nan_marks_the_run_as_failed(planned, images, nets) -> None:
    folder = planned("run", model=f"{nets}:Exploding")
    net = f"{nets}:Exploding"
    outcome = execute(folder, images=images, trusted=net)
    assert outcome.status == "failed"
    assert "not finite (NaN or infinite) at or before step 1" in outcome.why
    assert execute(folder, images=images, trusted=net) == outcome
    assert not (folder / record.CHECKPOINT).exists()


def test_a_full_disk_keeps_the_checkpoint_before(
    planned, images, monkeypatch, largest_difference
) -> None:
    straight, full = planned("straight"), planned("full")
    execute(straight, images=images)
    with pytest.raises(Killed):
        execute(full, images=images, extra=[Kill(5)])

    def no_space(self: pl.Trainer, path: Path, *_: Any) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed")

    with monkeypatch.context() as patch:
        patch.setattr(pl.Trainer, "save_checkpoint", no_space)
        with pytest.raises(WriteError, match="Is the disk full"):
            execute(full, images=images)
    assert {path.name for path in full.iterdir()} == {
        ".lock", "run.json", "metrics.csv", "last.ckpt", "progress.json",
    }  # fmt: skip
    assert execute(full, images=images).status == "done"
    assert largest_difference(straight, full) == 0.0


DYING = """
import os, sys
from pathlib import Path
from archlab.data.sets import load_images
from archlab.train import recorder
from archlab.train.run import execute

folder, name, source = sys.argv[1:]
rename, writes = Path.replace, []

def die(self, target):
    writes.extend([target] if target.name == name else [])
    if len(writes) == 2:
        os.kill(os.getpid(), 9)
    return rename(self, target)

Path.replace, recorder._TICK = die, 0.0
execute(Path(folder), images=load_images(source))
"""


@pytest.mark.parametrize("name", [record.PROGRESS, record.CHECKPOINT, record.METRICS])
def test_a_run_that_is_killed_while_it_writes_leaves_nothing_behind(
    planned, images, source, largest_difference, name
) -> None:
    """SIGKILL comes after the second file of that name is written, before it is renamed."""
    straight, broken = planned("straight"), planned("broken")
    execute(straight, images=images)
    # Not a fork of this process: what other tests have started in it may not survive one.
    command = [sys.executable, "-c", DYING, str(broken), name, source]
    died = subprocess.run(command, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert len(list(broken.glob(f".{name}.*"))) == 1
    assert execute(broken, images=images).status == "done"
    assert {path.name for path in broken.iterdir()} == {path.name for path in straight.iterdir()}
    assert largest_difference(straight, broken) == 0.0


def test_two_processes_do_not_share_a_run(planned, images) -> None:
    folder = planned("run")
    with locked(folder), pytest.raises(RunError, match="is in use by another archlab"):
        execute(folder, images=images)


def test_other_images_are_refused(planned, images) -> None:
    folder = planned("run")
    other = replace(images, train_labels=images.train_labels[::-1].copy())
    with pytest.raises(RunError, match="not those that this run was planned with"):
        execute(folder, images=other)


def test_training_leaves_the_random_stream_alone(planned, images) -> None:
    before = torch.get_rng_state()
    execute(planned("run", steps=2), images=images)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (pl.callbacks.LearningRateFinder(), "needs a trainer of your own"),
        ([pl.callbacks.EarlyStopping("test_error")], "needs a trainer of your own"),
        (["print"], "str is no callback"),
        (pl.callbacks.Timer, "type is no callback"),
    ],
)
def test_callbacks_that_cannot_work_are_refused(callbacks, message) -> None:
    with pytest.raises(OptionError, match=message):
        checked(callbacks)


def test_one_callback_needs_no_list() -> None:
    callback = pl.Callback()
    assert checked(callback) == [callback]
