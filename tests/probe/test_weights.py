"""Checkpoints of other trainers fit; what does not fit is named."""

from pathlib import Path

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import SpecError
from archlab.probe.weights import load_weights


@pytest.mark.parametrize("prefix", ["", "model.", "module.", "_orig_mod."])
def test_a_prefix_of_a_trainer_is_left_out(tmp_path: Path, prefix: str) -> None:
    saved, net = nn.Linear(3, 2), nn.Linear(3, 2)
    state = {f"{prefix}{name}": value for name, value in saved.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "net.pt")
    load_weights(net, tmp_path / "net.pt")
    assert torch.equal(net.weight, saved.weight)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    checkpoint = tmp_path / "other.pt"
    torch.save(nn.Linear(2, 2).state_dict() | {"extra": torch.ones(1)}, checkpoint)
    message = r"another model\. Keys 1 not in the model: extra; 1 of another shape"
    with pytest.raises(SpecError, match=message) as caught:
        load_weights(nn.Linear(3, 2), checkpoint)
    assert "weight (2x2 for 2x3)" in str(caught.value)


def test_files_that_are_no_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "other.pt"
    with pytest.raises(SpecError, match="There is no checkpoint"):
        load_weights(nn.Linear(3, 2), checkpoint)
    torch.save(nn.Linear(2, 2).state_dict(), checkpoint)
    with pytest.raises(SpecError, match="another model"):
        archlab.effective_receptive_field("resnet20", checkpoint=checkpoint)
    checkpoint.write_text("nothing")
    with pytest.raises(SpecError, match="no checkpoint"):
        archlab.effective_receptive_field("resnet20", checkpoint=checkpoint)


def test_what_a_trainer_keeps_beside_the_weights_is_left_aside(tmp_path) -> None:
    net = nn.Linear(3, 2)
    state = {f"model.{name}": value + 1 for name, value in net.state_dict().items()}
    torch.save({"state_dict": state | {"seen": torch.tensor(7)}}, tmp_path / "last.ckpt")
    expected = net.weight.detach() + 1
    load_weights(net, tmp_path / "last.ckpt")
    assert torch.equal(net.weight, expected)
    with pytest.raises(SpecError, match="belongs to another model"):
        load_weights(nn.Linear(3, 4), tmp_path / "last.ckpt")
