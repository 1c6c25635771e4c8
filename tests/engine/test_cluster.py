"""A real cluster of two nodes on loopback: limits, interrupts, GPUs, and the loss of a node.

A scan and a sweep there leave the files of one machine, also when a node is lost.
"""

import csv
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from archlab.api.scale.scan import scan
from archlab.data.sets import ImageSet, load_images
from archlab.engine import Job, Limits, Needs, run
from archlab.engine.cluster import gpus, task
from archlab.errors import OptionError
from archlab.runs import record
from archlab.runs.recipe import Recipe
from archlab.survey.gather import ScanSettings
from archlab.train.degradation import Sweep, run_plans
from archlab.train.remote import Fan, gpu_share
from archlab.train.run import execute

pytestmark = pytest.mark.slow


def notes(folder: Path) -> Counter[str]:
    """Return the lines that jobs have left."""
    path = folder / "notes"
    return Counter(path.read_text().splitlines() if path.exists() else ())


def test_outcomes_and_limits_are_those_of_local(cluster) -> None:
    jobs = [
        Job("fine", "math:hypot", (3, 4)),
        Job("fails", "math:sqrt", (-1,)),
        Job("hangs", "time:sleep", (3600,)),
        Job("crashes", "os:abort"),
        Job("eats", "errands:eat", (300,)),
    ]
    limits = Limits(seconds=5, memory=150 * 2**20, attempts=2)

    def outcomes(engine: str, **options) -> dict:
        ended = run(jobs, engine, limits=limits, **options)
        return {one.key: (one.value, one.reason, one.attempts) for one in ended}

    there = outcomes("ray", address=cluster.address)
    assert there == outcomes("local", side_by_side=2)
    assert there["fine"] == (5.0, "", 1)
    assert there["hangs"][1] == "timeout: no answer within 5 s"
    assert "grew beyond 150.00 MiB" in there["eats"][1]


def test_a_lost_node_costs_nothing_that_was_finished(cluster, tmp_path) -> None:
    """Each node has ended one job and holds another when the second node is lost."""
    keys = [f"job{place}" for place in range(7)]
    jobs = [Job(key, "errands:one_of_many", (str(tmp_path), key)) for key in keys]
    lost: list[str] = []

    def kill() -> None:
        held = [line.split()[-1] for line in notes(tmp_path) if line.startswith("held on second")]
        if held and not lost:
            lost.extend(held)
            cluster.kill_second()
            (tmp_path / "first goes on").touch()

    ended = list(run(jobs, "ray", address=cluster.address, beat=kill))
    assert sorted(outcome.key for outcome in ended) == sorted(keys)
    assert all(outcome.value == f"did {outcome.key}" for outcome in ended), ended
    lines = notes(tmp_path)
    assert len(lost) == 1
    assert {outcome.key for outcome in ended if outcome.attempts > 1} == set(lost)
    assert all(lines[f"end {key}"] == 1 for key in keys), "nothing is done twice"
    assert {key for key in keys if lines[f"begin {key}"] > 1} == set(lost)
    assert lines["ended on second"] == 1


def test_an_interrupt_lets_a_job_without_limits_save(cluster, tmp_path) -> None:
    job = Job("run", "errands:saves_when_interrupted", (str(tmp_path),))

    def stop() -> None:
        if (tmp_path / "began").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run([job], "ray", address=cluster.address, beat=stop))
    assert (tmp_path / "saved").exists()


def test_a_job_of_a_cluster_that_was_started_in_the_background_can_be_interrupted() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does with `ray start &`
    try:
        outcome = task(Job("a", "signal:getsignal", (signal.SIGINT,)), Limits())
    finally:
        signal.signal(signal.SIGINT, before)
    assert outcome.value is signal.default_int_handler


DDP = """
import warnings
warnings.simplefilter("ignore")
import pytorch_lightning as pl
from pytorch_lightning.demos.boring_classes import BoringModel
trainer = pl.Trainer(max_steps=2, accelerator="cpu", devices=2, strategy="ddp", logger=False,
                     limit_val_batches=0, enable_checkpointing=False, enable_progress_bar=False,
                     enable_model_summary=False)
trainer.fit(BoringModel())
print(f"rank {trainer.global_rank} of {trainer.world_size}, step {trainer.global_step}", flush=True)
"""


def test_a_job_that_trains_by_ddp(cluster, tmp_path) -> None:
    """Two gloo ranks in one job of one node; on GPUs the same program, with devices="auto"."""
    (tmp_path / "train.py").write_text(DDP)
    job = Job("ddp", "archlab.engine.script:run_script", (["train.py"], str(tmp_path)))
    (outcome,) = run([job], "ray", address=cluster.address)
    assert not outcome.reason
    assert outcome.value in ("rank 0 of 2, step 2", "rank 1 of 2, step 2")


