"""Recipes: the paper's numbers, schedules by hand, and what a config file may not say."""

import json
import math
from dataclasses import asdict, replace

import pytest
import torch

from archlab.errors import OptionError
from archlab.runs.recipe import RECIPES, from_record, json_schema, recipe


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
    assert from_record(asdict(RECIPES[name])) == RECIPES[name]


def test_what_a_recipe_is_made_for_changes_no_run() -> None:
    names = ("paper", "fast", "demo", "lesson")
    assert [RECIPES[name].made_for for name in names] == [
        "cifar10",
        "cifar10",
        "embedded",
        "cifar10",
    ]
    assert replace(RECIPES["demo"], made_for="cifar10") == RECIPES["demo"]
    with pytest.raises(OptionError, match="unknown key 'made_for'"):
        recipe("demo", overrides={"made_for": "cifar10"})


def test_whole_numbers_stay_what_they_were() -> None:
    """The identity of a run is made of the text of its numbers: 10 must not become 10.0."""
    changed = recipe("fast", overrides={"epochs": 10, "weight_decay": 0, "learning_rate": 0.5})
    assert [repr(value) for value in (changed.epochs, changed.weight_decay)] == ["10", "0"]
    assert repr(from_record(asdict(RECIPES["fast"])).epochs) == "10"


@pytest.mark.parametrize("total", [10, 97, 3910])
def test_one_cycle_is_that_of_torch(total) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=total)
    cycle = recipe("fast", overrides={"schedule": "one_cycle", "learning_rate": 0.3})
    for step in range(total):
        rate = 0.3 * cycle.rate(step, total)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        if step < total - 1:
            schedule.step()


def test_a_run_of_another_length_is_measured_and_saved_as_often() -> None:
    """Ten measurements and 20 checkpoints a run, unless the steps between are given."""
    fast = RECIPES["fast"]
    assert (fast.measured_every(3910), fast.saved_every(3910)) == (391, 100)
    short = recipe("fast", overrides={"steps": 200})
    assert (short.measured_every(200), short.saved_every(200)) == (20, 10)
    assert (short.measured_every(5), short.saved_every(5)) == (1, 1)
    long = recipe("fast", overrides={"epochs": 400})
    assert (long.measured_every(156_400), long.saved_every(156_400)) == (1000, 1000)
    given = recipe("fast", overrides={"steps": 200, "eval_every": 50})
    assert (given.measured_every(200), given.saved_every(200)) == (50, 10)


def test_the_schema_says_what_a_config_file_may_hold() -> None:
    schema = json_schema()
    entries = schema["properties"]
    assert set(entries) == {"recipe", *asdict(RECIPES["paper"])} - {"name", "made_for"}
    assert entries["recipe"]["enum"] == list(RECIPES)
    assert entries["learning_rate"]["exclusiveMinimum"] == 0
    assert entries["optimizer"]["enum"] == ["sgd", "adam", "adamw"]
    smoothing = entries["label_smoothing"]
    assert (smoothing["minimum"], smoothing["exclusiveMaximum"]) == (0, 1)
    assert entries["widths"]["description"] == "three whole numbers [16, 32, 64]"
    assert schema["additionalProperties"] is False
    assert json.dumps(schema, allow_nan=False)


BAD = {
    "unknown key": ("learning_rat: 1", "Did you mean learning_rate"),
    "mistyped number": ("batch_size: many", "batch_size is 'many'; a whole number, above 0"),
    "half a number": ("batch_size: 12.5", "a whole number"),
    "negative": ("learning_rate: -1", "a number, above 0"),
    "infinite": ("learning_rate: .inf", "a number"),
    "flag": ("flip: maybe", "true or false"),
    "flag for number": ("steps: yes", "a whole number"),
    "choice": ("schedule: cosin", "Did you mean cosine?"),
    "number as a text": ("batch_size: '64'", "batch_size is '64'; a whole number, above 0"),
    "nothing": ("batch_size:", "batch_size is None; a whole number, above 0"),
    "milestones": ("milestones: [1, 2.5]", "whole numbers [a, b] is wanted"),
    "no text": ("optimizer: 3", "optimizer is 3; one of sgd, adam, adamw is wanted"),
    "a date": ("steps: 2020-01-01", "a whole number, above 0"),
    "no images": ("eval_images: 0", "a whole number, above 0"),
    "widths": ("widths: [8, 16]", "three whole numbers"),
    "too many widths": ("widths: [8, 16, 32, 64]", "three whole numbers"),
    "zero width": ("widths: [0, 16, 32]", "three whole numbers"),
    "no mapping": ("- 1", "holds list"),
    "no YAML": ("a: [1", "is not YAML"),
    "deep": ("steps: " + "[" * 100_000, "is not YAML that can be read: it is nested too deeply"),
    "part of itself": ("steps: &a [*a]", "a recipe has no aliases"),
    "an alias of aliases": ("a: &a [1]\nb: &b [*a, *a]", "a recipe has no aliases"),
    "an object": ("steps: !!python/object/apply:os.system [true]", "is not YAML"),
    "unknown recipe": ("recipe: fats", "Did you mean fast?"),
    "no length": ("epochs: null", "give steps or epochs"),
    "name": ("name: mine", "unknown key 'name'"),
    "a whole share": ("label_smoothing: 1", "a number from 0, below 1"),
    "an average of nothing": ("ema_decay: -0.5", "a number from 0, below 1"),
    "ahead of nothing": ("nesterov: true\nmomentum: 0", "nesterov looks ahead along the momentum"),
    "ahead of adam": ("nesterov: true\noptimizer: adam", "the optimizer is adam"),
    "momentum that grows": ("momentum: 1.5", "a number from 0, below 1"),
    "a key twice": ("steps: 5\nflip: true\nsteps: 6", "the key 'steps' is given twice"),
    "steps at no milestone": ("milestones: []", "there are none"),
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
