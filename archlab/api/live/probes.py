"""Verbs of the same kind as `gradients`: layer responses, identity, shattered gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from torch import nn

from archlab.analyze.by_depth import responses as analysis, shattered as shattered_analysis
from archlab.analyze.by_depth.answer import ByDepth, unique_names
from archlab.analyze.by_depth.responses import DepthTotals, IdentityRow, ResponseRow
from archlab.analyze.by_depth.shattered import ShatteredRow, ShatteredTotals
from archlab.api.live.conditions import Conditions, Progress, Subject, conditions, draw, subject_of
from archlab.api.live.header import described, header
from archlab.api.model import ModelLike, load
from archlab.errors import OptionError, check_one_of
from archlab.probe.blocks import chosen
from archlab.probe.branches import measure_branches
from archlab.probe.gradients import Batch
from archlab.probe.responses import measure_responses
from archlab.probe.shattered import POINTS, SPAN, LineNet, measure_shattering
from archlab.result import Header

Found = TypeVar("Found")
_RESPONSES = (
    "standard deviation of each layer's output over the batch, after its batch norm, before the "
    "nonlinearity and the addition (He et al. 2015, figure 7)"
)
_IDENTITY = (
    "‖F(x)‖ ÷ ‖x‖ at every residual addition, over the batch, in float64; x as it comes round "
    "(projected or padded where it is)"
)


def responses(
    *models: ModelLike, progress: Progress | None = None, **given: Any
) -> ByDepth[DepthTotals, ResponseRow]:
    """Return the standard deviation of every layer's response, by depth and ranked.

    Arguments and errors as in `gradients`; there is no loss.

    Example:
        >>> found = responses("resnet8", seeds=1, batch=8, norm="none")
        >>> found.totals["resnet8"].places
        8
    """
    how, subjects, names = _prepared(models, given)

    def measure(module: nn.Module, batch: Batch, name: str) -> Any:
        layers = chosen(module, how.layers, name) if how.layers else ()
        return measure_responses(module, batch, layers=layers, mode=how.mode)

    found = _each(subjects, names, how, measure, progress)
    head = header([subject.model for subject in subjects], names, how, "")
    return analysis.responses(found, described(head, _RESPONSES))


def identity(
    *models: ModelLike, progress: Progress | None = None, **given: Any
) -> ByDepth[DepthTotals, IdentityRow]:
    """Return how close each residual block is to the identity: ‖F(x)‖ ÷ ‖x‖.

    Arguments and errors as in `gradients`; there is no loss.

    Raises:
        ProbeError: a model without residual additions.

    Example:
        >>> [row.path for row in identity("resnet8", seeds=1, batch=8).rows]
        ['layer1.0', 'layer2.0', 'layer3.0']
    """
    how, subjects, names = _prepared(models, given)

    def measure(module: nn.Module, batch: Batch, _: str) -> Any:
        return measure_branches(module, batch, mode=how.mode)

    found = _each(subjects, names, how, measure, progress)
    head = header([subject.model for subject in subjects], names, how, "")
    return analysis.identity(found, described(head, _IDENTITY))


def shattered(
    *,
    depths: Sequence[int] = (2, 24, 50),
    scales: Sequence[float] = (1.0, 0.1),
    norm: str = "batch",
    width: int = 200,
    seeds: int = 10,
) -> ByDepth[ShatteredTotals, ShatteredRow]:
    """Return the autocorrelation of input gradients (Balduzzi et al. 2017), plain and residual.

    Args:
        depths: hidden layers of the nets.
        scales: factors of the residual branch, Balduzzi's β.
        norm: batch, none, or both.
        width: units a layer.
        seeds: draws of weights.

    Raises:
        OptionError: a depth, width or number of seeds below 1, or an unknown norm.

    Example:
        >>> found = shattered(depths=(24,), scales=(1.0,), width=50, seeds=3)
        >>> found.totals["plain24 + BN"].mean < found.totals["resnet24 + BN"].mean
        True
    """
    check_one_of("norm", norm, ("batch", "none", "both"))
    if min([*depths, width, seeds], default=0) < 1 or not depths:
        raise OptionError(
            f"depths={list(depths)}, width={width}, seeds={seeds}: each is 1 or more."
        )
    norms = {"batch": (True,), "none": (False,), "both": (False, True)}[norm]
    nets = [
        LineNet(depth, residual=scale is not None, norm=normed, scale=scale or 1.0, width=width)
        for normed in norms
        for scale in (None, *scales)
        for depth in depths
    ]
    found = {net.name: dict(enumerate(measure_shattering(net, range(seeds)))) for net in nets}
    head = Header(
        model=", ".join(found),
        input=f"{POINTS} points on [-{SPAN:g}, {SPAN:g}] float64",
        mode="train",
        build=f"fully connected, {width} units a layer, weights and biases N(0, 2/fan-in)",
        conventions=(
            "autocorrelation of df/dx along the line (Balduzzi et al. 2017, arXiv:1702.08591)",
            f"{seeds} seed{'s' * (seeds > 1)} (0-{seeds - 1}); batch statistics over the line, held"
            " constant in the gradient; β is the factor of the residual branch",
        ),
    )
    return shattered_analysis.shattered(found, head)


def _prepared(
    models: Sequence[ModelLike], given: Mapping[str, Any]
) -> tuple[Conditions, list[Subject], list[str]]:
    if not models:
        raise OptionError("No model to measure: give one or more, such as resnet20.")
    how = conditions(**given)
    subjects = [subject_of(load(model), how) for model in models]
    return how, subjects, unique_names([subject.name for subject in subjects])


def _each(
    subjects: Sequence[Subject],
    names: Sequence[str],
    how: Conditions,
    measure: Callable[[nn.Module, Batch, str], Found],
    progress: Progress | None,
) -> dict[str, list[tuple[int, Found]]]:
    """Every net with every seed."""
    found: dict[str, list[tuple[int, Found]]] = {name: [] for name in names}
    total = len(names) * how.seeds
    for name, subject in zip(names, subjects, strict=True):
        for seed in range(how.seed, how.seed + how.seeds):
            if progress is not None:
                progress(sum(map(len, found.values())), total, f"{name}, seed {seed}")
            with draw(subject, how, seed) as (module, batch):
                found[name].append((seed, measure(module, batch, subject.name)))
    return found
