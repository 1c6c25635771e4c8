"""Fine-tuning: what is frozen follows from the step alone, also after a resume past the release."""

from dataclasses import asdict
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from archlab import zoo
from archlab.errors import OptionError
from archlab.train.finetune import Freeze, freeze, parts
from archlab.train.run import execute


class Killed(Exception):
    pass


class Watch(pl.Callback):
    """Notes which parts want gradients in each step; raises before the step `kill`."""

    def __init__(self, kill: int | None = None) -> None:
        self.kill, self.seen = kill, {}

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.kill:
            raise Killed

    def on_before_zero_grad(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        self.seen[trainer.global_step] = {
            part: all(weight.requires_grad for one in found for weight in one.parameters())
            for part, found in parts(module.model).items()
        }


@pytest.fixture
def trained(planned, images):
    folder = planned("trained")
    execute(folder, images=images)
    return folder


def tuned(planned, name: str, trained, **changes: Any):
    plan = asdict(Freeze(until=4, shares={"stem": 1.0, "stages": 1.0, "head": 1.0}))
    options = {"num_classes": 10, "in_channels": 1, "widths": [4, 4, 4]}
    return planned(name, init=str(trained), freeze=plan, options=options, **changes)


@pytest.mark.parametrize("kill", [3, 4, 5, 7, 10])
def test_a_resume_past_the_release_changes_no_weight(
    planned, images, trained, largest_difference, kill
) -> None:
    straight, broken = (tuned(planned, name, trained) for name in ("straight", "broken"))
    execute(straight, images=images)
    with pytest.raises(Killed):
        execute(broken, images=images, extra=[Watch(kill)])
    watch = Watch()
    execute(broken, images=images, extra=[watch])
    assert largest_difference(straight, broken) == 0.0
    for step, wants in watch.seen.items():
        released = step >= 4
        assert wants == {"stem": released, "stages": released, "head": True}, step


def test_a_freeze_that_is_forgotten_on_resume_is_noticed(
    planned, images, trained, largest_difference, monkeypatch
) -> None:
    """The fault of Lightning's BackboneFinetuning (issue 21901): frozen again after a resume."""
    straight, broken = (tuned(planned, name, trained) for name in ("straight", "broken"))
    execute(straight, images=images)
    with pytest.raises(Killed):
        execute(broken, images=images, extra=[Watch(7)])
    monkeypatch.setattr(Freeze, "is_frozen", lambda self, step: True)
    execute(broken, images=images)
    assert largest_difference(straight, broken) > 1e-5


def test_a_frozen_backbone_keeps_weights_and_statistics(planned, images, trained, weights) -> None:
    before = weights(trained)
    held = tuned(planned, "held", trained, steps=4)  # ends before the release
    execute(held, images=images)
    after = weights(held)
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"model.fc.weight", "model.fc.bias"}
    free = tuned(planned, "free", trained, steps=6)
    execute(free, images=images)
    after = weights(free)
    assert not torch.equal(before["model.conv1.weight"], after["model.conv1.weight"])
    moved = after["model.bn1.num_batches_tracked"] - before["model.bn1.num_batches_tracked"]
    assert moved == 2  # steps 5 and 6


def test_groups_exist_from_the_start_with_their_rates() -> None:
    net = zoo.build("resnet18")
    groups = Freeze().groups(net, 0.5)
    assert [(group["name"], group["lr"]) for group in groups] == [
        ("stem", 0.05), ("stages", 0.05), ("head", 0.5),
    ]  # fmt: skip
    count = sum(weight.numel() for group in groups for weight in group["params"])
    assert count == sum(weight.numel() for weight in net.parameters())


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "resnet20", "plain20"])
def test_parts_of_the_zoo(name) -> None:
    found = parts(zoo.build(name))
    assert all(found.values())
    assert isinstance(found["head"][-1], nn.Linear)


def test_what_cannot_be_frozen_by_name() -> None:
    with pytest.raises(OptionError, match="no stem, stages and head"):
        parts(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))
    with pytest.raises(OptionError, match="is no part"):
        freeze("stem,neck", None)
    assert freeze("none", None).until == 0
    assert freeze("stem", 5) == Freeze(("stem",), 5)


def test_a_net_that_is_frozen_as_a_whole_is_refused() -> None:
    with pytest.raises(OptionError, match="nothing would be trained"):
        freeze("stem,stages,head", None)


def test_nothing_frozen_needs_no_parts() -> None:
    """A net without stem, stages and head is one group at the full rate, and stays trainable."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    plan = freeze("none", None)
    (group,) = plan.groups(net, 0.1)
    assert group["lr"] == 0.1
    assert [id(each) for each in group["params"]] == [id(each) for each in net.parameters()]
    plan.apply(net, 0)
    assert all(each.requires_grad for each in net.parameters())
