"""The sweep's verb: what it refuses before an image is read, and how it begins."""

from dataclasses import replace
from pathlib import Path

import pytest

import archlab
from archlab.api.training.degradation import _seeds, default_out, opening
from archlab.errors import OptionError, RunError
from archlab.runs.recipe import RECIPES
from archlab.train import cost


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"depths": (20,)}, "A verdict needs two depths or more, as depths 20,56"),
        ({"depths": (20, 21)}, "21"),
        ({"kinds": ("plian",)}, "plian"),
        ({"seeds": 0}, "seeds=0: one seed or more"),
        ({"gpus": 0.5}, "belong to a Ray cluster: add engine='ray'"),
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


def test_folders() -> None:
    assert default_out(RECIPES["demo"]) == Path("runs/degradation-demo")
    assert default_out(RECIPES["demo"], "here") == Path("here")
    with pytest.raises(RunError):
        archlab.verdict("no/such/folder")
