"""Which recipe and which images a training verb takes, from a name, a file and key=value texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from archlab.data.catalog import SETS
from archlab.errors import OptionError, did_you_mean, keyword
from archlab.runs.recipe import RECIPES, Recipe, field_names, recipe
from archlab.spec import parse_options


@dataclass(frozen=True, slots=True)
class Images:
    """Where a training verb looks for images: what the recipe auto depends on.

    Attributes:
        data: as the verb got it; None takes those that the recipe is made for.
        data_dir: where official archives are, or go.
        download: fetch an official archive that is absent.
    """

    data: str | None = None
    data_dir: str | Path = ".data"
    download: bool = False

    @property
    def at_hand(self) -> bool:
        """Whether there are images to train `paper` on, or will be."""
        folder = Path(self.data_dir) / SETS[RECIPES["paper"].made_for].folder
        return self.data is not None or self.download or folder.is_dir()


ANY = Images()


def chosen_recipe(choice: Recipe | str, images: Images = ANY) -> Recipe:
    """Return a recipe given as itself or by name.

    auto is paper where there are CUDA and images for it, else demo.
    """
    return choice if isinstance(choice, Recipe) else recipe(_named(choice, images))


def _named(name: str, images: Images) -> str:
    if name != "auto":
        return name
    from archlab.train.device import has_cuda  # here: torch, which verdicts do without

    return "paper" if has_cuda() and images.at_hand else "demo"


def recipe_of(
    name: str, config: Path | None = None, settings: Sequence[str] = (), images: Images = ANY
) -> Recipe:
    """Return a recipe by name (auto included), changed by a YAML file and `key=value` texts."""
    return recipe(_named(name, images), config, parse_options(list(settings)))


def opening(name: str, recipe: Recipe, images: Images = ANY) -> str:
    """Return what training begins with: the recipe, why auto took it, why a GPU is not used.

    Args:
        name: the recipe that was asked for.
        recipe: the one that is taken.
        images: where they are looked for.
    """
    from archlab.train import device, driver  # here: torch, which verdicts do without

    line = f"recipe {recipe.sentence()}"
    if name == "auto" and recipe.name == "demo":
        title = SETS[RECIPES["paper"].made_for].title
        line += (
            f"; {title} is not in {images.data_dir}: the demo, on the embedded images. "
            f"{keyword('download', value=True)} fetches {title}, for the recipe paper"
            if device.has_cuda()
            else "; no GPU here: the demo"
        )
    slow = ""
    if recipe.precision == "bfloat16" and device.slow_bfloat16():
        faster = keyword("set", "precision=float32")
        slow = f"this CPU has no instructions for bfloat16: {faster} is faster, with other rounding"
    return "\n".join(filter(None, (line, driver.unused_gpu(), slow)))


def recipe_and_options(
    name: str,
    config: Path | None = None,
    settings: Sequence[str] = (),
    model: str = "",
    images: Images = ANY,
) -> tuple[Recipe, dict[str, object]]:
    """Return a recipe, and the constructor arguments among the `key=value` texts.

    A key that a recipe has changes the recipe; any other is an argument of the model.
    """
    entries = parse_options(list(settings))
    changes = {key: value for key, value in entries.items() if key in field_names()}
    others = {key: value for key, value in entries.items() if key not in changes}
    if others and model:
        _check_keys(others, model)
    return recipe(_named(name, images), config, changes), others


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
