"""A recorded run, in stretches and step by step: what Lightning's own loop would train."""

from dataclasses import replace

import pytest
import pytorch_lightning as pl
import torch

from archlab import zoo
from archlab.train.data import ImageData
from archlab.train.module import Classifier
from archlab.train.recorded import STRETCH, RecordedClassifier, Stretches
from archlab.train.run import execute
from tests.train.conftest import SMALL

QUIET = {
    "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
    "enable_model_summary": False, "accelerator": "cpu", "limit_val_batches": 0,
}  # fmt: skip
TINY = {"in_channels": 1, "widths": (4, 4, 4)}


@pytest.mark.filterwarnings("ignore::lightning_fabric.utilities.warnings.PossibleUserWarning")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*")
@pytest.mark.parametrize(
    "changes",
    [{}, {"precision": "bfloat16", "channels_last": True}, {"label_smoothing": 0.1, "cutout": 4},
     {"optimizer": "adamw", "schedule": "one_cycle"}, {"nesterov": True, "batch_size": 12}],
    ids=lambda changes: " ".join(changes) or "as it is",
)  # fmt: skip
def test_a_run_is_what_lightnings_own_loop_trains(planned, images, weights, changes) -> None:
    """Fifty steps by automatic optimization, one batch each: the same weights to the last bit."""
    recipe = replace(SMALL, steps=50, checkpoint_every=50, eval_every=50, **changes)
    folder = planned("run", steps=50, checkpoint_every=50, eval_every=50, **changes)
    execute(folder, images=images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = zoo.build("resnet8", **TINY)
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    module = Classifier(net.to(memory_format=layout), recipe, log=False)
    half = "bf16-mixed" if recipe.precision == "bfloat16" else "32-true"
    trainer = pl.Trainer(max_steps=50, precision=half, **QUIET)
    trainer.fit(module, datamodule=ImageData(images, recipe, seed=1))
    trained = weights(folder)
    for name, value in module.state_dict().items():
        assert torch.equal(trained[name], value), name


class Hooks(pl.Callback):
    """Notes what Lightning calls in each step, and the batches that it is given."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sizes: list[int] = []
        self.losses: list[float] = []

    def on_train_epoch_start(self, *_) -> None:
        self.calls.append("epoch")

    def on_before_zero_grad(self, *_) -> None:
        self.calls.append("zero_grad")

    def on_before_backward(self, *_) -> None:
        self.calls.append("backward")

    def on_before_optimizer_step(self, *_) -> None:
        self.calls.append("step")

    def on_train_batch_end(self, trainer, _module, outputs, batch, _index) -> None:
        self.calls.append(f"end {trainer.global_step}")
        self.sizes.append(len(batch[1]))
        self.losses.append(float(outputs["loss"]))


def test_a_callback_sees_every_step(planned, images, largest_difference) -> None:
    """Five steps an epoch; and the weights are those of a run in stretches."""
    folder, other, hooks = planned("watched"), planned("in stretches"), Hooks()
    execute(folder, images=images, extra=[hooks])
    execute(other, images=images)
    assert largest_difference(folder, other) == 0.0
    expected: list[str] = []
    for step in range(1, 13):
        expected += ["epoch"] * (step in (1, 6, 11))
        expected += ["zero_grad", "backward", "step", f"end {step}"]
    assert hooks.calls == expected
    assert hooks.sizes == [16] * 12
    assert all(loss > 0 for loss in hooks.losses)


def test_a_checkpoint_of_ones_own_is_written_too(planned, images, tmp_path) -> None:
    callback = pl.callbacks.ModelCheckpoint(
        tmp_path / "own", filename="{step}", save_top_k=-1, every_n_train_steps=5
    )
    execute(planned("run"), images=images, extra=[callback])
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == [
        "step=10.ckpt", "step=5.ckpt",
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore::lightning_fabric.utilities.warnings.PossibleUserWarning")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*")
def test_a_rate_that_a_callback_sets_is_that_of_the_step(planned, images, weights) -> None:
    """As with Lightning's own loop, whose schedule sets the rate after each step."""

    class Faster(pl.Callback):
        def on_train_batch_start(self, trainer, *_) -> None:
            if trainer.global_step in (3, 4):
                trainer.optimizers[0].param_groups[0]["lr"] = 0.5

    folder, plain = planned("run"), planned("plain")
    execute(folder, images=images, extra=[Faster()])
    execute(plain, images=images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = Classifier(zoo.build("resnet8", **TINY), replace(SMALL, steps=12), log=False)
    trainer = pl.Trainer(max_steps=12, callbacks=[Faster()], **QUIET)
    trainer.fit(module, datamodule=ImageData(images, SMALL, seed=1))
    trained, other = weights(folder), weights(plain)
    for name, value in module.state_dict().items():
        assert torch.equal(trained[name], value), name
    assert not torch.equal(trained["model.conv1.weight"], other["model.conv1.weight"])


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_train_epoch_end"])
def test_a_run_that_a_callback_stops_is_saved_and_goes_on(
    planned, images, hook, largest_difference
) -> None:
    class Stop(pl.Callback):
        def on_train_batch_end(self, trainer, *_) -> None:
            if hook == "on_train_batch_end" and trainer.global_step >= 7:
                trainer.should_stop = True

        def on_train_epoch_end(self, trainer, *_) -> None:
            if hook == "on_train_epoch_end":
                trainer.should_stop = True

    whole, stopped = planned("whole"), planned("stopped")
    execute(whole, images=images)
    outcome = execute(stopped, images=images, extra=[Stop()])
    assert outcome.status == "interrupted"
    assert outcome.step == {"on_train_batch_end": 7, "on_train_epoch_end": 5}[hook]
    assert execute(stopped, images=images).status == "done"
    assert largest_difference(whole, stopped) == 0.0


def test_a_stretch_ends_where_the_host_has_something_to_do() -> None:
    module = RecordedClassifier(zoo.build("resnet8", **TINY), SMALL, total=20)
    module.due = (6, 4)
    ends = [0]
    while ends[-1] < 20:
        ends.append(module._next_due(ends[-1]))
    assert ends == [0, 4, 6, 8, 12, 16, 18, 20]
    module.first_is_due = True
    assert module._next_due(0) == 1
    assert list(Stretches(2)) == [STRETCH, STRETCH]
