"""What loggers show of a training: flat names and plain values, as every logger takes them.

The images' share of a recipe is told by the data module, the rest by the net's; a run of archlab's
tells its whole plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from archlab.errors import shown
from archlab.runs.recipe import Recipe
from archlab.runs.record import Plan

Plain = str | int | float | bool | None
_OF_DATA = {"batch_size", "pad", "flip", "cutout", "center", "channels_last"}
# With a Trainer of the user's, its arguments say how long and how precisely; the net is built.
_OF_TRAINER = {
    "steps", "epochs", "precision", "deterministic", "eval_every", "eval_images",
    "checkpoint_every", "widths", "categories",
}  # fmt: skip


def of_net(model: str, options: Mapping[str, object], recipe: Recipe) -> dict[str, Plain]:
    """Return what a net's module tells: the model, its options, and how it is optimized.

    Example:
        >>> told = of_net("resnet18", {"layout": "cifar"}, Recipe(name="mine", epochs=1))
        >>> told["model"], told["options.layout"], told["recipe"], told["learning_rate"]
        ('resnet18', 'cifar', 'mine', 0.1)
    """
    entries = _of_recipe(recipe)
    rest = {key: entries[key] for key in entries if key not in _OF_DATA | _OF_TRAINER}
    return {"model": model, **_of_options(options), **rest}


def of_data(name: str, recipe: Recipe, settings: Mapping[str, object]) -> dict[str, Plain]:
    """Return what a data module tells: which images, how they are augmented, and its settings."""
    entries = _of_recipe(recipe)
    own = {key: value for key, value in entries.items() if key in _OF_DATA}
    return {"data": name, **own, **_plain(settings)}


def of_plan(plan: Plan) -> dict[str, Plain]:
    """Return what a run tells: all that its result depends on, without places of this machine."""
    entries = asdict(plan)
    for name in ("options", "recipe", "data", "data_dir", "data_name", "init", "freeze"):
        del entries[name]
    freeze = {f"freeze.{key}": value for key, value in (plan.freeze or {}).items()}
    whole = {"data": plan.data_name, **entries, **freeze, **_of_recipe(plan.recipe)}
    return {**_plain(whole), **_of_options(plan.options)}


def _of_recipe(recipe: Recipe) -> dict[str, Plain]:
    entries = asdict(recipe)
    del entries["made_for"]
    return _plain({"recipe": entries.pop("name"), **entries})


def _of_options(options: Mapping[str, object]) -> dict[str, Plain]:
    return _plain({f"options.{key}": value for key, value in options.items()})


def _plain(values: Mapping[str, object]) -> dict[str, Plain]:
    """Return values that YAML, TensorBoard and a checkpoint of plain values can hold."""
    return {name: _value(value) for name, value in values.items()}


def _value(value: object) -> Plain:
    # A number of NumPy's is a float, too, but no plain one.
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else shown(value)
