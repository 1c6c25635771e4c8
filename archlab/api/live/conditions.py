"""Under what conditions a live net is measured, and the nets, weights and data that follow.

One seed gives one draw of weights, data, labels and dropout. Everything is on a copy.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from archlab.api.model import MODES, Model, ModelLike, load
from archlab.data.catalog import NAMES
from archlab.data.pictures import fitted, folder_images
from archlab.data.sets import is_set, load_images
from archlab.errors import OptionError, SpecError, check_one_of, did_you_mean, keyword
from archlab.probe.blocks import chosen, find_blocks
from archlab.probe.branches import zero_branches
from archlab.probe.gradients import Batch
from archlab.probe.initial import SCHEMES, initialise, is_batch_norm, without_norms
from archlab.probe.norm import has_gradient
from archlab.probe.running import is_scripted, members, reported, run
from archlab.probe.samples import made_input
from archlab.probe.untouched import check_weights, drawn_from, has_lazy
from archlab.probe.weights import load_weights
from archlab.result import unique_names
from archlab.spec import InputSpec
from archlab.verb import Progress
from archlab.zoo import CIFAR_FAMILIES

Measured = TypeVar("Measured")
NORMS = ("batch", "none")
GRAINS = ("block", "layer")
DTYPES = ("float32", "float64", "bfloat16", "float16")
# Added to the seed of the data: drawn from one seed, data and weights would be the same numbers.
_DATA = 1_000_003
_SMALL = 64 * 64  # pixels of an image up to which 64 of them fit in little memory


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a live net is measured, checked; `archlab.gradients` says what each of these is."""

    seeds: int = 3
    seed: int = 0
    batch: int | None = None
    mode: str = "train"
    norm: str | None = None
    init: str | None = None
    checkpoint: str | Path | None = None
    images: str | Path | None = None
    data_dir: str | Path = ".data"
    noise: bool = False
    loss: str | Callable[[Any], torch.Tensor] | None = None
    device: str = "cpu"
    dtype: str | None = None
    by: str | None = None
    layers: Sequence[str] = ()

    def __post_init__(self) -> None:
        choices = {"mode": MODES, "dtype": DTYPES, "by": GRAINS, "norm": NORMS, "init": SCHEMES}
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value is not None:
                check_one_of(name, value, allowed)
        for name in ("seeds", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{keyword(name, value)}: one or more is needed.")
        if self.seed < 0:
            raise OptionError(f"{keyword('seed', self.seed)}: a seed is 0 or more.")
        if self.images is not None and self.noise:
            raise OptionError(f"{keyword('noise')} and {keyword('images')} exclude each other.")
        if self.checkpoint is not None and self.init is not None:
            raise OptionError(
                f"{keyword('checkpoint')} brings weights and {keyword('init')} draws them: "
                "leave one out."
            )
        if self.layers and self.by is not None:
            raise OptionError(
                f"{keyword('layers')} and {keyword('by')} exclude each other: "
                "both say where to measure."
            )
        _check_device(self.device)


@dataclass(frozen=True)
class Subject:
    """One net to measure: its name in tables, and whether it runs without its shortcuts."""

    name: str
    model: Model
    dropped: bool = False


def _check_device(name: str) -> None:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(
            f"{keyword('device', name)} is no device. Examples: cpu, cuda, cuda:1."
        ) from error
    if device.type == "meta":
        raise OptionError(
            f"{keyword('device', name)}: tensors there have no values to measure. Try cpu."
        )
    if device.type == "cuda" and not torch.cuda.is_available():
        raise OptionError(
            f"{keyword('device', name)}: torch sees no CUDA device on this machine. Try cpu."
        )


def at_depths(names: Sequence[str], depths: Sequence[int]) -> list[str]:
    """Return each zoo name at each depth: resnet56 at 20 and 110 is resnet20 and resnet110.

    Example:
        >>> at_depths(["resnet56", "plain"], [20, 110])
        ['resnet20', 'resnet110', 'plain20', 'plain110']
    """
    if not depths:
        return list(names)
    stems = []
    for name in names:
        match = re.fullmatch(r"((?:cifar_)?(?:resnet|plain))\d*", name)
        if match is None:
            raise OptionError(
                f"{keyword('depths')} takes nets of the zoo that have a depth, such as resnet56 or "
                f"plain; {name!r} has none."
            )
        stems.append(match[1])
    return list(dict.fromkeys(f"{stem}{depth}" for stem in stems for depth in depths))


def subject_of(model: Model, conditions: Conditions) -> Subject:
    """Return the net at the batch and norm of the conditions."""
    # The zoo's nets take the norm as an argument: without one their convolutions have biases.
    if conditions.norm is not None and model.family == "zoo":
        model = model.rebuilt(norm=conditions.norm)
    return Subject(model.name, _with_batch(model, conditions))


def subjects_of(models: Sequence[ModelLike], conditions: Conditions) -> list[Subject]:
    """Return the nets of specs, modules and loaded models, of which one at least is needed."""
    if not models:
        raise OptionError("No model to measure: give one or more, such as resnet20.")
    return [subject_of(load(model), conditions) for model in models]


def twin_of(subject: Subject, conditions: Conditions) -> Subject:
    """Return the plain twin: the zoo's own by construction, or the net without its shortcuts."""
    name = f"{subject.name} (plain twin)"
    variant = subject.model.zoo_family
    # The weights of a checkpoint fit the net that they are of, and not the zoo's plain one.
    if variant not in ("resnet", "cifar_resnet") or conditions.checkpoint is not None:
        return Subject(name, subject.model, dropped=True)
    # He et al. compare at equal parameters: their CIFAR nets have shortcut A, which has no weights.
    options = {"shortcut": "A"} if variant in CIFAR_FAMILIES else {}
    return Subject(name, subject.model.rebuilt(residual=False, **options))


@contextlib.contextmanager
def draw(subject: Subject, conditions: Conditions, seed: int) -> Iterator[tuple[nn.Module, Batch]]:
    """Give a copy of the net and its batch, drawn from `seed`, as a forward inside will."""
    module = subject.model.seeded(seed)
    batch = _batch_of(subject, conditions, seed)
    # Inside, torch's generators stand at the seed: initial values and dropout follow from it.
    with drawn_from(seed):
        _give_shapes(module, batch, conditions.mode)
        # Drawn on the CPU also for a GPU, whose generators would give other weights.
        _initial_values(module, batch, conditions, subject.name)
        place = partial(_placed, conditions=conditions)
        with reported(f"Moving {subject.name} to {conditions.device}"):
            # Not by `Module.to`, which drops the imaginary part of complex weights.
            module._apply(place)  # type: ignore[no-untyped-call]
            args, kwargs = tree_map_only(torch.Tensor, place, (batch.args, batch.kwargs))
        yield module, Batch(args, kwargs)


def every_draw(
    subjects: Sequence[Subject],
    conditions: Conditions,
    measure: Callable[[Subject, nn.Module, Batch, int], Measured],
    progress: Progress | None,
) -> dict[str, list[tuple[int, Measured]]]:
    """Return what `measure` says of every net at every seed: (seed, answer) pairs by net."""
    names = unique_names([subject.name for subject in subjects])
    seeds = range(conditions.seed, conditions.seed + conditions.seeds)
    measured: dict[str, list[tuple[int, Measured]]] = {name: [] for name in names}
    for i, (name, subject) in enumerate(zip(names, subjects, strict=True)):
        for j, seed in enumerate(seeds):
            if progress is not None:
                done, total = i * len(seeds) + j, len(names) * len(seeds)
                progress(done, total, f"{name}, seed {seed}")
            with draw(subject, conditions, seed) as (module, batch):
                measured[name].append((seed, measure(subject, module, batch, seed)))
    return measured


def places(module: nn.Module, conditions: Conditions, name: str) -> tuple[str, ...]:
    """Return the module paths to measure at; nothing where every layer with weights is meant."""
    if conditions.layers:
        return chosen(module, conditions.layers, name)
    return () if conditions.by == "layer" else find_blocks(module)


def _give_shapes(module: nn.Module, batch: Batch, mode: str) -> None:
    """Run the forward that gives lazy layers their weights, drawn from torch's generator."""
    # In eval mode first, in which batch norm's statistics stay as they are; what only runs in train
    # mode, such as auxiliary heads, comes after that.
    for running in dict.fromkeys(("eval", mode)):
        if has_lazy(module):
            with torch.no_grad():
                run(module.train(running == "train"), batch.args, batch.kwargs)
    check_weights(module)


def _placed(tensor: torch.Tensor, conditions: Conditions) -> torch.Tensor:
    """Return a tensor on the device, and in the dtype, of the conditions."""
    dtype = None if conditions.dtype is None else getattr(torch, conditions.dtype)
    # Token ids stay whole numbers: an embedding takes no others.
    if dtype is None or not has_gradient(tensor):
        return tensor.to(conditions.device)
    return tensor.to(conditions.device, dtype.to_complex() if tensor.is_complex() else dtype)


def _with_batch(model: Model, conditions: Conditions) -> Model:
    """The batch of the conditions, or the one of the inputs, or as many images as fit well."""
    if conditions.batch is not None:
        return model.with_batch(conditions.batch)
    graph = model.trace()
    sizes = [graph.shape(tensor) for tensor in graph.inputs]
    # A first size other than one was chosen by the user as the batch, or is no batch at all.
    if any(size[:1] != (1,) for size in sizes):
        return model
    # Of an image or a video all but samples and channels; a sequence has its channels last.
    positions = (size[2:] if len(size) > 3 else size[1:] for size in sizes if len(size) > 2)
    pixels = max(map(math.prod, positions), default=0)
    return model.with_batch(64 if pixels <= _SMALL else 8)


def _initial_values(module: nn.Module, batch: Batch, conditions: Conditions, name: str) -> None:
    inside = [path or name for path, member in members(module) if is_scripted(member)]
    if inside and (conditions.init or conditions.norm == "none"):
        option = keyword("init") if conditions.init else keyword("norm", "none")
        raise OptionError(f"{option} cannot change what is scripted: {', '.join(inside)}.")
    # For nets from elsewhere: those of the zoo were built without norms by `subject_of`.
    if conditions.norm == "none":
        without_norms(module)
    if conditions.norm == "batch" and not any(map(is_batch_norm, module.modules())):
        raise OptionError(
            f"{name} has no batch norm, and {keyword('norm', 'batch')} cannot say where to put it."
        )
    if conditions.checkpoint is not None:
        load_weights(module, conditions.checkpoint)
    if conditions.init is not None and not initialise(module, conditions.init):
        raise OptionError(
            f"{name} has no convolution or linear layer that {keyword('init')} could draw."
        )
    # The last norm of each branch starts at zero (Goyal et al. 2017, section 5.1). A forward has to
    # find out which one that is, so this comes last.
    if conditions.init == "zero-gamma":
        zero_branches(module, batch)


def _images(conditions: Conditions, shape: Sequence[int]) -> torch.Tensor:
    """Return at most N images of a folder, or of a set that `archlab train` takes by name."""
    assert conditions.images is not None
    name = str(conditions.images)
    if not Path(name).is_dir() and not is_set(name):
        raise SpecError(
            f"{keyword('images', name)} is no folder, .npz file or known set."
            f"{did_you_mean(name, NAMES)} "
            f"The sets are {', '.join(NAMES)}."
        )
    if Path(name).is_dir():
        return folder_images(conditions.images, shape[1:], shape[0])
    pixels = load_images(name, Path(conditions.data_dir)).train_images[: shape[0]]
    return fitted(torch.from_numpy(pixels), shape[1:])


def _batch_of(subject: Subject, conditions: Conditions, seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed + _DATA)

    def make(spec: InputSpec) -> torch.Tensor:
        if conditions.images is not None and len(spec.shape) == 4:
            images = _images(conditions, spec.shape)
            # A folder with fewer images than the batch has samples is gone through again.
            return images[torch.arange(spec.shape[0]) % len(images)]
        return made_input(spec, generator, noise=conditions.noise)

    args, kwargs = subject.model.inputs(make, conditions.mode)
    return Batch(args, kwargs)
