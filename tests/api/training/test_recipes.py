"""Recipes by name, file and entries; what an unknown entry is called, by who asks."""

import pytest

from archlab.api.training.recipes import (
    Images,
    chosen_recipe,
    opening,
    recipe_and_options,
    recipe_of,
)
from archlab.errors import OptionError, spelled
from archlab.runs.recipe import RECIPES


@pytest.mark.parametrize(("cuda", "name"), [(True, "paper"), (False, "demo")])
def test_auto_is_paper_with_a_gpu_and_demo_without(tmp_path, monkeypatch, cuda, name) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    monkeypatch.setattr("archlab.train.device.has_cuda", lambda: cuda)
    there = Images(data_dir=tmp_path)
    assert chosen_recipe("auto", there) == RECIPES[name]
    assert recipe_of("auto", images=there).name == name
    assert recipe_and_options("auto", images=there)[0].name == name


@pytest.mark.parametrize(
    ("images", "name"),
    [
        (Images(data_dir="empty"), "demo"),
        (Images(data_dir="empty", download=True), "paper"),
        (Images(data="mine.npz", data_dir="empty"), "paper"),
    ],
)
def test_auto_on_a_gpu_is_paper_only_where_it_has_images(monkeypatch, images, name) -> None:
    monkeypatch.setattr("archlab.train.device.has_cuda", lambda: True)
    recipe = recipe_of("auto", images=images)
    assert recipe.name == name
    line = opening("auto", recipe, images)
    assert ("CIFAR-10 is not in empty: the demo, on the embedded" in line) == (name == "demo")
    assert "\n" not in line


def test_the_opening_says_why_auto_took_the_demo() -> None:
    sentence = f"recipe {RECIPES['demo'].sentence()}"
    assert opening("auto", RECIPES["demo"]) == f"{sentence}; no GPU here: the demo"
    assert opening("demo", RECIPES["demo"]) == sentence


@pytest.mark.parametrize("slow", [True, False])
def test_a_cpu_that_is_slow_in_bfloat16_is_told(monkeypatch, slow) -> None:
    monkeypatch.setattr("archlab.train.device.slow_bfloat16", lambda: slow)
    with spelled("--{}".format):
        lines = opening("fast", RECIPES["fast"]).splitlines()[1:]
    told = "this CPU has no instructions for bfloat16: --set precision=float32 is faster, with "
    assert lines == [f"{told}other rounding"] * slow
    assert len(opening("paper", RECIPES["paper"]).splitlines()) == 1


def test_a_recipe_stays_what_it_is() -> None:
    assert chosen_recipe(RECIPES["fast"]) is RECIPES["fast"]


def test_entries_change_the_file_and_the_file_changes_the_recipe(tmp_path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("learning_rate: 0.05\nbatch_size: 32\n")
    changed = recipe_of("demo", path, ["batch_size=16"])
    assert (changed.learning_rate, changed.batch_size) == (0.05, 16)


def test_other_keys_are_arguments_of_the_model() -> None:
    settings = ["batch_size=16", "layout=cifar"]
    recipe, options = recipe_and_options("demo", None, settings, "resnet18")
    assert recipe.batch_size == 16
    assert options == {"layout": "cifar"}


def test_an_unknown_key_is_spelled_as_the_reader_gave_it() -> None:
    with pytest.raises(OptionError, match=r"^options='layuot': neither the recipe nor resnet18"):
        recipe_and_options("demo", None, ["layuot=cifar"], "resnet18")
    with (
        spelled({"options": "--set"}.__getitem__),
        pytest.raises(OptionError, match=r"^--set layuot: neither.* Did you mean layout\?"),
    ):
        recipe_and_options("demo", None, ["layuot=cifar"], "resnet18")
