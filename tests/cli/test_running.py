"""Options of training and scans have the defaults of the verbs they are handed to."""

import inspect
from dataclasses import fields

import pytest

import archlab
from archlab.cli.running import DATA_DIR, Changes, Engine, Images

SWEEP = inspect.signature(archlab.degradation).parameters
SETTINGS = {field.name: field.default for field in fields(archlab.ScanSettings)}


@pytest.mark.parametrize("name", ["engine", "address", "jobs"])
def test_who_runs_jobs_is_the_same_by_default_everywhere(name) -> None:
    assert getattr(Engine(), name) == SWEEP[name].default == SETTINGS[name]


@pytest.mark.parametrize(
    "verb", [archlab.degradation, archlab.train_model, archlab.finetune_model, archlab.gradients]
)
def test_archives_lie_in_one_folder(verb) -> None:
    assert str(DATA_DIR) == inspect.signature(verb).parameters["data_dir"].default


def test_images_and_recipe_are_the_recipes_own_where_nothing_is_said() -> None:
    assert (Images().data, Changes().config, Changes().options) == (None, None, None)
    assert SWEEP["data"].default is None
