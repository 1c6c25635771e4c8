"""How large a batch fits: counted by hand, and said where one did not fit."""

import pytest
import torch

from archlab.errors import NoMemoryError
from archlab.runs import record
from archlab.train import fits, run
from archlab.train.run import execute


def test_what_fits_is_counted_by_hand() -> None:
    """One convolution keeps its input, batch norm its input and statistics, ReLU its output."""
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
        torch.nn.Flatten(), torch.nn.Linear(8 * 16, 10),
    ).to("meta")  # fmt: skip
    image, maps = 3 * 16, 8 * 16
    # The linear layer's input is the ReLU's output; the loss keeps log-probabilities and labels,
    # and the weight of their mean.
    counts = [fits.saved(net, (n, 3, 4, 4)) for n in (2, 4)]
    per_image = 4 * (image + 2 * maps + 10) + 8
    assert counts[1] - counts[0] == 2 * per_image


def test_a_card_that_is_too_small_is_told_what_fits(planned, images, monkeypatch) -> None:
    folder = planned("run", batch_size=4096, model="resnet20")
    plan = record.read_plan(folder)
    monkeypatch.setattr(run.device, "free_memory", lambda: 2**28)
    monkeypatch.setattr(run.device, "hardware", lambda: "a small card")

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(run, "_fit", full)
    with pytest.raises(NoMemoryError) as caught:
        execute(folder, images=images)
    fitting = fits.largest_batch(plan, images, 2**28)
    assert str(caught.value) == (
        "resnet20 with batches of 4096 does not fit on a small card (256.00 MiB free). About "
        f"{fitting} images a batch do: batch_size={fitting}."
    )
    assert 16 <= fitting < 4096
    monkeypatch.setattr(run.device, "free_memory", lambda: 2**12)
    with pytest.raises(NoMemoryError, match="another program may use the card"):
        execute(folder, images=images)
