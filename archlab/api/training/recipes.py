"""Which recipe and which images a training verb takes, from a name, a file and key=value texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from archlab.errors import OptionError, did_you_mean, keyword
from archlab.runs.recipe import Recipe, field_names, recipe
from archlab.spec import parse_options


def chosen_recipe(choice: Recipe | str) -> Recipe:
    """Return a recipe given as itself or by name; auto is paper with CUDA, else demo."""
    return choice if isinstance(choice, Recipe) else recipe(_named(choice))


def _named(name: str) -> str:
    if name != "auto":
        return name
    from archlab.train.device import has_cuda  # here: torch, which verdicts do without

    return "paper" if has_cuda() else "demo"


def recipe_of(name: str, config: Path | None = None, settings: Sequence[str] = ()) -> Recipe:
    """Return a recipe by name (auto included), changed by a YAML file and `key=value` texts."""
    return recipe(_named(name), config, parse_options(list(settings)))


def recipe_and_options(
    name: str, config: Path | None = None, settings: Sequence[str] = (), model: str = ""
) -> tuple[Recipe, dict[str, object]]:
    """Return a recipe, and the constructor arguments among the `key=value` texts.

    A key that a recipe has changes the recipe; any other is an argument of the model.
    """
    entries = parse_options(list(settings))
    changes = {key: value for key, value in entries.items() if key in field_names()}
    others = {key: value for key, value in entries.items() if key not in changes}
    if others and model:
        _check_keys(others, model)
    return recipe(_named(name), config, changes), others


def _check_keys(keys: Iterable[str], model: str) -> None:
    """Raise where a key is none of the recipe's and none of the model's arguments."""
    from archlab.train.build import option_names  # here: verdicts and recipes need no torch

    # With **kwargs a constructor names no arguments: whether it takes the key shows when it runs.
    taken = option_names(model)
    for key in keys:
        if taken is not None and key not in taken:
            raise OptionError(
                f"{keyword('options', key)}: neither the recipe nor {model} has it."
                f"{did_you_mean(key, (*field_names(), *taken))} The recipe has "
                f"{', '.join(field_names())}; {model} takes {', '.join(taken) or 'nothing'}."
            )
