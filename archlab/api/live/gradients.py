"""Verbs about gradients by depth: nets beside each other, with twin, theory and picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archlab.analyze.by_depth import gradients as analysis
from archlab.analyze.by_depth.answer import ByDepth
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
    Subject,
    at_depths,
    draw,
    every_draw,
    places,
    subject_of,
    subjects_of,
    twin_of,
)
from archlab.api.live.header import header
from archlab.api.model import ModelLike, load
from archlab.errors import OptionError, ProbeError, keyword
from archlab.probe.branches import measure_branches
from archlab.probe.gradients import Batch, activation_gradients, measure_gradients
from archlab.probe.initial import weight_gain
from archlab.probe.losses import choose_loss, random_target_loss
from archlab.probe.twin import measure_twin
from archlab.probe.untouched import has_lazy
from archlab.result.by_depth import GradientProfile
from archlab.verb import Progress, verb

_MEANING = (
    "dL/da: L2 norm over the whole batch of the loss's gradient at a block's output; "
    "dL/dW: over the weights in it; all norms summed in float64"
)


@verb
def gradients(
    *models: ModelLike,
    twin: bool = False,
    depths: Sequence[int] = (),
    seeds: int = 3,
    seed: int = 0,
    batch: int | None = None,
    mode: str = "train",
    norm: str | None = None,
    init: str | None = None,
    checkpoint: str | Path | None = None,
    images: str | Path | None = None,
    data_dir: str | Path = ".data",
    noise: bool = False,
    loss: str | Callable[[Any], torch.Tensor] | None = None,
    device: str = "cpu",
    dtype: str | None = None,
    by: str | None = None,
    layers: Sequence[str] = (),
    progress: Progress | None = None,
) -> ByDepth[GradientTotals, GradientRow]:
    """Return gradient norms by depth for each net and seed, beside theory.

    Args:
        *models: specs, modules or loaded models; modules are copied.
        twin: also measure each residual model without its shortcuts.
        depths: the same zoo families at these depths.
        seeds: how many draws of weights, data and labels.
        seed: the first of them.
        batch: samples; None takes 64, or 8 for images above 64×64.
        mode: "train" (batch statistics) or "eval".
        norm: "batch", or "none" to leave batch norm out; None leaves the net as it is.
        init: kaiming, xavier, default, orthogonal or zero-gamma; None as the constructor draws.
        checkpoint: a file of weights; seeds then draw data alone.
        images: a folder, a .npz file, or the name of a data set; None makes images.
        data_dir: where the archives of the official data sets are.
        noise: N(0, 1) instead of made images with a natural spectrum.
        loss: cross-entropy, mse, sum, or a function of the output; None chooses by the output.
        device: where to run: cpu, cuda, cuda:1.
        dtype: of weights and data: float32, float64, bfloat16 or float16; None keeps the net's own.
        by: "block" (the net's repeated unit; the default) or "layer".
        layers: module paths or patterns to measure at, instead of `by`.
        progress: called with (done, total, what comes next).

    Raises:
        OptionError: a value that is not allowed, or a loss that does not fit the output.
        ProbeError: no gradient to measure, or no shortcut to drop.
        TraceError: the forward fails, as batch norm does at batch 1 without a map.

    Example:
        >>> answer = gradients("resnet8", seeds=1, batch=8)
        >>> [row.path for row in answer.rows], answer.totals["resnet8"].blocks
        (['relu', 'layer1.0', 'layer2.0', 'layer3.0'], 3)
    """
    conditions = Conditions(
        seeds=seeds, seed=seed, batch=batch, mode=mode, norm=norm, init=init,
        checkpoint=checkpoint, images=images, data_dir=data_dir, noise=noise,
        loss=loss, device=device, dtype=dtype, by=by, layers=layers,
    )  # fmt: skip
    subjects = _subjects(models, depths, conditions, twin=twin)
    measured = _measured(subjects, conditions, progress)
    if progress is not None:
        progress(len(subjects) * seeds, len(subjects) * seeds, "done")
    names, loss_words = [item.net for item in measured], _loss_words(subjects, conditions)
    head = header(subjects, names, conditions, _MEANING, loss=loss_words)
    notes = _notes(subjects, conditions)
    return analysis.gradients(measured, head, notes)


@verb
def module_gradients(
    model: ModelLike,
    *,
    seed: int = 0,
    batch: int | None = None,
    mode: str = "train",
    norm: str | None = None,
    init: str | None = None,
    checkpoint: str | Path | None = None,
    images: str | Path | None = None,
    data_dir: str | Path = ".data",
    noise: bool = False,
    loss: str | Callable[[Any], torch.Tensor] | None = None,
    device: str = "cpu",
    dtype: str | None = None,
) -> dict[str, float | None]:
    """Return ‖dL/d(output)‖ of every module that runs, by path: heat for a drawing of the graph.

    Keys are the graph's module paths; the model itself is the empty one. None where no gradient
    arrives.

    Args:
        model: a spec, a module, or a loaded model.
        seed, batch, mode, norm, init, checkpoint, images, data_dir, noise, loss, device, dtype:
            as in `gradients`.

    Raises:
        OptionError, ProbeError, TraceError: as in `gradients`.

    Example:
        >>> heat = module_gradients("resnet8", batch=8)
        >>> heat["layer1.0"] > heat["layer3.0"] > 0
        True
    """
    conditions = Conditions(
        seeds=1, seed=seed, batch=batch, mode=mode, norm=norm, init=init,
        checkpoint=checkpoint, images=images, data_dir=data_dir, noise=noise,
        loss=loss, device=device, dtype=dtype,
    )  # fmt: skip
    # No blocks here: a drawing asks about every module that it may show.
    subject = subject_of(load(model), conditions)
    with draw(subject, conditions, seed) as (module, samples):
        loss_of = _loss(subject, conditions, seed)
        return activation_gradients(module, samples, loss_of, mode=mode)


def _subjects(
    models: Sequence[ModelLike], depths: Sequence[int], conditions: Conditions, *, twin: bool
) -> list[Subject]:
    if depths:
        if not all(isinstance(model, str) for model in models):
            raise OptionError(
                f"{keyword('depths')} takes names of the zoo, such as resnet56, and no "
                "modules or loaded models."
            )
        models = at_depths([str(model) for model in models], depths)
    subjects = subjects_of(models, conditions)
    if not twin:
        return subjects
    return [item for subject in subjects for item in (subject, twin_of(subject, conditions))]


def _measured(
    subjects: Sequence[Subject], conditions: Conditions, progress: Progress | None
) -> list[analysis.Measured]:
    # The wiring is the same for every seed: blocks and theory of a net are found at the first.
    facts: dict[Subject, tuple[tuple[str, ...], Theory]] = {}

    def measure(subject: Subject, module: nn.Module, batch: Batch, seed: int) -> GradientProfile:
        if subject not in facts:
            blocks = places(module, conditions, subject.name)
            facts[subject] = blocks, _theory(subject, module, batch, blocks, conditions)
        loss, blocks = _loss(subject, conditions, seed), facts[subject][0]
        probe = measure_twin if subject.dropped else measure_gradients
        return probe(module, batch, loss, blocks=blocks, mode=conditions.mode)

    measured = []
    draws = every_draw(subjects, conditions, measure, progress)
    for subject, (name, pairs) in zip(subjects, draws.items(), strict=True):
        seeds, profiles = zip(*pairs, strict=True)
        blocks, expected = facts[subject]
        points = [profile.points for profile in profiles]
        measured.append(analysis.Measured(name, seeds, points, bool(blocks), expected))
    return measured


def _theory(
    subject: Subject, module: nn.Module, batch: Batch, blocks: Sequence[str], conditions: Conditions
) -> Theory:
    """Return what theory says of this net; nothing of a trained one, or of hand-picked places."""
    if conditions.checkpoint is not None or not (subject.model.redrawn or conditions.init):
        return Theory(None, "none: not initial values")
    if conditions.layers:
        return Theory(None, "none for chosen places")
    graph = subject.model.trace(conditions.mode)
    norm = "none" if conditions.norm == "none" else norm_kind(graph)
    # At initialisation the running statistics are mean 0 and variance 1: the norm changes nothing.
    if norm == "batch" and conditions.mode == "eval":
        norm = "none"
    branches = [] if subject.dropped else _branches(module, batch, conditions)
    # The theory of residual nets is about whole blocks and says nothing of layers inside a branch.
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


def _branches(module: nn.Module, batch: Batch, conditions: Conditions) -> list[float]:
    try:
        return [item.branch for item in measure_branches(module, batch, mode=conditions.mode)]
    except ProbeError:  # a net without residual additions
        return []


def _loss(
    subject: Subject, conditions: Conditions, seed: int
) -> Callable[[Any, Any], torch.Tensor]:
    if callable(conditions.loss):
        own = conditions.loss
        return lambda output, _: own(output)
    # At initialisation any target will do, so targets are drawn from the seed.
    name, _ = _chosen_loss(subject, conditions.loss, conditions.mode)
    return random_target_loss(name, seed)


def _chosen_loss(subject: Subject, name: str | None, mode: str) -> tuple[str, str]:
    graph = subject.model.trace(mode)
    outputs = [graph.tensors[item] for item in graph.outputs if graph.tensors[item].floating]
    real = not outputs or not outputs[0].dtype.startswith("complex")
    return choose_loss(name, [output.shape for output in outputs], real=real)


def _loss_words(subjects: Sequence[Subject], conditions: Conditions) -> str:
    if callable(conditions.loss):
        return f"loss {getattr(conditions.loss, '__name__', 'given')}"
    name, mode = conditions.loss, conditions.mode
    return " / ".join(dict.fromkeys(_chosen_loss(item, name, mode)[1] for item in subjects))


def _notes(subjects: Sequence[Subject], conditions: Conditions) -> list[str]:
    """Return what a reader should know of this measurement."""
    notes = []
    # A module that was given keeps its values: its seeds differ in data and labels alone.
    given = [item for item in subjects if not item.model.redrawn and conditions.init is None]
    kept = [item.name for item in given if not has_lazy(item.model.module)]
    if kept and conditions.checkpoint is None:
        notes.append(f"{', '.join(kept)}: the given weights were kept; seeds draw data and labels")
    graphs = [item.model.trace(conditions.mode) for item in subjects]
    normed = any(norm_kind(graph) == "batch" for graph in graphs)
    single = any(graph.shape(graph.inputs[0])[:1] == (1,) for graph in graphs if graph.inputs)
    if normed and single and conditions.mode == "train":
        notes.append("batch 1: batch norm takes its statistics from a single sample")
    return notes
