"""A scan and a sweep on the cluster leave the files of one machine, also when a node is lost."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from archlab.api.scale.scan import scan
from archlab.data.sets import ImageSet, load_images
from archlab.errors import RunError
from archlab.runs import record
from archlab.runs.recipe import Recipe
from archlab.survey.gather import Way
from archlab.train.degradation import Sweep, run_sweep
from archlab.train.remote import Fan, train_here

pytestmark = pytest.mark.slow
MODELS = ["resnet20", "plain20", "resnet56", "plain56", "resnet110", "resnet18", "resnet50",
          "googlenet", "no_such_model", "plain50", "resnet101"]  # fmt: skip


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{key: value for key, value in line.items() if key != "seconds"}
                for line in csv.DictReader(file)]  # fmt: skip


def test_a_scan_whose_node_is_lost_leaves_the_same_file(cluster, tmp_path) -> None:
    told: list[int] = []

    def report(done: int, of: int, what: str) -> None:
        told.append(done)
        if done == 4:
            cluster.kill_second()

    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    way = Way(engine="ray", address=cluster.address, report=report)
    scan(MODELS, out=there, way=way)
    scan(MODELS, out=here, way=Way(jobs=2))
    assert told == list(range(1, len(MODELS) + 1)), "every model once"
    assert lines(there) == lines(here)
    assert [line["model"] for line in lines(there)] == MODELS
    assert sum(bool(line["error"]) for line in lines(there)) == 1


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> tuple[str, ImageSet]:
    whole = load_images("embedded")
    path = tmp_path_factory.mktemp("images") / "few.npz"
    np.savez(path, train_images=whole.train_images[::25], train_labels=whole.train_labels[::25],
             test_images=whole.test_images[::50], test_labels=whole.test_labels[::50],
             classes=np.array(whole.classes))  # fmt: skip
    return str(path), load_images(str(path))


def test_a_sweep_whose_node_is_lost_leaves_the_same_files(cluster, tmp_path, few) -> None:
    source, images = few
    recipe = Recipe(
        name="tiny", steps=500, batch_size=16, learning_rate=0.05, schedule="linear",
        pad=2, flip=True, widths=(4, 4, 4), eval_every=250, eval_images=40, checkpoint_every=10,
    )  # fmt: skip
    sweep = Sweep(depths=(8, 14), kinds=("residual",), seeds=(1,), recipe=recipe, data=source)
    killed: list[bool] = []

    def kill(progress) -> None:
        saved = list((tmp_path / "there").glob("*/last.ckpt"))
        if len(saved) == 2 and not killed and len(progress.running) == 2:
            killed.append(True)
            cluster.kill_second()

    fan = Fan("ray", cluster.address)
    run_sweep(sweep, images, tmp_path / "there", fan=fan, report=kill)
    run_sweep(sweep, images, tmp_path / "here", jobs=2)
    assert killed
    for plan in sweep.plans(images):
        here, there = tmp_path / "here" / plan.name, tmp_path / "there" / plan.name
        assert lines(here / record.METRICS) == lines(there / record.METRICS)
        assert same_weights(here / record.CHECKPOINT, there / record.CHECKPOINT)
        outcomes = [replace(record.read_outcome(one), seconds=0.0) for one in (here, there)]
        assert outcomes[0] == outcomes[1]
        assert sorted(os.listdir(here)) == sorted(os.listdir(there))
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "there").glob("*/last.ckpt")}
    run_sweep(sweep, images, tmp_path / "there", fan=fan)
    assert times == {path: path.stat().st_mtime_ns for path in times}, "nothing is done twice"


def same_weights(one: Path, other: Path) -> bool:
    first, second = (torch.load(path, weights_only=False)["state_dict"] for path in (one, other))
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def test_a_folder_that_a_node_does_not_see(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="must be a folder that every node of the cluster sees"):
        train_here(str(tmp_path / "elsewhere"))
