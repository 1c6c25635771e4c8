"""The sweep's verb: what it refuses before an image is read, and how it begins."""

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import archlab
from archlab.api.training.degradation import _seeds, default_out, opening
from archlab.errors import OptionError, RunError
from archlab.files import write_json
from archlab.runs import record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Measurement, Outcome
from archlab.train import cost
from archlab.train.remote import Fan


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"depths": (20,)}, "A verdict needs two depths or more, as depths 20,56"),
        ({"depths": (20, 21)}, "21"),
        ({"kinds": ("plian",)}, "plian"),
        ({"seeds": 0}, "seeds=0: one seed or more"),
        ({"gpus": 0.5}, "belong to a Ray cluster: add engine='ray'"),
        ({"gpus": 0}, "belong to a Ray cluster"),
        ({"address": "host:1"}, "belong to a Ray cluster"),
        ({"style": "fig7"}, "Did you mean fig6"),
    ],
)
def test_what_is_not_allowed_is_refused_first(monkeypatch, keywords, message) -> None:
    monkeypatch.setattr("archlab.data.sets.load_images", pytest.fail)
    with pytest.raises(OptionError, match=message):
        archlab.degradation(recipe="demo", **keywords)


def test_a_number_of_seeds_counts_from_one() -> None:
    assert _seeds(3) == (1, 2, 3)
    assert _seeds([4, 5]) == (4, 5)


def test_the_opening_says_what_the_paper_would_take_where_auto_takes_the_demo(monkeypatch) -> None:
    monkeypatch.setattr(cost, "seconds_a_step", lambda *_: 0.5)
    monkeypatch.setattr(cost, "cores", lambda: 2)
    first, second = opening("auto", RECIPES["demo"], (20, 56), 3, 2).split("\n")
    assert first.endswith("no GPU here: the demo")
    # 64,000 steps of half a second at depth 20, 76 / 20 of it for both depths, two kinds and three
    # seeds, two at a time; and 63 times 20,000 images and once 60,000, a third of a step's each.
    hours = (64_000 + (63 * 20_000 + 60_000) / 3 / 128) * 0.5 * 76 / 20 * 6 / 2 / 3600
    assert f"estimate for --recipe paper: about {hours:,.0f} hours on CPU" in second
    assert second.endswith("(12 runs, 2 side by side)")
    assert "\n" not in opening("demo", RECIPES["demo"], (20, 56), 3, 4)


def test_a_sweep_tells_its_time_before_it_starts(tmp_path, monkeypatch) -> None:
    """Also where some of it is done; what is told goes to the caller's function."""
    told: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cost, "seconds_a_step", lambda *_: 36.0)

    def start(plans, out, **_) -> None:
        assert len(told) == 1
        raise RunError("started")

    monkeypatch.setattr("archlab.train.degradation.run_plans", start)
    recipe = replace(RECIPES["demo"], steps=200, epochs=None, eval_every=1000)
    for say in (None, told.append):
        told[:] = [] if say else ["nothing"]
        with pytest.raises(RunError, match="started"):
            archlab.degradation(depths=(8, 14), seeds=1, recipe=recipe, jobs=1, say=say)
    # 36 seconds a step of 8 layers, and 14 / 8 of it: 200 steps, and 4,000 images in the end.
    hours = 2 * (1 + 14 / 8) * (200 + 4000 / 3 / 32) * 36 / 3600
    assert told[0].startswith(f"estimate: about {hours:.0f} hours on CPU")


@pytest.mark.parametrize(
    ("asked", "in_cluster", "here", "said", "told"),
    [
        (None, 2, False, "each run takes 0.25 of a GPU of the cluster", False),
        (None, 2, True, "each run takes 0.25 of a GPU of the cluster", True),
        (0.5, 0, True, "each run takes 0.5 of a GPU of the cluster", True),
        (None, 0, False, "each run trains on a CPU core of the cluster; gpus=0.25 would", True),
        (0, 2, True, "each run trains on a CPU core of the cluster; gpus=0.25 would", False),
        # No cluster is joined: Ray is started here, with what this machine has.
        (None, None, True, "each run takes 0.25 of a GPU of the cluster", True),
        (None, None, False, "each run trains on a CPU core of the cluster", True),
    ],
)
def test_what_the_runs_of_a_cluster_train_on(
    tmp_path, monkeypatch, asked, in_cluster, here, said, told
) -> None:
    """It is decided by what the cluster has, and time is told for the same kind of device only."""
    lines: list[str] = []
    fans: list[Fan] = []
    monkeypatch.setattr("archlab.train.device.has_cuda", lambda: here)
    monkeypatch.setattr("archlab.engine.cluster.gpus", lambda _: in_cluster)
    monkeypatch.setattr("archlab.train.cost.tell", lambda say, *_: say("the time"))
    monkeypatch.setattr(
        "archlab.train.degradation.run_plans", lambda *_, fan, **__: fans.append(fan)
    )
    with pytest.raises(RunError):  # no run was made
        archlab.degradation(
            recipe="demo", engine="ray", gpus=asked, out=tmp_path / "out", say=lines.append
        )
    assert lines[0].startswith(said)
    assert lines[1:] == (["the time"] if told else [])
    assert fans[0].gpus == float(said.split()[3] if "GPU of" in said else 0)


def test_folders() -> None:
    assert default_out(RECIPES["demo"]) == Path("runs/degradation-demo")
    assert default_out(RECIPES["demo"], "here") == Path("here")
    with pytest.raises(RunError):
        archlab.verdict("no/such/folder")


