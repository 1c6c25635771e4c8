"""Verbs about gradients by depth: nets beside each other, with twin, theory and picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from archlab.analyze.by_depth import gradients as analysis
from archlab.analyze.by_depth.answer import ByDepth, unique_names
from archlab.analyze.by_depth.gradients import GradientRow, GradientTotals
from archlab.analyze.by_depth.theory import (
    Facts,
    Theory,
    is_chain,
    layers_per_block,
    norm_kind,
    only_relu,
    theory,
)
from archlab.api.live.conditions import (
    Conditions,
    Progress,
    Subject,
    at_depths,
    conditions,
    draw,
    places,
    subject_of,
    twin_of,
)
from archlab.api.live.header import described, header
from archlab.api.model import Model, ModelLike, load
from archlab.errors import OptionError, ProbeError
from archlab.probe.branches import measure_branches
from archlab.probe.gradients import Batch, activation_gradients, measure_gradients
from archlab.probe.initial import weight_gain
from archlab.probe.losses import choose_loss, random_target_loss
from archlab.probe.twin import measure_twin
from archlab.result.by_depth import GradientProfile

if TYPE_CHECKING:
    from archlab.ir.graph import Graph

_BELOW = "dL/da: L2 norm over the whole batch of the loss's gradient at a block's output; "
_NORMS = "dL/dW: over the weights in it; all norms summed in float64"


def gradients(
    *models: ModelLike,
    twin: bool = False,
    depths: Sequence[int] = (),
    progress: Progress | None = None,
    **given: Any,
) -> ByDepth[GradientTotals, GradientRow]:
    """Return gradient norms by depth for each net and seed, beside theory.

    Args:
        *models: specs, modules or loaded models; modules are copied.
        twin: also measure each residual model without its shortcuts.
        depths: the same zoo families at these depths.
        progress: called with (done, of, what comes next).
        **given: the conditions, see `archlab.api.live.conditions.Conditions`: `seeds`, `batch`,
            `norm`, `init`, `checkpoint`, `images`, `loss`, `device`, `by`, `layers` …

    Raises:
        OptionError: a condition that is not allowed, or a loss that does not fit the output.
        ProbeError: no gradient to measure, or no shortcut to drop.
        TraceError: the forward fails, as batch norm does at batch 1 without a map.

    Example:
        >>> found = gradients("resnet8", seeds=1, batch=8)
        >>> [row.path for row in found.rows], found.totals["resnet8"].blocks
        (['relu', 'layer1.0', 'layer2.0', 'layer3.0'], 3)
    """
    how = conditions(**given)
    subjects = _subjects(models, depths, how, twin=twin)
    names = unique_names([subject.name for subject in subjects])
    measured = []
    for i, (name, subject) in enumerate(zip(names, subjects, strict=True)):
        told = None if progress is None else _told(progress, i * how.seeds, len(names) * how.seeds)
        measured.append(_measured(name, subject, how, told))
    if progress is not None:
        progress(len(names) * how.seeds, len(names) * how.seeds, "done")
    head = header([subject.model for subject in subjects], names, how, _loss_words(subjects, how))
    return analysis.gradients(measured, described(head, _BELOW + _NORMS), _notes(subjects, how))


def module_gradients(model: ModelLike, **given: Any) -> dict[str, float | None]:
    """Return ‖dL/d(output)‖ of every module that runs, by path: heat for a drawing of the graph.

    Keys are the graph's module paths; the model itself is the empty one. One seed, the first.
    None where no gradient arrives.

    Args:
        model: a spec, a module, or a loaded model.
        **given: the conditions, as in `gradients`.

    Raises:
        OptionError, ProbeError, TraceError: as in `gradients`.

    Example:
        >>> heat = module_gradients("resnet8", batch=8)
        >>> heat["layer1.0"] > heat["layer3.0"] > 0
        True
    """
    how = conditions(**given)
    subject = subject_of(load(model), how)
    with draw(subject, how, how.seed) as (module, batch):
        return activation_gradients(module, batch, _loss(subject, how, how.seed), mode=how.mode)


def _subjects(
    models: Sequence[ModelLike], depths: Sequence[int], how: Conditions, *, twin: bool
) -> list[Subject]:
    if not models:
        raise OptionError("No model to measure: archlab gradients resnet20 plain20")
    if depths:
        if not all(isinstance(model, str) for model in models):
            raise OptionError("depths go with names of the zoo, such as 'resnet56', alone.")
        models = at_depths([str(model) for model in models], depths)
    subjects = [subject_of(load(model), how) for model in models]
    if not twin:
        return subjects
    return [item for subject in subjects for item in (subject, twin_of(subject, how))]


def _told(progress: Progress, done: int, total: int) -> Callable[[int, str], None]:
    return lambda seeds, name: progress(done + seeds, total, name)


def _measured(
    name: str, subject: Subject, how: Conditions, told: Callable[[int, str], None] | None
) -> analysis.Measured:
    seeds = range(how.seed, how.seed + how.seeds)
    profiles: list[GradientProfile] = []
    said = Theory(None, "none")
    blocks: tuple[str, ...] = ()
    for i, seed in enumerate(seeds):
        if told is not None:
            told(i, f"{name}, seed {seed}")
        with draw(subject, how, seed) as (module, batch):
            if i == 0:
                blocks = places(module, how, subject.name)
                said = _theory(subject, module, batch, blocks, how)
            measure = measure_twin if subject.dropped else measure_gradients
            profiles.append(
                measure(module, batch, _loss(subject, how, seed), blocks=blocks, mode=how.mode)
            )
    places_found = [profile.points for profile in profiles]
    return analysis.Measured(name, tuple(seeds), places_found, bool(blocks), said)


def _theory(
    subject: Subject, module: nn.Module, batch: Batch, blocks: Sequence[str], how: Conditions
) -> Theory:
    """What theory says of this net; nothing of a trained one, or of hand-picked places."""
    if how.checkpoint is not None or not (subject.model.redrawn or how.init):
        return Theory(None, "none: not initial values")
    if how.layers:
        return Theory(None, "none for chosen places")
    graph = subject.model.trace(how.mode)
    norm = "none" if how.norm == "none" else norm_kind(graph)
    if norm == "batch" and how.mode == "eval":
        norm = "none"  # running statistics at initialisation: mean 0, variance 1
    branches = [] if subject.dropped else _branches(module, batch, how)
    if branches and not blocks:
        return Theory(None, "none by layer where there are shortcuts")
    return theory(
        Facts(
            layers=layers_per_block(graph, blocks),
            residual=bool(branches),
            norm=norm,
            relu=only_relu(graph) and is_chain(graph),
            gain=weight_gain(module),
            silent=bool(branches) and max(branches) == 0,
        )
    )


def _branches(module: nn.Module, batch: Batch, how: Conditions) -> list[float]:
    try:
        return [item.branch for item in measure_branches(module, batch, mode=how.mode)]
    except ProbeError:
        return []


def _loss(subject: Subject, how: Conditions, seed: int) -> Callable[[Any, Any], torch.Tensor]:
    if callable(how.loss):
        own = how.loss
        return lambda output, _: own(output)
    name, _ = choose_loss(how.loss, _outputs(subject.model.trace(how.mode)))
    return random_target_loss(name, seed)


def _outputs(graph: Graph) -> list[tuple[int, ...]]:
    return [graph.shape(item) for item in graph.outputs if graph.tensors[item].floating]


def _loss_words(subjects: Sequence[Subject], how: Conditions) -> str:
    if callable(how.loss):
        return f"loss {getattr(how.loss, '__name__', 'given')}"
    shapes = [_outputs(subject.model.trace(how.mode)) for subject in subjects]
    return " / ".join(dict.fromkeys(choose_loss(how.loss, item)[1] for item in shapes))


def _notes(subjects: Sequence[Subject], how: Conditions) -> list[str]:
    """What a reader should know of this measurement."""
    notes = []
    kept = [item.name for item in subjects if not item.model.redrawn and how.init is None]
    if kept and how.checkpoint is None:
        notes.append(f"{', '.join(kept)}: the given weights were kept; seeds draw data and labels")
    sizes = [_first_size(item.model, how) for item in subjects]
    normed = any(norm_kind(item.model.trace(how.mode)) == "batch" for item in subjects)
    if normed and 1 in sizes and how.mode == "train":
        notes.append("batch 1: batch norm takes its statistics from a single sample")
    return notes


def _first_size(model: Model, how: Conditions) -> int:
    graph = model.trace(how.mode)
    shape = graph.shape(graph.inputs[0]) if graph.inputs else ()
    return shape[0] if shape else 0
