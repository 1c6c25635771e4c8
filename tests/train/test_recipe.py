"""Recipes: the paper's numbers, schedules by hand, and what a config file may not say."""

import math

import pytest

from archlab.errors import OptionError
from archlab.runs.recipe import RECIPES, as_record, from_record, recipe


def test_the_paper_recipe_is_section_4_2() -> None:
    paper = RECIPES["paper"]
    assert (paper.steps, paper.batch_size, paper.learning_rate) == (64_000, 128, 0.1)
    assert (paper.momentum, paper.weight_decay, paper.pad, paper.flip) == (0.9, 1e-4, 4, True)
    assert (paper.milestones, paper.gamma, paper.center) == ((32_000, 48_000), 0.1, "pixel")
    assert paper.careful_depth == 110


@pytest.mark.parametrize(
    ("name", "step", "expected"),
    [
        ("fast", 0, 1 / 400),
        ("fast", 399, 1.0),
        ("fast", 400, 1.0),
        ("fast", 2155, 0.5),  # half way between 400 and 3,910: the cosine's middle
        ("fast", 3910, 0.0),
        ("demo", 59, 1.0),
        ("demo", 660, 0.5),  # half way between 60 and 1,260
    ],
)
def test_rates(name, step, expected) -> None:
    total = {"fast": 3910, "demo": 1260}[name]
    assert RECIPES[name].rate(step, total) == pytest.approx(expected, abs=1e-12)


def test_epochs_become_steps() -> None:
    assert RECIPES["demo"].total_steps(2000) == 20 * math.ceil(2000 / 32)
    assert RECIPES["lesson"].total_steps(50_000) == 100 * 391


def test_a_config_file_changes_the_recipe(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    lines = ["recipe: fast", "categories: 100", "learning_rate: 1e-2", "batch_size: 64", "steps: 7"]
    path.write_text("\n".join(lines))
    changed = recipe("paper", path, {"widths": (8, 16, 32)})
    assert (changed.name, changed.categories, changed.learning_rate) == ("fast", 100, 0.01)
    assert (changed.batch_size, changed.steps, changed.epochs) == (64, 7, None)
    assert changed.widths == (8, 16, 32)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_comes_back_from_its_record(name) -> None:
    assert from_record(as_record(RECIPES[name])) == RECIPES[name]


BAD = {
    "unknown key": ("learning_rat: 1", "Did you mean learning_rate"),
    "mistyped number": ("batch_size: many", "batch_size is 'many'; a whole number, above 0"),
    "half a number": ("batch_size: 12.5", "a whole number"),
    "negative": ("learning_rate: -1", "a number, above 0"),
    "infinite": ("learning_rate: .inf", "a number"),
    "flag": ("flip: maybe", "true or false"),
    "flag for number": ("steps: yes", "a whole number"),
    "choice": ("schedule: cosin", "Did you mean cosine?"),
    "widths": ("widths: [8, 16]", "three whole numbers"),
    "zero width": ("widths: [0, 16, 32]", "three whole numbers"),
    "no mapping": ("- 1", "holds list"),
    "no YAML": ("a: [1", "is not YAML"),
    "unknown recipe": ("recipe: fats", "Did you mean fast?"),
    "no length": ("epochs: null", "give steps or epochs"),
    "name": ("name: mine", "unknown key 'name'"),
    "class for categories": ("categories: cat", "a whole number"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_config(case, tmp_path) -> None:
    text, expected = BAD[case]
    path = tmp_path / "config.yaml"
    path.write_text(text)
    base = "fast" if case == "no length" else "paper"
    with pytest.raises(OptionError) as raised:
        recipe(base, path)
    assert expected in str(raised.value)


def test_an_absent_config_is_named(tmp_path) -> None:
    with pytest.raises(OptionError, match="No such file"):
        recipe("paper", tmp_path / "absent.yaml")


def test_a_short_run_gets_beyond_its_warm_up() -> None:
    """400 steps of warm-up in a run of 20: ten up, then down."""
    rates = [recipe("fast").rate(step, 20) for step in range(20)]
    assert rates[9] == max(rates) == 1.0
    assert rates[19] < 0.1
