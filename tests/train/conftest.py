"""Small runs on a few of the embedded images, with nets of eight layers and four channels."""

import os
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archlab.data.sets import ImageSet, load_images
from archlab.runs import record
from archlab.runs.recipe import Recipe
from archlab.runs.record import Plan
from archlab.train import run

# 80 images in batches of 16: five steps an epoch.
SMALL = Recipe(
    name="small", steps=12, batch_size=16, learning_rate=0.05, schedule="linear", warmup_steps=2,
    pad=2, flip=True, widths=(4, 4, 4), eval_every=4, eval_images=40, checkpoint_every=1,
)  # fmt: skip


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def images() -> ImageSet:
    whole = load_images("embedded")
    return replace(
        whole, train_images=whole.train_images[::25], train_labels=whole.train_labels[::25],
        test_images=whole.test_images[::50], test_labels=whole.test_labels[::50],
    )  # fmt: skip


@pytest.fixture
def source(tmp_path: Path, images: ImageSet) -> str:
    """The same images as a file, for processes of their own."""
    path = tmp_path / "few.npz"
    np.savez(path, train_images=images.train_images, train_labels=images.train_labels,
             test_images=images.test_images, test_labels=images.test_labels,
             classes=np.array(images.classes))  # fmt: skip
    return str(path)


@pytest.fixture
def killed() -> Callable[[Callable[[], object]], None]:
    """Do some work in a fork of this process, which SIGKILL must end."""

    def fork(work: Callable[[], object]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 warns of threads; the fork only dies
            child = os.fork()
        if not child:
            try:
                work()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL

    return fork


@pytest.fixture
def planned(tmp_path: Path, images: ImageSet) -> Callable[..., Path]:
    """Plan a run in a folder of its own: `planned("name", model="plain8", steps=3)`."""

    def make(name: str, model: str = "resnet8", seed: int = 1, freeze: Any = None,
             init: str = "", options: Any = None, **changes: Any) -> Path:  # fmt: skip
        plan = Plan(
            model=model, options={}, seed=seed, recipe=replace(SMALL, **changes), data="embedded",
            data_dir=".data", data_name="", fingerprint="", freeze=freeze, init=init,
        )  # fmt: skip
        folder = tmp_path / name
        record.write_plan(folder, run.planned(model, options or {}, images, plan))
        return folder

    return make


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    content = torch.load(folder / record.CHECKPOINT, weights_only=False)
    return dict(content["state_dict"])


@pytest.fixture
def weights() -> Callable[[Path], dict[str, torch.Tensor]]:
    """Return the tensors of a run's last checkpoint."""
    return _weights


@pytest.fixture
def largest_difference() -> Callable[[Path, Path], float]:
    """Return max |dW| over all tensors of two runs' checkpoints."""

    def largest(one: Path, other: Path) -> float:
        first, second = _weights(one), _weights(other)
        assert first.keys() == second.keys()
        return max(float((first[key].double() - second[key].double()).abs().max()) for key in first)

    return largest
