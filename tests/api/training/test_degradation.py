"""The sweep's verb: what it refuses before an image is read, and how it begins."""

from dataclasses import replace
from pathlib import Path

import pytest

import archlab
from archlab.api.training.degradation import _seeds, default_out, opening
from archlab.errors import OptionError, RunError
from archlab.runs.recipe import RECIPES
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
    for place in ("device", "remote"):
        monkeypatch.setattr(f"archlab.train.{place}.has_cuda", lambda: here)
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
