"""Pictures of what was measured by depth: an answer in, a file's bytes out."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from archlab.analyze.by_depth.answer import ByDepth
from archlab.analyze.by_depth.theory import Theory
from archlab.errors import OptionError
from archlab.picture.picture import Picture
from archlab.result import Cell
from archlab.verb import verb
from archlab.view.figure.by_depth import Curve, DepthFigure, Panel, Segment, by_depth as draw
from archlab.view.figure.frame import Words, in_title

Lines = Sequence[Mapping[str, Cell]]
_MOST_MARKS = 8


@verb
def plot_by_depth(answer: ByDepth[object, object]) -> Picture:
    """Return a picture of an answer by depth, nets overlaid.

    Args:
        answer: what `gradients`, `responses`, `identity` or `shattered` returned.

    Raises:
        OptionError: an answer that is not by depth.

    Example:
        >>> from archlab.api.live.probes import identity
        >>> plot_by_depth(identity("resnet8", seeds=1, batch=8)).svg[:5]
        '<?xml'
    """
    if not isinstance(answer, ByDepth) or answer.name not in PICTURES:
        raise OptionError(f"A picture by depth shows the answer of {', '.join(PICTURES)}.")
    content = PICTURES[answer.name](answer)
    return Picture(partial(draw, content))


def _gradients(answer: ByDepth[Any, Any]) -> DepthFigure:
    nets = _nets(answer)
    titles = {
        "activation_grad": "dL/d(activation) at each block's output",
        "weight_grad": "dL/dW of the weights in each block",
        "grad_to_weight": "dL/dW ÷ ‖W‖",
    }
    panels = []
    for i, (name, title) in enumerate(titles.items()):
        curves = [
            _curve(net, lines, "block", name, () if i else _theory(lines, answer.theories[net]))
            for net, lines in nets.items()
        ]
        last = i == len(titles) - 1
        xlabel = "block (0: what the first block receives)" if last else ""
        panels.append(Panel(title, curves, xlabel, marks=_marks(nets, "block")))
    words = _words(answer, "Gradient norms by depth", _theories(answer))
    return DepthFigure(words, panels)


def _theories(answer: ByDepth[Any, Any]) -> str:
    """Return what theory says, with its source; nets of which it says the same stand together."""
    said: dict[str, list[str]] = {}
    for net, theory in answer.theories.items():
        source = f" ({theory.source})" if theory.source else ""
        said.setdefault(theory.words + source, []).append(net)
    parts = "; ".join(f"{', '.join(nets)}: {text}" for text, nets in said.items())
    start = "Theory gives the factor from block to block, and is drawn through the last one"
    return f"{start}: {parts}." if said else ""


def _responses(answer: ByDepth[Any, Any]) -> DepthFigure:
    nets = _nets(answer)
    depth = [_curve(net, lines, "layer", "response") for net, lines in nets.items()]
    ranked = []
    for net, lines in nets.items():
        # By rank, nets of unequal depth can be compared (He et al. 2015, figure 7, lower part).
        order = sorted(lines, key=lambda line: -_number(line["response"]))
        renumbered = [{**line, "layer": i + 1} for i, line in enumerate(order)]
        ranked.append(_curve(net, renumbered, "layer", "response"))
    panels = [
        Panel("by depth", depth, "layer", marks=_marks(nets, "layer")),
        Panel("sorted by size", ranked, "rank"),
    ]
    return DepthFigure(_words(answer, "Layer responses (std)"), panels, beside=True)


def _identity(answer: ByDepth[Any, Any]) -> DepthFigure:
    nets = _nets(answer)
    xlabel = "number of the residual addition"
    relative = len({len(lines) for lines in nets.values()}) > 1
    if relative:
        # Nets of unequal depth are compared by where in the net a block is.
        nets = {
            net: [{**line, "block": _number(line["block"]) / len(lines)} for line in lines]
            for net, lines in nets.items()
        }
        xlabel = "relative depth: number of the residual addition ÷ all additions of the net"
    curves = [_curve(net, lines, "block", "branch_to_input") for net, lines in nets.items()]
    panel = Panel("‖F(x)‖ ÷ ‖x‖", curves, xlabel, marks=_marks(nets, "block"), relative=relative)
    return DepthFigure(_words(answer, "Far from the identity"), [panel])


def _shattered(answer: ByDepth[Any, Any]) -> DepthFigure:
    # A panel for each kind of net, its depths overlaid: Balduzzi et al. 2017, figure 2.
    values: dict[str, dict[int, list[float]]] = {}
    for row in answer.rows:
        values.setdefault(row.path, {}).setdefault(row.lag, []).append(row.autocorrelation)
    panels: dict[str, list[Curve]] = {}
    for net, lags in values.items():
        depth = re.findall(r"\d+", net)[0]
        middle = [math.fsum(seeds) / len(seeds) for seeds in lags.values()]
        low, high = ([edge(seeds) for seeds in lags.values()] for edge in (min, max))
        curve = Curve(f"{depth} layers", list(lags), middle, low, high)
        panels.setdefault(net.replace(depth, "", 1), []).append(curve)
    return DepthFigure(
        replace(_words(answer), title="Shattered gradients: autocorrelation of df/dx"),
        [Panel(kind, curves, "lag", log=False) for kind, curves in panels.items()],
        beside=True,
    )


PICTURES: dict[str, Callable[[ByDepth[Any, Any]], DepthFigure]] = {
    "gradients": _gradients,
    "responses": _responses,
    "identity": _identity,
    "shattered": _shattered,
}


def _nets(answer: ByDepth[Any, Any]) -> dict[str, list[Mapping[str, Cell]]]:
    nets: dict[str, list[Mapping[str, Cell]]] = {}
    for line in answer.shown:
        nets.setdefault(str(line["net"]), []).append(line)
    return nets


def _curve(net: str, lines: Lines, x: str, name: str, theory: Sequence[Segment] = ()) -> Curve:
    # A row has one band over the seeds, `low` to `high`: that of its main quantity.
    banded = name in ("activation_grad", "response", "branch_to_input")
    nothing: list[float | None] = [None] * len(lines)
    return Curve(
        name=net,
        x=[_number(line[x]) for line in lines],
        middle=[_maybe(line[name]) for line in lines],
        low=[_maybe(line["low"]) for line in lines] if banded else nothing,
        high=[_maybe(line["high"]) for line in lines] if banded else nothing,
        theory=theory,
    )


def _theory(lines: Lines, theory: Theory) -> list[Segment]:
    """Return theory's slope in each stage, through the band of the stage's last block."""
    # Theory gives the factor from block to block and not the size of a norm: its line is drawn
    # through what was measured at the last block.
    if theory.growth is None:
        return _power_law(lines) if theory.power_law else []
    stages: dict[Cell, list[Mapping[str, Cell]]] = {}
    for line in lines[:-1]:
        if line["stage"] and _maybe(line["low"]):
            stages.setdefault(line["stage"], []).append(line)
    segments = []
    for mine in stages.values():
        x = [_number(line["block"]) for line in mine]
        factors = [theory.growth ** (x[-1] - place) for place in x]
        low, high = _number(mine[-1]["low"]), _number(mine[-1]["high"])
        if len(x) > 1 and math.isfinite(high):
            segments.append(Segment(x, [low * f for f in factors], [high * f for f in factors]))
    return segments


def _power_law(lines: Lines) -> list[Segment]:
    """Return the law (N + 1) ÷ (block + 1), through the band of the last block N."""
    x = [_number(line["block"]) for line in lines]
    low, high = _number(lines[-1]["low"]), _number(lines[-1]["high"])
    if not 0 < low <= high < math.inf:
        return []
    factors = [(x[-1] + 1) / (place + 1) for place in x]
    return [Segment(x, [low * f for f in factors], [high * f for f in factors])]


def _marks(nets: Mapping[str, Lines], x: str) -> list[tuple[float, str]]:
    """Return where stages begin, if all nets agree; nets of unequal depth have no common marks."""
    marks = [
        [
            (_number(after[x]) - 0.5, f"stage {after['stage']}")
            for before, after in itertools.pairwise(lines)
            if before["stage"] != after["stage"] and after["stage"]
        ]
        for lines in nets.values()
    ]
    agreed = bool(marks) and all(item == marks[0] for item in marks)
    return marks[0] if agreed and len(marks[0]) <= _MOST_MARKS else []


def _words(answer: ByDepth[Any, Any], title: str = "", more: str = "") -> Words:
    """Return what a figure says: the nets above, and below what was measured how."""
    head = answer.header
    setting = f"Input {head.input} · {head.conventions[-1]}"
    return Words(
        f"{title}: {in_title(list(_nets(answer)))}",
        f"{head.build} · {head.mode} mode",
        f"{setting}\n{more}",
    )


def _number(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _maybe(value: Cell) -> float | None:
    return float(value) if isinstance(value, int | float) else None
