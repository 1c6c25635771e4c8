"""Verbs of the same kind as `gradients`: layer responses, identity, shattered gradients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from archlab.analyze.by_depth import responses as analysis, shattered as shattered_analysis
from archlab.analyze.by_depth.answer import ByDepth
from archlab.analyze.by_depth.responses import DepthTotals, IdentityRow, ResponseRow
from archlab.analyze.by_depth.shattered import ShatteredRow, ShatteredTotals
from archlab.api.live.conditions import Conditions, Subject, every_draw, subjects_of
from archlab.api.live.header import header
from archlab.api.model import ModelLike
from archlab.errors import OptionError, check_one_of
from archlab.probe.blocks import chosen
from archlab.probe.branches import measure_branches
from archlab.probe.gradients import Batch
from archlab.probe.responses import measure_responses
from archlab.probe.shattered import POINTS, SPAN, LineNet, measure_shattering
from archlab.result import Header
from archlab.result.by_depth import Branch, Response
from archlab.verb import Progress, verb

_RESPONSES = (
    "standard deviation of each layer's output over the batch, after its batch norm, before the "
    "nonlinearity and the addition (He et al. 2015, figure 7)"
)
_IDENTITY = (
    "‖F(x)‖ ÷ ‖x‖ at every residual addition, over the batch, in float64; x as it comes round "
    "(projected or padded where it is)"
)


@verb
def responses(
    *models: ModelLike,
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
    device: str = "cpu",
    dtype: str | None = None,
    layers: Sequence[str] = (),
    progress: Progress | None = None,
) -> ByDepth[DepthTotals, ResponseRow]:
    """Return the standard deviation of every layer's response, by depth and ranked.

    Args:
        *models: specs, modules or loaded models; modules are copied.
        layers: module paths or patterns to measure at; every layer by default.
        seeds, seed, batch, mode, norm, init, checkpoint, images: as in `gradients`.
        data_dir, noise, device, dtype, progress: as in `gradients`.

    Raises:
        OptionError, ProbeError, TraceError: as in `gradients`.

    Example:
        >>> answer = responses("resnet8", seeds=1, batch=8, norm="none")
        >>> answer.totals["resnet8"].places
        8
    """
    conditions = Conditions(
        seeds=seeds, seed=seed, batch=batch, mode=mode, norm=norm, init=init,
        checkpoint=checkpoint, images=images, data_dir=data_dir, noise=noise,
        device=device, dtype=dtype, layers=layers,
    )  # fmt: skip

    def measure(
        subject: Subject, module: nn.Module, samples: Batch, _: int
    ) -> tuple[Response, ...]:
        paths = chosen(module, layers, subject.name) if layers else ()
        return measure_responses(module, samples, layers=paths, mode=mode)

    subjects = subjects_of(models, conditions)
    measured = every_draw(subjects, conditions, measure, progress)
    return analysis.responses(measured, header(subjects, measured, conditions, _RESPONSES))


@verb
def identity(
    *models: ModelLike,
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
    device: str = "cpu",
    dtype: str | None = None,
    progress: Progress | None = None,
) -> ByDepth[DepthTotals, IdentityRow]:
    """Return how close each residual block is to the identity: ‖F(x)‖ ÷ ‖x‖.

    Args:
        *models: specs, modules or loaded models; modules are copied.
        seeds, seed, batch, mode, norm, init, checkpoint, images: as in `gradients`.
        data_dir, noise, device, dtype, progress: as in `gradients`.

    Raises:
        OptionError, TraceError: as in `gradients`.
        ProbeError: a model without residual additions.

    Example:
        >>> [row.path for row in identity("resnet8", seeds=1, batch=8).rows]
        ['layer1.0', 'layer2.0', 'layer3.0']
    """
    conditions = Conditions(
        seeds=seeds, seed=seed, batch=batch, mode=mode, norm=norm, init=init,
        checkpoint=checkpoint, images=images, data_dir=data_dir, noise=noise,
        device=device, dtype=dtype,
    )  # fmt: skip

    def measure(_: Subject, module: nn.Module, samples: Batch, __: int) -> tuple[Branch, ...]:
        return measure_branches(module, samples, mode=mode)

    subjects = subjects_of(models, conditions)
    measured = every_draw(subjects, conditions, measure, progress)
    return analysis.identity(measured, header(subjects, measured, conditions, _IDENTITY))


@verb
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
        >>> answer = shattered(depths=(24,), scales=(1.0,), width=50, seeds=3)
        >>> totals = answer.totals
        >>> totals["plain24 + BN"].mean < totals["resnet24 + BN"].mean
        True
    """
    check_one_of("norm", norm, ("batch", "none", "both"))
    if min([*depths, width, seeds], default=0) < 1 or not depths:
        raise OptionError(
            f"depths={list(depths)}, width={width}, seeds={seeds}: each is 1 or more."
        )
    norms = {"batch": (True,), "none": (False,), "both": (False, True)}[norm]
    # A scale of None stands for the plain net, which has no branch to scale.
    nets = [
        LineNet(depth, residual=scale is not None, norm=normed, scale=scale or 1.0, width=width)
        for normed in norms
        for scale in (None, *scales)
        for depth in depths
    ]
    correlations = {
        net.name: dict(enumerate(measure_shattering(net, range(seeds)))) for net in nets
    }
    head = Header(
        model=", ".join(correlations),
        input=f"{POINTS} points on [-{SPAN:g}, {SPAN:g}] float64",
        mode="train",
        build=f"fully connected, {width} units a layer, weights and biases N(0, 2/fan-in)",
        conventions=(
            "autocorrelation of df/dx along the line (Balduzzi et al. 2017, arXiv:1702.08591)",
            f"{seeds} seed{'s' * (seeds > 1)} (0-{seeds - 1}); batch statistics over the line, held"
            " constant in the gradient; β is the factor of the residual branch",
        ),
    )
    return shattered_analysis.shattered(correlations, head)
