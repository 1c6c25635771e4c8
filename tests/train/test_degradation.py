"""A sweep as processes: progress, holes filled, leftovers, Ctrl-C, failures; and equal twins."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from archlab import report
from archlab.data.sets import ImageSet, load_images
from archlab.errors import OptionError, RunError, WriteError
from archlab.files import replaced
from archlab.lock import locked
from archlab.runs import ledger, record
from archlab.runs.recipe import RECIPES, Recipe
from archlab.runs.record import Plan
from archlab.train import degradation
from archlab.train.build import build
from archlab.train.degradation import Sweep, run_plans
from archlab.train.gradients import read_gradients
from archlab.train.process import Started
from archlab.train.remote import Fan
from archlab.train.run import execute

TINY = Recipe(
    name="tiny", steps=4, batch_size=16, learning_rate=0.05, pad=0, flip=False, widths=(4, 4, 4),
    eval_every=2, eval_images=40, checkpoint_every=1,
)  # fmt: skip


def test_twins_of_the_sweep_have_equal_parameters(images) -> None:
    sweep = Sweep(depths=(20, 56), seeds=(1, 2), recipe=RECIPES["paper"])
    plans = {(plan.kind, plan.depth, plan.seed): plan for plan in sweep.plans(images)}
    assert len(plans) == 8
    # He et al. 2015, section 4.2: 0.27 M and 0.85 M; with one input channel 2 × 9 × 16 fewer.
    for depth, count in ((20, 269_722), (56, 853_018)):
        for seed in (1, 2):
            nets = [
                build(plan.model, plan.options, plan.seed)
                for plan in (plans["plain", depth, seed], plans["residual", depth, seed])
            ]
            plain, residual = (dict(net.named_parameters()) for net in nets)
            assert sum(p.numel() for p in plain.values()) == count - 2 * 9 * 16
            assert plain.keys() == residual.keys()
            assert all(torch.equal(plain[key], residual[key]) for key in plain)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"depths": (20, 57)}, "57 is not 6n \\+ 2; try 56 or 62"),
        ({"depths": (2,)}, "try 8"),
        ({"kinds": ("plane",)}, "Allowed: plain, residual"),
        ({"seeds": ()}, "a seed or more"),
    ],
)
def test_bad_sweeps(changes, expected) -> None:
    with pytest.raises(OptionError, match=expected):
        replace(Sweep(depths=(20,), recipe=TINY), **changes).check()


def trained(sweep: Sweep, images: ImageSet, out: Path, plans: Sequence[Plan]) -> None:
    """Train some of a sweep's runs in this process, without the start of another."""
    for plan in plans:
        record.write_plan(out / plan.name, plan)
        execute(out / plan.name, images=images)


