"""Recipes as data: how long, how fast and on what nets are trained. No torch.

A recipe counts steps, never epochs: `epochs` is only turned into steps once the number of images
is known. Overrides come from a YAML file and from `--set`, and are checked by name and type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from archlab.errors import OptionError, check_one_of, did_you_mean

Schedule = Literal["constant", "steps", "linear", "cosine"]
Optimizer = Literal["sgd", "adam"]
Center = Literal["pixel", "channel"]
Precision = Literal["float32", "bfloat16"]
CHOICES = {"schedule": Schedule, "optimizer": Optimizer, "center": Center, "precision": Precision}
# Numbers that must be above zero, and those that may be zero.
POSITIVE = ("batch_size", "learning_rate", "eval_every", "checkpoint_every", "categories")
NOT_NEGATIVE = ("momentum", "weight_decay", "warmup_steps", "pad", "gamma", "careful_depth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a run besides the net, the data and the seed.

    Attributes:
        name: what ledgers call it.
        steps: optimizer steps; None counts `epochs` of the data.
        epochs: passes over the training images, used where `steps` is None.
        batch_size, optimizer, learning_rate, momentum, weight_decay: of every step.
        schedule, gamma, warmup_steps: how the rate falls (constant, steps, linear or cosine), by
            which factor, and after how many steps of rising.
        milestones: steps at which the `steps` schedule multiplies the rate by `gamma`.
        pad: pixels of zero border for random crops; 0 crops nothing.
        flip: whether images are mirrored at random.
        center: what is subtracted: the mean image (He et al.) or each channel's mean, then
            divided by its standard deviation.
        precision, channels_last, deterministic: how torch computes.
        widths: channels of the three stages of a 6n + 2 net.
        categories: classes of the net; None takes the data's.
        eval_every, checkpoint_every: steps between measurements in eval mode, and between
            checkpoints.
        eval_images: training images measured between, evenly spread; the last measurement takes
            all.
        careful_depth: from this depth on the rate is 0.1 of itself until the running training
            error is below 80 % (He et al. 2015, section 4.2); 0 never does.

    Example:
        >>> Recipe(name="mine", epochs=2, batch_size=100).total_steps(images=1000)
        20
    """

    name: str
    steps: int | None = None
    epochs: float | None = None
    batch_size: int = 128
    optimizer: Optimizer = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Schedule = "constant"
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    warmup_steps: int = 0
    pad: int = 4
    flip: bool = True
    center: Center = "channel"
    precision: Precision = "float32"
    channels_last: bool = False
    deterministic: bool = False
    widths: tuple[int, int, int] = (16, 32, 64)
    categories: int | None = None
    eval_every: int = 391
    eval_images: int = 10_000
    checkpoint_every: int = 200
    careful_depth: int = 0

    def total_steps(self, images: int) -> int:
        """Return the optimizer steps of a run over `images` training images.

        Example:
            >>> RECIPES["fast"].total_steps(50_000), RECIPES["paper"].total_steps(50_000)
            (3910, 64000)
        """
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, round(self.epochs * math.ceil(images / self.batch_size)))

    def rate(self, step: int, total: int) -> float:
        """Return the learning rate of a step, counted from 0, as a share of `learning_rate`.

        Args:
            step: the step, from 0.
            total: steps of the whole run.

        Example:
            >>> paper = RECIPES["paper"]
            >>> [round(paper.rate(step, 64_000), 4) for step in (0, 31_999, 32_000, 48_000)]
            [1.0, 1.0, 0.1, 0.01]
        """
        warmup = min(self.warmup_steps, total // 2)  # a short run must get beyond it
        if step < warmup:
            return (step + 1) / warmup
        if self.schedule == "steps":
            return float(self.gamma ** sum(step >= mark for mark in self.milestones))
        left = 1.0 - (step - warmup) / max(total - warmup, 1)
        if self.schedule == "linear":
            return max(left, 0.0)
        if self.schedule == "cosine":
            return 0.5 * (1.0 - math.cos(math.pi * max(left, 0.0)))
        return 1.0

    def sentence(self) -> str:
        """Return the recipe in one line, for headers."""
        length = f"{self.steps:,} steps" if self.steps else f"{self.epochs:g} epochs"
        method = f"{self.optimizer} lr {self.learning_rate:g}, wd {self.weight_decay:g}"
        augment = f"pad-{self.pad} crop" if self.pad else "no crop"
        return (
            f"{self.name}: {length}, batch {self.batch_size}, {method}, {self.schedule}, "
            f"{augment}, {'flip' if self.flip else 'no flip'}, {self.precision}"
        )


RECIPES: dict[str, Recipe] = {
    # He et al. 2015 (arXiv:1512.03385), section 4.2.
    "paper": Recipe(
        name="paper", steps=64_000, schedule="steps", milestones=(32_000, 48_000), center="pixel",
        eval_every=1000, checkpoint_every=500, careful_depth=110,
    ),
    # Ours: the same claim in a twentieth of the steps.
    "fast": Recipe(
        name="fast", epochs=10, schedule="cosine", warmup_steps=400, precision="bfloat16",
        channels_last=True, checkpoint_every=100,
    ),
    # Ours: the smallest honest experiment found; for the embedded 16×16 images.
    "demo": Recipe(
        name="demo", epochs=20, batch_size=32, learning_rate=0.05, schedule="linear",
        warmup_steps=60, pad=0, flip=False, widths=(8, 16, 32), eval_every=126,
        eval_images=2000, checkpoint_every=300,
    ),
    # The course chapter's 100 epochs with deterministic=True; it leaves the optimizer open.
    "lesson": Recipe(
        name="lesson", epochs=100, weight_decay=5e-4, schedule="cosine", warmup_steps=400,
        deterministic=True,
    ),
}  # fmt: skip


def recipe(
    name: str = "paper", config: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """Return a recipe by name, changed by a YAML file and then by single values.

    Args:
        name: paper, fast, demo or lesson; a `recipe` entry of the file takes its place.
        config: a YAML file of recipe fields, such as `learning_rate: 0.05`.
        overrides: fields and their values.

    Raises:
        OptionError: an unknown recipe, key or value; the message says what is allowed.

    Example:
        >>> recipe("fast", overrides={"epochs": 2}).total_steps(50_000)
        782
    """
    changes = read_config(config) if config else {}
    name = str(changes.pop("recipe", name))
    check_one_of("recipe", name, RECIPES)
    changed = RECIPES[name]
    for source, given in ((str(config), changes), ("--set", dict(overrides or {}))):
        changed = _changed(changed, given, source)
    return changed


def read_config(path: Path) -> dict[str, Any]:
    """Return the entries of a YAML file.

    Raises:
        OptionError: no such file, no YAML, or no mapping of names to values.
    """
    import yaml  # here: most commands read no YAML

    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise OptionError(f"--config {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise OptionError(f"--config {path} is not YAML: {where}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise OptionError(
            f"--config {path} holds {type(content).__name__}; lines such as "
            "`learning_rate: 0.05` are wanted."
        )
    return {str(key): value for key, value in content.items()}


def field_names() -> tuple[str, ...]:
    """Return the names that a config file or `--set` may change."""
    return tuple(part.name for part in fields(Recipe) if part.name != "name")


def from_record(record: Mapping[str, Any]) -> Recipe:
    """Return the recipe that `dataclasses.asdict` and JSON made a record of."""
    return _changed(Recipe(name=str(record["name"]), epochs=1), dict(record), "the run's record")


def _changed(base: Recipe, given: Mapping[str, Any], source: str) -> Recipe:
    known = (*field_names(), "name") if source == "the run's record" else field_names()
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise OptionError(
                f"{source}: unknown key {key!r}.{did_you_mean(key, known)} "
                f"Allowed: {', '.join(known)}."
            )
        values[key] = _checked(key, value, source)
    if values.get("steps") is not None and "epochs" not in values:
        values["epochs"] = None
    if values.get("epochs") is not None and "steps" not in values:
        values["steps"] = None
    changed = replace(base, **values)
    if changed.steps is None and changed.epochs is None:
        raise OptionError(f"{source}: give steps or epochs; both are null.")
    return changed


def _checked(key: str, value: Any, source: str) -> Any:
    """Return the value in its field's type, or raise with what the field takes."""
    if key in CHOICES:
        check_one_of(f"{source}: {key}", str(value), get_args(CHOICES[key]))
        return str(value)
    wanted = str(Recipe.__annotations__[key])
    taken = _as_type(wanted, value)
    low = 1e-12 if key in (*POSITIVE, "steps", "epochs") else 0
    numbers = taken if isinstance(taken, tuple) else (taken,)
    ranged = all(
        item >= (1 if key == "widths" else low)
        for item in numbers
        if isinstance(item, int | float) and not isinstance(item, bool)
    )
    if taken is _BAD or not ranged:
        least = ", above 0" if low else ", 0 or more"
        kinds = {"bool": "true or false", "str": "text", "tuple[int, ...]": "whole numbers [a, b]"}
        kinds["tuple[int, int, int]"] = "three whole numbers [16, 32, 64]"
        number = ("a whole number" if wanted.startswith("int") else "a number") + least
        raise OptionError(f"{source}: {key} is {value!r}; {kinds.get(wanted, number)} is wanted.")
    return taken


_BAD = object()


def _as_type(wanted: str, value: Any) -> Any:
    if value is None:
        return None if "None" in wanted else _BAD
    if wanted in ("bool", "str"):
        return value if type(value).__name__ == wanted else _BAD
    if isinstance(value, bool):
        return _BAD
    if wanted.startswith("tuple"):
        whole = isinstance(value, list | tuple) and all(type(item) is int for item in value)
        counted = whole and (wanted.endswith("...]") or len(value) == 3)
        return tuple(value) if counted else _BAD
    if wanted.startswith("int"):
        return value if isinstance(value, int) else _BAD
    if isinstance(value, str):  # YAML 1.1 reads 1e-4 as text
        try:
            value = float(value)
        except ValueError:
            return _BAD
    # An int stays one: a recipe read back from JSON has the identity it was written with.
    return value if isinstance(value, int | float) and math.isfinite(value) else _BAD


def as_record(item: Recipe) -> dict[str, Any]:
    """Return the recipe as a JSON record."""
    return asdict(item)
