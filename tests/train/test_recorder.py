"""What is recorded between steps: rows, and how far the run is."""

import pytest
import torch

from archlab.runs import record
from archlab.train import recorder, steps
from archlab.train.run import execute


def test_the_last_row_is_of_all_training_images(planned, images) -> None:
    folder = planned("run")
    outcome = execute(folder, images=images)
    rows = record.read_metrics(folder)
    assert [row.images for row in rows] == [40, 40, 80]
    assert outcome.train_error == rows[-1].train_error
    assert (outcome.train_error * 80 / 100) % 1 == pytest.approx(0, abs=1e-9)


def test_a_sample_of_sorted_images_holds_every_class() -> None:
    """A folder's images come class by class: the first 10 of these 100 would be of one class."""
    labels = torch.arange(100) // 50
    images, chosen = recorder.sample(torch.arange(100), labels, 10)
    assert chosen.bincount().tolist() == [5, 5]
    assert torch.equal(labels[images], chosen)
    lengths = [len(recorder.sample(labels, labels, most)[1]) for most in (100, 999)]
    assert lengths == [100, 100]


def test_progress_counts_steps(planned, images, monkeypatch) -> None:
    monkeypatch.setattr(recorder, "_TICK", 0.0)
    monkeypatch.setattr(steps, "_BUDGET", 0.0)
    calls: list[tuple[float, float, str]] = []
    execute(planned("run", steps=1200, eval_every=2000, checkpoint_every=2000), images=images,
            stop=lambda: len(calls) == 3, progress=lambda *call: calls.append(call))  # fmt: skip
    assert calls[:3] == [(step, 1200, f"step {step} of 1,200") for step in (1, 2, 3)]