@pytest.mark.slow
def test_a_sweep_fills_only_its_holes_and_gradients_change_nothing(
    tmp_path, images, source
) -> None:
    """Two of four runs are over; one has lost its files, one was never begun.

    These two record gradients; they are compared with runs that do not.
    """
    out, without, calls = tmp_path / "out", tmp_path / "without", []
    sweep = Sweep(depths=(8, 14), seeds=(1,), recipe=TINY, data=source)
    plans = sweep.plans(images)
    trained(sweep, images, out, plans[:3])
    for path in (out / plans[2].name).iterdir():
        path.unlink()
    times = {path: path.stat().st_mtime_ns for path in out.rglob("last.ckpt")}
    run_plans(plans, out, jobs=2, fan=Fan(gradients=2), progress=lambda *call: calls.append(call))
    assert calls[-1] == (44, 44, "4 of 4 runs over")
    with (out / "ledger.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["status"] for line in lines} == {"done"}
    assert {(line["kind"], line["depth"]) for line in lines} == {
        ("plain", "8"), ("plain", "14"), ("residual", "8"), ("residual", "14"),
    }  # fmt: skip
    assert len(times) == 2
    assert times == {path: path.stat().st_mtime_ns for path in times}, "what is over stays"
    trained(sweep, images, without, plans)
    ledger.write_sweep(without, plans)
    for plan in plans[2:]:
        one, other = out / plan.name, without / plan.name
        assert {row.step for row in read_gradients(one)} == {1, 2, 4}
        values, expected = (
            [(row.step, row.loss, row.train_error) for row in ledger.read_run(folder).rows]
            for folder in (one, other)
        )
        assert values == expected
        assert not (other / "gradients.csv").exists()
    assert report(out).html.count("Gradients over time: cifar_") == 2
    assert "Not recorded" in report(without).html


def test_a_sweep_removes_what_killed_writers_left(tmp_path, images, killed) -> None:
    """In its own folder, and in those of runs that are over, which no worker enters any more."""
    sweep = Sweep(depths=(8, 14), kinds=("plain",), seeds=(1,), recipe=TINY)
    plans = sweep.plans(images)
    trained(sweep, images, tmp_path, plans)
    folders = [tmp_path, *(tmp_path / plan.name for plan in plans)]
    for folder in folders:
        killed(lambda folder=folder: die_within(replaced(folder / "some.csv")))
        assert len(list(folder.glob(".some.csv.*"))) == 1
    run_plans(sweep.plans(images), tmp_path)
    assert not [path for folder in folders for path in folder.glob(".some.csv.*")]


def die_within(context: AbstractContextManager[object]) -> None:
    with context:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_run_that_is_killed_while_it_writes_and_is_given_up(
    tmp_path, images, monkeypatch
) -> None:
    """Its process dies between writing progress.json and renaming it, as with a lost node."""

    def dying(folder: Path, _model: str, *_: object):
        code = ("import os; from pathlib import Path; from archlab import files; "
                "Path.replace = lambda *_: os.kill(os.getpid(), 9); "
                f"files.write_json(Path({str(folder)!r}, 'progress.json'), {{}})")  # fmt: skip
        return subprocess.Popen([sys.executable, "-c", code]), tmp_path / "errors"

    monkeypatch.setattr(degradation, "start", dying)
    monkeypatch.setattr(degradation, "_POLL", 0.02)
    plans = Sweep(depths=(8,), kinds=("plain",), seeds=(1,), recipe=TINY).plans(images)
    with pytest.raises(RunError, match="killed by signal 9"):
        run_plans(plans, tmp_path / "out")
    left = {path.name for path in (tmp_path / "out" / plans[0].name).iterdir()}
    assert left == {".lock", record.PLAN}


def spawned(code: str, path: Path) -> Started:
    """Start a Python that runs some code, with its errors in a file."""
    with path.open("wb") as errors:
        return subprocess.Popen([sys.executable, "-c", code], stderr=errors), path


CRASHING = """
import ctypes
import os
from torch import nn

class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(256, 10)
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        if self.calls > 2:
            self.fail(40)
        return self.fc(x.flatten(1))

    def fail(self, levels):
        if levels:
            return self.fail_further(levels - 1)
        {fault}

    def fail_further(self, levels):
        return self.fail(levels)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason", "kept"),
    [
        ("raise ValueError('the weights are upside down')", "upside down", "Traceback"),
        ("ctypes.string_at(0)", "killed by signal 11 (SIGSEGV)", "Segmentation fault"),
    ],
)
def test_a_crash_is_kept_in_full(tmp_path, source, fault, reason, kept) -> None:
    """All of a long traceback, and the lines that led to a fault below Python."""
    (tmp_path / "deep.py").write_text(CRASHING.format(fault=fault))
    model = f"{tmp_path / 'deep.py'}:Deep"
    plan = Plan(
        model=model, options={}, seed=1, recipe=TINY, data=source, data_dir=".data", data_name="",
        fingerprint=load_images(source).fingerprint,
    )  # fmt: skip
    with pytest.raises(RunError) as caught:
        run_plans([plan], tmp_path / "out")
    path = tmp_path / "out" / plan.name / record.ERRORS
    text = path.read_text()
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)
    assert kept in text
    assert text.count("in fail_further") == 40


def test_a_message_says_what_went_wrong_in_a_worker(tmp_path, images, monkeypatch) -> None:
    def failing(folder: Path, _model: str, *_: object):
        code = "import sys; sys.exit('line one\\nthe disk is full')"
        return spawned(code, tmp_path / folder.name)

    monkeypatch.setattr(degradation, "start", failing)
    monkeypatch.setattr(degradation, "_POLL", 0.02)
    sweep = Sweep(depths=(8, 14), kinds=("plain",), seeds=(1,), recipe=TINY)
    with pytest.raises(
        RunError, match=r"did not end: the disk is full \(all of it: .*\) \(1 more ended so\)"
    ):
        run_plans(sweep.plans(images), tmp_path / "out", jobs=2)


def test_a_full_disk_in_a_worker_ends_the_sweep(tmp_path, images, monkeypatch) -> None:
    def full(folder: Path, _model: str, *_: object):
        wait = 60 if folder.name.startswith("plain-8") else 0
        words = "it cannot be written: No space left on device."
        code = f"import sys, time; time.sleep({wait}); sys.stderr.write('{words}'); sys.exit(74)"
        process, errors = spawned(code, tmp_path / folder.name)
        started.append(process)
        return process, errors

    started: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(degradation, "start", full)
    monkeypatch.setattr(degradation, "_POLL", 0.02)
    sweep = Sweep(depths=(8, 14), kinds=("plain",), seeds=(1,), recipe=TINY)
    with pytest.raises(WriteError, match=r"plain-14.*No space left on device\. What is done"):
        run_plans(sweep.plans(images), tmp_path / "out", jobs=2)
    assert [process.poll() for process in started] == [74, -signal.SIGTERM]


def test_an_interrupted_sweep_waits_for_its_workers(tmp_path, images, monkeypatch) -> None:
    def waiting(folder: Path, _model: str, *_: object):
        code = ("import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); "
                f"open({str(tmp_path / folder.name)!r}, 'w'); signal.pause()")  # fmt: skip
        return subprocess.Popen([sys.executable, "-c", code]), tmp_path / "errors"

    def stop(*_: object) -> None:
        if (tmp_path / name).exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(degradation, "start", waiting)
    monkeypatch.setattr(degradation, "_POLL", 0.02)
    sweep = Sweep(depths=(8,), kinds=("plain",), seeds=(1,), recipe=TINY)
    name = sweep.plans(images)[0].name
    with pytest.raises(KeyboardInterrupt):
        run_plans(sweep.plans(images), tmp_path / "out", jobs=1, progress=stop)
    assert [run.outcome.status for run in ledger.read_sweep(tmp_path / "out")] == ["planned"]


def test_two_sweeps_do_not_share_a_folder(tmp_path, images) -> None:
    sweep = Sweep(depths=(8, 14), recipe=TINY)
    with locked(tmp_path / "out"), pytest.raises(RunError, match="is in use by another archlab"):
        run_plans(sweep.plans(images), tmp_path / "out")


def test_a_diverged_run_is_in_the_ledger_and_the_verdict(tmp_path, images) -> None:
    sweep = Sweep(depths=(8, 14), kinds=("plain",), seeds=(1,),
                  recipe=replace(TINY, learning_rate=1e30))  # fmt: skip
    plans = sweep.plans(images)
    for plan in plans:
        record.write_plan(tmp_path / plan.name, plan)
        assert execute(tmp_path / plan.name, images=images).status == "failed"
    ledger.write_sweep(tmp_path, plans)
    ledger.write_ledger(tmp_path)
    assert "failed" in (tmp_path / "ledger.csv").read_text()
    run_plans(sweep.plans(images), tmp_path)  # failed is a result: nothing is trained again
    from archlab.runs.verdict import verdict

    result = verdict(tmp_path)
    assert result.outcome == "not shown"
    assert len(result.missing) == 2
    assert json.dumps(result.to_dict(), allow_nan=False)


def as_cards(monkeypatch, *cards: str) -> None:
    """Train as with GPUs: a process a card. Each sees its own, and computes on the CPU here."""
    monkeypatch.setattr(degradation.device, "cards", lambda: list(cards))


def test_runs_that_share_a_card_train_as_alone(
    tmp_path, images, source, monkeypatch, largest_difference
) -> None:
    sweep = Sweep(depths=(8, 14), seeds=(1,), recipe=TINY, data=source)
    plans = sweep.plans(images)
    trained(sweep, images, tmp_path / "alone", plans)
    as_cards(monkeypatch, "0", "1")
    started: list[tuple[int, int, str]] = []
    start_card = degradation.start_card

    def noted(out, runs, gradients, side_by_side, card):
        started.append((len(runs), side_by_side, card))
        return start_card(out, runs, gradients, side_by_side, card)

    monkeypatch.setattr(degradation, "start_card", noted)
    run_plans(plans, tmp_path / "cards", fan=Fan(gradients=2))
    assert started == [(2, 2, "0"), (2, 2, "1")]
    for plan in plans:
        alone, shared = (tmp_path / name / plan.name for name in ("alone", "cards"))
        assert record.read_outcome(shared).status == "done"
        assert largest_difference(alone, shared) == 0
        assert read_gradients(shared)
    assert not list((tmp_path / "cards").glob("gpu-*"))
    run_plans(plans, tmp_path / "cards")  # nothing is left to do
    assert len(started) == 2


@pytest.mark.parametrize(
    ("cards", "jobs", "groups", "at_once"),
    [
        ([], 3, [(1, 1)] * 8, 3),
        (["0"], None, [(8, 6)], 1),
        (["0"], 2, [(8, 2)], 1),
        (["4", "5"], None, [(4, 4), (4, 4)], 2),
        (["4", "5"], 3, [(4, 2), (4, 2)], 2),
        (["0", "1", "2"], 1, [(3, 1), (3, 1), (2, 1)], 1),
    ],
)
def test_runs_are_dealt_out_to_cards(images, cards, jobs, groups, at_once, monkeypatch) -> None:
    as_cards(monkeypatch, *cards)
    plans = Sweep(depths=(8, 14), seeds=(1, 2), recipe=TINY).plans(images)
    dealt, limit = degradation._groups(plans, jobs, cards)
    assert [(len(group.plans), group.side_by_side) for group in dealt] == groups
    assert limit == at_once
    names = sorted(plan.name for group in dealt for plan in group.plans)
    assert names == sorted(plan.name for plan in plans)


def test_nets_of_others_have_a_process_each_on_a_card(images, monkeypatch) -> None:
    as_cards(monkeypatch, "0", "1")
    plans = [
        replace(plan, kind="finetune")
        for plan in Sweep(depths=(8,), seeds=(1, 2), recipe=TINY).plans(images)
    ]
    dealt, limit = degradation._groups(plans, None, ["0", "1"])
    assert [(len(group.plans), group.card) for group in dealt] == [
        (1, "0"), (1, "1"), (1, "0"), (1, "1"),
    ]  # fmt: skip
    assert limit == 2


def test_a_run_that_fails_on_a_card_fails_alone(tmp_path, images, source, monkeypatch) -> None:
    as_cards(monkeypatch, "0")
    plans = Sweep(depths=(8, 14), kinds=("plain",), seeds=(1,), recipe=TINY, data=source).plans(
        images
    )
    wrong = replace(plans[0], fingerprint="other")
    with pytest.raises(RunError, match="not those that this run was planned with"):
        run_plans([wrong, plans[1]], tmp_path / "out")
    assert record.read_outcome(tmp_path / "out" / plans[1].name).status == "done"
    errors = (tmp_path / "out" / wrong.name / record.ERRORS).read_text()
    assert errors.startswith("The images in")


def test_a_card_that_is_killed_loses_no_finished_work(
    tmp_path, images, source, monkeypatch, largest_difference
) -> None:
    sweep = Sweep(depths=(8,), seeds=(1,), recipe=replace(TINY, steps=40), data=source)
    plans = sweep.plans(images)
    trained(sweep, images, tmp_path / "alone", plans)
    as_cards(monkeypatch, "0")
    start_card, started = degradation.start_card, []

    def noted(*arguments):
        started.append(start_card(*arguments))
        return started[-1]

    def kill(*_: object) -> None:
        if any((tmp_path / "out" / plan.name / record.CHECKPOINT).exists() for plan in plans):
            started[0][0].kill()

    monkeypatch.setattr(degradation, "start_card", noted)
    monkeypatch.setattr(degradation, "_POLL", 0.02)
    with pytest.raises(RunError, match="killed by signal 9"):
        run_plans(plans, tmp_path / "out", progress=kill)
    run_plans(plans, tmp_path / "out")
    for plan in plans:
        assert largest_difference(tmp_path / "alone" / plan.name, tmp_path / "out" / plan.name) == 0


def test_an_interrupted_card_saves_every_run(
    tmp_path, images, source, monkeypatch, largest_difference
) -> None:
    sweep = Sweep(depths=(8,), seeds=(1,), recipe=replace(TINY, steps=60), data=source)
    plans = sweep.plans(images)
    as_cards(monkeypatch, "0")
    monkeypatch.setattr(degradation, "_POLL", 0.02)

    def stop(*_: object) -> None:
        if any((tmp_path / "out" / plan.name / record.CHECKPOINT).exists() for plan in plans):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plans(plans, tmp_path / "out", progress=stop)
    states = {record.read_outcome(tmp_path / "out" / plan.name).status for plan in plans}
    assert states <= {"interrupted", "done", "planned"}
    assert "interrupted" in states
    run_plans(plans, tmp_path / "out")
    trained(sweep, images, tmp_path / "straight", plans)
    for plan in plans:
        one, other = (tmp_path / name / plan.name for name in ("out", "straight"))
        assert largest_difference(one, other) == 0