@pytest.fixture
def train(monkeypatch, tmp_path):
    """Return a function that asks for a sweep whose runs end at once, with errors made up.

    The training error is the depth in percent for plain nets and a tenth of it for residual ones.
    """
    left: list[int] = []  # runs that end before Ctrl-C; none is all of them

    def end(out, plans, *_):
        for i, plan in enumerate(plans):
            if left and i >= left[0]:
                raise KeyboardInterrupt
            error = plan.depth * (1.0 if plan.kind == "plain" else 0.1) + 0.1 * plan.seed
            rows = [Measurement(step, 1.0, 0.1, 0.5, error, error, error, 0.7, 80, 1.5)
                    for step in (80, 100)]  # fmt: skip
            record.write_metrics(out / plan.name, rows)
            ended = Outcome("done", 100, 100, error, error, error, 1.0, "CPU, 1 thread")
            write_json(out / plan.name / record.DONE, asdict(ended))
        return {}

    monkeypatch.setattr("archlab.train.degradation._trained", end)
    monkeypatch.setattr(cost, "sweep_seconds", lambda *_: [1.0])
    told: list[str] = []

    def asked(depths=(8, 14), seeds=2, kinds=("plain", "residual"), over: int | None = None):
        left[:] = [] if over is None else [over]
        told.clear()
        answer = archlab.degradation(
            depths=depths, seeds=seeds, kinds=kinds, recipe="demo", out=tmp_path / "out",
            say=told.append,
        )  # fmt: skip
        return answer, told

    asked.told = told
    return asked


@pytest.mark.parametrize(
    ("smaller", "count", "gap"),
    [({"seeds": 1}, 6, 12), ({"depths": (8, 14)}, 8, 6), ({"kinds": ("plain",)}, 6, 12)],
)
def test_a_smaller_sweep_leaves_the_larger_one_on_record(
    train, tmp_path, smaller, count, gap
) -> None:
    """What it asks is answered, and ledger, verdict and figure stay of all that is over."""
    out, larger = tmp_path / "out", {"depths": (8, 14, 20)}
    whole, _ = train(**larger)
    assert (len(whole.rows), whole.plain_gap) == (12, pytest.approx(12))
    kept = {name: (out / name).read_bytes() for name in ("verdict.json", "ledger.csv")}
    drawn = (out / "figure.svg").read_bytes()
    answer, told = train(**{**larger, **smaller})
    assert (len(answer.rows), answer.plain_gap) == (count, pytest.approx(gap))
    assert told == [
        f"{out} holds {12 - count} more finished runs of this recipe: its ledger, verdict.json and "
        f"figure are of all 12, and the answer is of the {count} that were asked for"
    ]
    assert kept == {name: (out / name).read_bytes() for name in kept}
    assert drawn == (out / "figure.svg").read_bytes()
    assert archlab.verdict(out).to_dict() == whole.to_dict()
    assert train(**larger) == (whole, [])


def test_what_was_not_finished_is_in_the_ledger_alone(train, tmp_path) -> None:
    """A sweep of three depths is given up after four runs; two depths are asked for then."""
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train(depths=(8, 14, 20), over=5)  # both kinds and seeds of 20, and one of 14
    answer, told = train(depths=(8, 14))
    assert answer.plain_gap == pytest.approx(6)
    assert "holds 4 more finished runs" in told[0]
    other = next(path for path in out.glob("residual-20-seed2-*"))
    (other / record.DONE).unlink()
    _, told = train(depths=(8, 14))
    assert "holds 3 more finished runs" in told[0]
    with (out / "ledger.csv").open() as file:
        lines = {line["run"]: line["status"] for line in csv.DictReader(file)}
    assert len(lines) == 12
    assert lines[other.name] == "planned"
    assert len(archlab.verdict(out).rows) == 11


def test_runs_that_do_not_count_stay_out_of_the_record(train, tmp_path) -> None:
    """Of another version of the code, whose id differs, and damaged ones."""
    out = tmp_path / "out"
    train()
    next(out.glob("plain-8-seed2-*")).rename(out / "plain-8-seed2-00000000")
    (out / "other").mkdir()
    (out / "other" / record.PLAN).write_text("{")
    answer, told = train(seeds=1)
    assert len(answer.rows) == 4
    assert "holds 3 more finished runs" in told[0]


def test_an_interrupted_sweep_has_a_partial_verdict(train, tmp_path) -> None:
    """Seed 1 is over, of both kinds and depths; of seed 2 all but one."""
    with pytest.raises(KeyboardInterrupt):
        train(over=7)
    assert train.told == ["verdict.json is partial: 7 of 8 runs are over"]
    content = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert content == {**content, "status": "partial", "seeds": 2}
    assert content["plain_gap"] == pytest.approx(6)
    assert [each["what"] for each in content["missing"]] == ["residual-8 seed 2"]
    assert (tmp_path / "out" / "figure.svg").exists()


def test_a_refused_sweep_writes_nothing(train, tmp_path, monkeypatch) -> None:
    """Neither where another process uses the folder, nor where it holds another recipe's."""
    train()
    out = tmp_path / "out"
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    with pytest.raises(RunError, match="another recipe"):
        archlab.degradation(depths=(8, 14), recipe=replace(RECIPES["demo"], epochs=1), out=out)
    assert before == {path: path.stat().st_mtime_ns for path in before}