def test_jobs_share_a_gpu_by_fractions(cluster, tmp_path) -> None:
    """Two halves run at a time, and see just that GPU; the card itself is only declared here."""
    needs = Needs(cpus=1, gpus=0.5)
    keys = [f"half{place}" for place in range(4)]
    jobs = [Job(key, "errands:on_gpu", (str(tmp_path), key), needs) for key in keys]
    with cluster.gpu_node():
        values = [outcome.value for outcome in run(jobs, "ray", address=cluster.address)]
    assert {visible for visible, _ in values} == {"0"}
    assert max(side_by_side for _, side_by_side in values) == 2


def test_a_cluster_says_how_many_gpus_it_has(cluster, monkeypatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert gpus() is None  # a Ray would be started here
    assert gpus(cluster.address) == 0
    with cluster.gpu_node():
        assert gpus(cluster.address) == 1
        assert gpu_share(Fan("ray", cluster.address)) == 0.25
        assert gpu_share(Fan("ray", cluster.address, gpus=0)) == 0


def test_needs_that_no_node_meets(cluster) -> None:
    job = Job("a", "math:hypot", (3, 4), Needs(cpus=1, gpus=0.5))
    with pytest.raises(OptionError, match=r"needs 1 CPU and 0.5 GPU.*1 CPU, 0 GPU; 1 CPU, 0 GPU"):
        list(run([job], "ray", address=cluster.address))


MODELS = ["resnet20", "plain20", "resnet56", "plain56", "resnet110", "resnet18", "resnet50",
          "googlenet", "no_such_model", "plain50", "resnet101"]  # fmt: skip


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{key: value for key, value in line.items() if key != "seconds"}
                for line in csv.DictReader(file)]  # fmt: skip


def test_a_scan_whose_node_is_lost_leaves_the_same_file(cluster, one_process, tmp_path) -> None:
    calls: list[float] = []

    def kill(done: float, *_: object) -> None:
        calls.append(done)
        if done == 4:
            cluster.kill_second()

    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    settings = ScanSettings(engine="ray", address=cluster.address, progress=kill)
    scan(*MODELS, out=there, settings=settings)
    scan(*MODELS, out=here)
    assert calls == list(range(1, len(MODELS) + 1)), "every model once"
    assert lines(there) == lines(here)
    assert [line["model"] for line in lines(there)] == MODELS
    assert sum(bool(line["error"]) for line in lines(there)) == 1


@pytest.fixture
def few(tmp_path) -> tuple[str, ImageSet]:
    whole = load_images("embedded")
    path = tmp_path / "few.npz"
    np.savez(path, train_images=whole.train_images[::25], train_labels=whole.train_labels[::25],
             test_images=whole.test_images[::50], test_labels=whole.test_labels[::50],
             classes=np.array(whole.classes))  # fmt: skip
    return str(path), load_images(str(path))


def test_a_sweep_whose_node_is_lost_leaves_the_same_files(cluster, tmp_path, few) -> None:
    """The node is lost when the run on it has saved; in this process the runs are not disturbed."""
    source, images = few
    recipe = Recipe(
        name="tiny", steps=200, batch_size=16, learning_rate=0.05, schedule="linear",
        pad=2, flip=True, widths=(4, 4, 4), eval_every=100, eval_images=40, checkpoint_every=5,
    )  # fmt: skip
    sweep = Sweep(depths=(8, 14), kinds=("residual",), seeds=(1,), recipe=recipe, data=source)
    here, there = tmp_path / "here", tmp_path / "there"
    lost: list[str] = []

    def kill(*_: object) -> None:
        names = [plan.name for plan in sweep.plans(images)
                 if (there / plan.name / record.CHECKPOINT).exists()
                 and cluster.second_runs(plan.name)]  # fmt: skip
        if names and not lost:
            lost.extend(names)
            cluster.kill_second()

    fan = Fan("ray", cluster.address)
    run_plans(sweep.plans(images), there, fan=fan, progress=kill)
    assert lost
    torch.set_num_threads(1)  # as in the worker of a run
    for plan in sweep.plans(images):
        one, other = here / plan.name, there / plan.name
        record.write_plan(one, plan)
        execute(one, images=images)
        assert lines(one / record.METRICS) == lines(other / record.METRICS)
        assert same_weights(one / record.CHECKPOINT, other / record.CHECKPOINT)
        outcomes = [replace(record.read_outcome(folder), seconds=0.0) for folder in (one, other)]
        assert outcomes[0] == outcomes[1]
        assert sorted(os.listdir(one)) == sorted(os.listdir(other))
    times = {path: path.stat().st_mtime_ns for path in there.glob("*/last.ckpt")}
    run_plans(sweep.plans(images), there, fan=fan)
    assert times == {path: path.stat().st_mtime_ns for path in times}, "nothing is done twice"


def same_weights(one: Path, other: Path) -> bool:
    first, second = (torch.load(path, weights_only=False)["state_dict"] for path in (one, other))
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )
