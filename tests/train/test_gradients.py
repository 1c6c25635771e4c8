"""Gradient profiles in a run: what is written, that nothing changes, and how they are drawn."""

import pytest
import torch

from archlab.api.training.curves import gradient_heat
from archlab.errors import OptionError, RunError
from archlab.runs.record import GRADIENTS
from archlab.train.gradients import GradientProfiles, read_gradients
from archlab.train.run import execute


def test_profiles_change_no_weight(planned, images, largest_difference) -> None:
    without, watched = (planned(name, checkpoint_every=99) for name in ("without", "watched"))
    execute(without, images=images)
    execute(watched, images=images, extra=[GradientProfiles(watched, 5)])
    assert largest_difference(without, watched) == 0.0
    rows = read_gradients(watched)
    assert sorted({row.step for row in rows}) == [1, 5, 10]
    # What the first block receives, and the three units of an 8-layer net.
    assert [row.block for row in rows if row.step == 5] == [0, 1, 2, 3]
    assert [row.path for row in rows if row.step == 5][1:] == ["layer1.0", "layer2.0", "layer3.0"]


def test_a_profile_is_what_autograd_says(planned, images) -> None:
    """The last block of the last step, by torch.autograd on the checkpoint's net."""
    from archlab.runs.record import read_plan
    from archlab.train import checkpoint
    from archlab.train.data import ImageData

    folder = planned("run")
    execute(folder, images=images, extra=[GradientProfiles(folder, 12)])
    net = checkpoint.load_model(folder).train()
    plan = read_plan(folder)
    loader = ImageData(images, plan.recipe, seed=plan.seed).train_dataloader()
    pixels, labels = loader.batch(2, 1)  # five steps an epoch: step 12 is the second of the third
    seen = {}
    hook = net.layer3[0].register_forward_hook(lambda _, __, out: seen.update(out=out))
    loss = torch.nn.functional.cross_entropy(net(pixels), labels)
    hook.remove()
    (gradient,) = torch.autograd.grad(loss, seen["out"])
    (row,) = [row for row in read_gradients(folder) if (row.step, row.path) == (12, "layer3.0")]
    assert row.activation_grad == pytest.approx(float(gradient.double().norm()), rel=1e-4)


def test_the_heat_is_drawn(planned, images) -> None:
    folder = planned("run")
    execute(folder, images=images, extra=[GradientProfiles(folder, 4)])
    text = gradient_heat(folder).svg
    assert "Gradients by depth: resnet8" in text
    assert "layer3.0" in text
    assert gradient_heat(folder).svg == text
    with pytest.raises(OptionError, match="svg, png, pdf"):
        gradient_heat(folder).data("gif")


def test_a_run_without_profiles(planned) -> None:
    folder = planned("run")
    with pytest.raises(RunError, match="train with gradients N"):
        read_gradients(folder)
    (folder / GRADIENTS).write_text("step,block\n1,x\n")
    with pytest.raises(RunError, match="is damaged"):
        read_gradients(folder)
