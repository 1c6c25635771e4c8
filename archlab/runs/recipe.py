"""Recipes as data: how long, how fast and on what nets are trained. No torch.

A recipe counts steps, never epochs: `epochs` is only turned into steps once the number of images
is known. Overrides come from a YAML file and from single values. The annotation of a field is its
check: pydantic reads it, and an editor reads the JSON schema that comes of it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import DocInfo, Ge, Gt, Lt, Predicate, doc

from archlab.errors import OptionError, check_one_of, did_you_mean, keyword
from archlab.files import read_text, reason

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Schedule = Literal["constant", "steps", "linear", "cosine", "one_cycle"]
Optimizer = Literal["sgd", "adam", "adamw"]
Center = Literal["pixel", "channel"]
Precision = Literal["float32", "bfloat16"]
# YAML has .inf and .nan, which a bound alone would let through.
_finite = Predicate(math.isfinite)
Positive = Annotated[float, Gt(0), _finite, doc("a number, above 0")]
NotNegative = Annotated[float, Ge(0), _finite, doc("a number, 0 or more")]
Share = Annotated[float, Ge(0), Lt(1), doc("a number from 0, below 1")]
Count = Annotated[int, Gt(0), doc("a whole number, above 0")]
CountOrZero = Annotated[int, Ge(0), doc("a whole number, 0 or more")]
Milestones = Annotated[tuple[CountOrZero, ...], doc("whole numbers [a, b]")]
Widths = Annotated[tuple[Count, Count, Count], doc("three whole numbers [16, 32, 64]")]
Flag = Annotated[bool, doc("true or false")]
Text = Annotated[str, doc("a text")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a run besides the net, the data and the seed.

    Attributes:
        name: what ledgers call it.
        steps: optimizer steps; None counts `epochs` of the data.
        epochs: passes over the training images, used where `steps` is None.
        batch_size, optimizer, learning_rate, momentum, weight_decay: of every step. `adam` adds
            the decay to the gradient, `adamw` takes it off the weights (Loshchilov and Hutter
            2019, arXiv:1711.05101); both ignore the momentum.
        nesterov: the look-ahead momentum of SGD (Sutskever et al. 2013).
        label_smoothing: the share of a target that is spread over all classes (Szegedy et al.
            2016, arXiv:1512.00567, section 7).
        ema_decay: above 0 the net that is measured and kept is the moving average of the weights,
            of which each step keeps this share; 0 takes the weights as they are.
        schedule, gamma, warmup_steps: how the rate falls (constant, steps, linear, cosine or
            one_cycle), by which factor, and after how many steps of rising. `one_cycle` rises for
            30 % of all steps from a 25th and falls to a 250,000th, along cosines (Smith and Topin
            2018, arXiv:1708.07120); it has no other warm-up.
        milestones: steps at which the `steps` schedule multiplies the rate by `gamma`.
        pad: pixels of zero border for random crops; 0 crops nothing.
        flip: whether images are mirrored at random.
        cutout: the side in pixels of a square at a random place that is set to the mean (DeVries
            and Taylor 2017, arXiv:1708.04552); 0 cuts nothing out.
        center: what is subtracted: the mean image (He et al.) or each channel's mean, then
            divided by its standard deviation.
        precision, channels_last, deterministic: how torch computes.
        widths: channels of the three stages of a 6n + 2 net.
        categories: classes of the net; None takes the data's.
        eval_every, checkpoint_every: steps between measurements in eval mode, and between
            checkpoints; None gives a run ten measurements and 20 checkpoints, or more where that
            would be over 1,000 steps.
        eval_images: training images measured between, evenly spread; the last measurement takes
            all.
        careful_depth: from this depth on the rate is 0.1 of itself until the running training
            error is below 80 % (He et al. 2015, section 4.2); 0 never does.
        made_for: the images that a training verb takes by default; it changes no run.

    Example:
        >>> Recipe(name="mine", epochs=2, batch_size=100).total_steps(images=1000)
        20
    """

    name: Text
    steps: Count | None = None
    epochs: Positive | None = None
    batch_size: Count = 128
    optimizer: Optimizer = "sgd"
    learning_rate: Positive = 0.1
    momentum: Share = 0.9
    weight_decay: NotNegative = 1e-4
    schedule: Schedule = "constant"
    milestones: Milestones = ()
    gamma: NotNegative = 0.1
    warmup_steps: CountOrZero = 0
    pad: CountOrZero = 4
    flip: Flag = True
    center: Center = "channel"
    precision: Precision = "float32"
    channels_last: Flag = False
    deterministic: Flag = False
    widths: Widths = (16, 32, 64)
    categories: Count | None = None
    eval_every: Count | None = 391
    eval_images: Count = 10_000
    checkpoint_every: Count | None = 200
    careful_depth: CountOrZero = 0
    nesterov: Flag = False
    label_smoothing: Share = 0.0
    ema_decay: Share = 0.0
    cutout: CountOrZero = 0
    made_for: Text = field(default="cifar10", compare=False)

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
        if self.schedule == "one_cycle":
            return _one_cycle(step, total)
        # A short run must get beyond its warm-up.
        warmup = min(self.warmup_steps, total // 2)
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

    def measured_every(self, total: int) -> int:
        """Return the steps between two measurements of a run of `total` steps.

        Example:
            >>> Recipe(name="mine", steps=50, eval_every=None).measured_every(50)
            5
        """
        return self.eval_every or min(1000, max(1, total // 10))

    def saved_every(self, total: int) -> int:
        """Return the steps between two checkpoints of a run of `total` steps."""
        return self.checkpoint_every or min(1000, max(1, total // 20))

    def sentence(self) -> str:
        """Return the recipe in one line, for headers."""
        length = f"{self.steps:,} steps" if self.steps else f"{self.epochs:g} epochs"
        method = f"{self.optimizer} lr {self.learning_rate:g}, wd {self.weight_decay:g}"
        augment = f"pad-{self.pad} crop" if self.pad else "no crop"
        further = {
            "nesterov": self.nesterov,
            f"cutout {self.cutout}": self.cutout,
            f"label smoothing {self.label_smoothing:g}": self.label_smoothing,
            f"average {self.ema_decay:g}": self.ema_decay,
        }
        return ", ".join([
            f"{self.name}: {length}, batch {self.batch_size}, {method}, {self.schedule}, "
            f"{augment}, {'flip' if self.flip else 'no flip'}, {self.precision}",
            *(words for words, given in further.items() if given),
        ])  # fmt: skip


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
        eval_images=2000, checkpoint_every=300, made_for="embedded",
    ),
    # The course chapter's 100 epochs with deterministic=True; it leaves the optimizer open.
    "lesson": Recipe(
        name="lesson", epochs=100, weight_decay=5e-4, schedule="cosine", warmup_steps=400,
        deterministic=True,
    ),
    # Ours, for a ResNet-18 with the stem for small images: what others who reach 94 % and more
    # share (a cycle of the rate, smoothed labels, cutout, averaged weights).
    "accurate": Recipe(
        name="accurate", epochs=30, batch_size=256, learning_rate=0.2, nesterov=True,
        weight_decay=5e-4, schedule="one_cycle", label_smoothing=0.1, cutout=8, ema_decay=0.998,
        precision="bfloat16", channels_last=True, eval_every=196,
    ),
}  # fmt: skip
# Fields that came later: at their defaults they change no run, and so no run's identity.
LATER = {"nesterov": False, "label_smoothing": 0.0, "ema_decay": 0.0, "cutout": 0}


def recipe(
    name: str = "paper", config: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """Return a recipe by name, changed by a YAML file and then by single values.

    Args:
        name: a key of RECIPES; a `recipe` entry of the file takes its place.
        config: a YAML file of recipe fields, such as `learning_rate: 0.05`.
        overrides: fields and their values.

    Raises:
        OptionError: an unknown recipe, key or value; the message says what is allowed.

    Example:
        >>> recipe("fast", overrides={"epochs": 2}).total_steps(50_000)
        782
    """
    entries = read_config(config) if config else {}
    name = str(entries.pop("recipe", name))
    check_one_of("recipe", name, RECIPES)
    changed = _changed(RECIPES[name], entries, str(config))
    return _changed(changed, overrides or {}, keyword("set"))


def read_config(path: Path) -> dict[str, Any]:
    """Return the entries of a YAML file; OptionError where it maps no names to values."""
    import yaml  # here: most commands read no YAML

    class Loader(yaml.SafeLoader):
        """Reads 1e-4 as a number, as YAML 1.2 does; YAML 1.1 wants 1.0e-4. No aliases."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            """Raise for an alias: a few of them make a value that is part of itself, or endless."""
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("a recipe has no aliases (*name)")
            return super().compose_node(parent, index)

        def compose_mapping_node(self, anchor: Any) -> Any:
            """Raise for a key that comes twice: the first of two values would be dropped."""
            node = super().compose_mapping_node(anchor)
            keys = [str(key.value) for key, _ in node.value]
            if twice := [key for i, key in enumerate(keys) if key in keys[:i]]:
                raise yaml.YAMLError(f"the key {twice[0]!r} is given twice")
            return node

    exponent = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", exponent, list("-+0123456789"))
    source = keyword("config", path)
    try:
        content = yaml.load(read_text(path, 2**20), Loader)  # noqa: S506  it is a SafeLoader
    except OSError as error:
        raise OptionError(f"{source} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(reason(error).split())
        raise OptionError(f"{source} is not YAML that can be read: {why}") from error
    # An empty file is None in YAML, and changes nothing.
    if isinstance(content, dict | None):
        return {str(key): value for key, value in (content or {}).items()}
    raise OptionError(
        f"{source} holds {type(content).__name__}; lines such as `learning_rate: 0.05` are wanted."
    )


def _one_cycle(step: int, total: int) -> float:
    """Return a step's rate as a share of the highest; torch's OneCycleLR at its defaults."""
    first, last = 1 / 25, 1 / 25e4
    top = max(0.3 * total - 1, 0.0)  # the step of the highest rate
    if step < top:
        return first + (1 - first) * (1 - math.cos(math.pi * step / top)) / 2
    fallen = min((step - top) / max(total - 1 - top, 1.0), 1.0)
    return last + (1 - last) * (1 + math.cos(math.pi * fallen)) / 2


def field_names() -> tuple[str, ...]:
    """Return the names that a config file or a single value may change."""
    fixed = ("name", "made_for")
    return tuple(part.name for part in fields(Recipe) if part.name not in fixed)


def from_record(record: Mapping[str, Any]) -> Recipe:
    """Return the recipe that `dataclasses.asdict` and JSON made a record of."""
    source = "the run's record"
    _check_names(record, [part.name for part in fields(Recipe)], source)
    return _checked(record, source)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a config file, for editors that check YAML.

    Example:
        >>> json_schema()["properties"]["optimizer"]["enum"]
        ['sgd', 'adam', 'adamw']
    """
    properties = _adapter().json_schema()["properties"]
    entries = {name: {**properties[name], "description": _meaning(name)} for name in field_names()}
    return {
        "title": "Recipe of archlab",
        "type": "object",
        "properties": {"recipe": {"enum": list(RECIPES)}, **entries},
        "additionalProperties": False,
    }


def _changed(base: Recipe, entries: Mapping[str, Any], source: str) -> Recipe:
    """Return a recipe with some fields changed."""
    _check_names(entries, field_names(), source)
    values = {**asdict(base), **entries}
    # What is measured and saved how often fits the base's own length.
    if any(entries.get(length) is not None for length in ("steps", "epochs")):
        values |= {name: entries.get(name) for name in ("eval_every", "checkpoint_every")}
    # A length in one unit takes the place of the base's in the other.
    for one, other in (("steps", "epochs"), ("epochs", "steps")):
        if entries.get(one) is not None and other not in entries:
            values[other] = None
    changed = _checked(values, source)
    if changed.schedule == "steps" and not changed.milestones:
        raise OptionError(
            f"{source}: the schedule `steps` lowers the rate at milestones, and there are none. "
            "Give milestones, such as [32000, 48000], or another schedule."
        )
    return changed


def _check_names(names: Iterable[str], known: Collection[str], source: str) -> None:
    for name in names:
        if name not in known:
            raise OptionError(
                f"{source}: unknown key {name!r}.{did_you_mean(name, known)} "
                f"Allowed: {', '.join(known)}."
            )


def _checked(values: Mapping[str, Any], source: str) -> Recipe:
    """Return the recipe of some values, or raise with what the first wrong one must be."""
    from pydantic import ValidationError  # here: 0.1 s, and the names of recipes need none of it

    # As JSON, for strict types: a list may be a tuple there, but a text no number.
    try:
        recipe = _adapter().validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        value = values.get(name)
        hint = did_you_mean(str(value), choices) if (choices := _choices(name)) else ""
        raise OptionError(
            f"{source}: {name} is {value!r}; {_meaning(name)} is wanted.{hint}"
        ) from None
    if recipe.steps is None and recipe.epochs is None:
        raise OptionError(f"{source}: give steps or epochs; both are null.")
    if recipe.nesterov and (recipe.optimizer != "sgd" or not recipe.momentum):
        raise OptionError(
            f"{source}: nesterov looks ahead along the momentum of sgd, and the optimizer is "
            f"{recipe.optimizer} with momentum {recipe.momentum:g}. Leave nesterov out."
        )
    # A whole number stays an int where a fraction is allowed too: a recipe that is read back from
    # JSON keeps the identity that it was written with.
    whole: dict[str, Any] = {name: each for name, each in values.items() if type(each) is int}
    return replace(recipe, **whole)


@cache
def _adapter() -> TypeAdapter[Recipe]:
    from pydantic import TypeAdapter  # here: see `_checked`

    return TypeAdapter(Recipe)


def _choices(name: str) -> tuple[str, ...]:
    """Return the texts that a field may be; none where it is no choice."""
    hint = get_type_hints(Recipe)[name]
    return get_args(hint) if get_origin(hint) is Literal else ()


def _meaning(name: str) -> str:
    """Return in words what a field may be."""
    hint = get_type_hints(Recipe, include_extras=True)[name]
    # The note of an optional field hangs on the part of the union that is not None.
    notes = [note for part in (hint, *get_args(hint)) for note in getattr(part, "__metadata__", ())]
    words = [note.documentation for note in notes if isinstance(note, DocInfo)]
    return words[0] if words else f"one of {', '.join(_choices(name))}"
