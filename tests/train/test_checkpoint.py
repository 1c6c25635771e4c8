"""Checkpoints give the model back, and say clearly why they do not."""

import pytest
import torch

from archlab import zoo
from archlab.errors import RunError
from archlab.runs import record
from archlab.train import checkpoint
from archlab.train.run import execute


@pytest.fixture
def trained(planned, images):
    folder = planned("trained")
    execute(folder, images=images)
    return folder


def test_a_checkpoint_gives_the_model_back(trained, images, weights) -> None:
    net = checkpoint.load_model(trained)
    own = {f"model.{key}": value for key, value in net.state_dict().items()}
    tensors = weights(trained)
    assert all(torch.equal(own[key], tensors[key]) for key in own)


def test_bad_checkpoints(trained, tmp_path) -> None:
    last = trained / record.CHECKPOINT
    for content, expected in (
        (last.read_bytes()[:2000], "truncated"),
        (b"", "truncated"),
        (b"text", "truncated"),
    ):
        (tmp_path / "bad.ckpt").write_bytes(content)
        with pytest.raises(RunError, match=expected):
            checkpoint.read(tmp_path / "bad.ckpt")
    torch.save({"weights": 1}, tmp_path / "other.ckpt")
    with pytest.raises(RunError, match="no state_dict"):
        checkpoint.read(tmp_path / "other.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "silent.ckpt")
    with pytest.raises(RunError, match="Add model with the spec"):
        checkpoint.load_model(tmp_path / "silent.ckpt")
    with pytest.raises(RunError, match="holds weights of resnet8, not of plain14"):
        checkpoint.load_model(last, "plain14")


def test_a_net_named_by_the_user_has_the_layout_of_the_images(tmp_path) -> None:
    small = zoo.build("plain18", layout="cifar")
    path = tmp_path / "own.ckpt"
    torch.save({"state_dict": {f"model.{k}": v for k, v in small.state_dict().items()}}, path)
    assert checkpoint.load_model(path, "plain18", (1, 28, 28)).input_shape == (3, 32, 32)
    with pytest.raises(RunError, match="not of plain18: 3 tensors are missing or of another shape"):
        checkpoint.load_model(path, "plain18", (3, 96, 96))


def test_a_truncated_checkpoint_is_named_when_a_run_goes_on(trained, images) -> None:
    (trained / record.DONE).unlink()
    last = trained / record.CHECKPOINT
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(RunError, match="it is truncated"):
        execute(trained, images=images)
