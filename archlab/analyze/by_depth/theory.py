"""What theory says of gradients at initialisation: the growth of their norm per block.

The predictions hold for wide layers with ReLU and initial weights of variance gain ÷ fan-in. For
any other net theory says nothing, and so does this file.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind

BATCH_NORM = math.sqrt(math.pi / (math.pi - 1))  # per ReLU and batch norm: 1.211
_YANG = "Yang et al. 2019, arXiv:1902.08129"
_HE = "He et al. 2015, arXiv:1502.01852"
_PRODUCTS = frozenset({Kind.CONV, Kind.LINEAR})
_RELUS = frozenset({"aten.relu", "aten.threshold"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What theory needs to know of a net."""

    layers: float  # with weights in a block; 1 where every layer is a place of its own
    residual: bool  # blocks have shortcuts
    norm: str  # batch, none or other
    relu: bool  # every nonlinearity is a ReLU
    gain: float | None  # mean of fan-in × W² over the convolutions; 2 for He's initial values
    silent: bool = False  # all residual branches are zero (zero-gamma, Fixup)


@dataclass(frozen=True, slots=True)
class Theory:
    """Growth of the norm per block towards the input (None: not predicted), and in words.

    `power_law`: growth falls with depth so that first ÷ last is near the number of blocks.
    `source`: the paper that it comes from, where it is one.
    """

    growth: float | None
    words: str
    power_law: bool = False
    source: str = ""


def theory(facts: Facts) -> Theory:
    """Return what theory predicts.

    Example:
        >>> theory(Facts(2, residual=False, norm="batch", relu=True, gain=2.0)).words
        'π/(π−1) = 1.467 a block'
        >>> round(theory(Facts(2, residual=False, norm="none", relu=True, gain=1 / 3)).growth, 4)
        0.1667
    """
    if facts.residual and facts.silent:
        return Theory(1.0, "1 a block: every residual branch is zero")
    if not facts.relu or facts.norm == "other" or facts.gain is None:
        return Theory(None, "none for this kind of net")
    if facts.residual and facts.norm == "batch":
        return Theory(None, "power law: first ÷ last near the number of blocks", power_law=True)
    # √(π/(π−1)) a layer.
    if facts.norm == "batch":
        growth = BATCH_NORM**facts.layers
        exact = "π/(π−1) = " if facts.layers == 2 else ""
        return Theory(growth, f"{exact}{growth:.3f} a block", source=_YANG)
    # √(gain/2) a layer: ReLU halves the mean square, so that gain 2 keeps the norm.
    through = math.sqrt(facts.gain / 2) ** facts.layers
    # The gradients of shortcut and branch are independent at initialisation: their squares add up.
    if facts.residual:
        growth = math.sqrt(1 + through**2)
        return Theory(growth, f"√(1 + {through**2:.2g}) = {growth:.3f} a block")
    words = f"√({facts.gain:.2g}/2)^{facts.layers:g} = {through:.3g} a block"
    return Theory(through, words, source=_HE)


def layers_per_block(graph: Graph, blocks: Sequence[str]) -> float:
    """Return the median number of convolutions and linear layers in a block; 1 without blocks."""
    if not blocks:
        return 1.0
    counts = dict.fromkeys(blocks, 0)
    for node in graph.nodes:
        inside = next((b for b in blocks if node.path == b or node.path.startswith(f"{b}.")), None)
        if inside is not None and node.kind in _PRODUCTS:
            counts[inside] += 1
    # Blocks with a projection have one layer more; the median is the common block.
    return float(statistics.median_low(counts.values()))


def only_relu(graph: Graph) -> bool:
    """Whether the net has nonlinearities and all are ReLUs; attention and gates count as others."""
    activations = [node.op for node in graph.nodes if node.kind == Kind.ACTIVATION]
    others = any(node.kind in (Kind.ATTENTION, Kind.RECURRENT) for node in graph.nodes)
    # An operator that works in place has the same name with an underscore behind it.
    relus = all(op.removesuffix("_") in _RELUS for op in activations)
    return bool(activations) and not others and relus


def is_chain(graph: Graph) -> bool:
    """Whether no block joins parallel branches by concatenation, as Inception and DenseNet do."""
    return not any(node.kind == Kind.CONCAT for node in graph.nodes)


def norm_kind(graph: Graph) -> str:
    """Return batch, none or other."""
    norms = [node.op for node in graph.nodes if node.kind == Kind.NORM]
    if not norms:
        return "none"
    return "batch" if all("batch_norm" in op for op in norms) else "other"
