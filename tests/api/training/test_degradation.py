"""The sweep's verb: what it refuses before an image is read, and how it begins."""

from pathlib import Path

import pytest

import archlab
from archlab.api.training.degradation import _seeds, default_out, opening
from archlab.errors import OptionError, RunError
from archlab.runs.recipe import RECIPES


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


def test_the_opening_says_what_the_paper_would_cost_where_auto_takes_the_demo() -> None:
    line = opening("auto", RECIPES["demo"], (20, 56), 3, 4)
    assert "no GPU: the demo. --recipe paper would take about" in line
    assert line.endswith("4 runs side by side")
    assert "\n" not in opening("demo", RECIPES["demo"], (20, 56), 3, 4)


def test_folders() -> None:
    assert default_out(RECIPES["demo"]) == Path("runs/degradation-demo")
    assert default_out(RECIPES["demo"], "here") == Path("here")
    with pytest.raises(RunError):
        archlab.verdict("no/such/folder")
