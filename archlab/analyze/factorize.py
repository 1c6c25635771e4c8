"""What a 1×1 reduction or a factorized kernel saves: by formula, or in a traced graph.

Weights are counted without biases: k·k·in·out for a direct convolution, in·r + k·k·r·out behind a
1×1 reduction to r channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from archlab.analyze.header import header
from archlab.errors import OptionError, check_one_of, keyword
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import ConvAttrs, Kind
from archlab.result import Column, Header, Result, Unit
from archlab.verb import verb

FACTORS = ("none", "v2", "v3")
_PASSED = frozenset({Kind.NORM, Kind.ACTIVATION, Kind.COPY})


@dataclass(frozen=True, slots=True)
class BottleneckTotals:
    """Weights, and multiply-adds at the map sizes given or traced (None: no map size)."""

    direct: int
    reduced: int
    saved: int
    ratio: float
    direct_macs: int | None
    reduced_macs: int | None


@dataclass(frozen=True, slots=True)
class BottleneckRow:
    """One saving: `form` is reduce (1×1 first), v2 (3×3 pair), v3 (1×n and n×1), or both."""

    path: str
    form: str
    direct_formula: str
    reduced_formula: str
    direct: int
    reduced: int
    saved: int
    ratio: float
    direct_macs: int | None
    reduced_macs: int | None


# Not declared in the row: the table has each number beside its formula, JSON both formulas first.
COLUMNS = (
    Column("path", "layers"),
    Column("form", "form"),
    Column("direct_formula", "direct"),
    Column("direct", "weights", Unit.COUNT),
    Column("reduced_formula", "as built"),
    Column("reduced", "weights", Unit.COUNT),
    Column("ratio", "saving ×", Unit.NUMBER),
)
_CONVENTION = "weights of convolutions, no biases or norms; saving = direct ÷ as built"


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution of the formula: kernel sizes, channels in and out."""

    kernel: tuple[int, ...]
    inputs: int
    outputs: int

    @property
    def weights(self) -> int:
        """Product of kernel sizes and channels."""
        return prod(self.kernel) * self.inputs * self.outputs

    @property
    def formula(self) -> str:
        """The product as text: 3×3×192×32."""
        return "×".join(map(str, (*self.kernel, self.inputs, self.outputs)))


@verb
def bottleneck(
    *,
    inputs: int,
    outputs: int,
    kernel: int = 3,
    reduce: int | None = None,
    factor: str = "none",
    size: int | None = None,
) -> Result[BottleneckTotals, BottleneckRow]:
    """Return what a reduced or factorized convolution saves against a direct one, by formula.

    Args:
        inputs: input channels.
        outputs: output channels.
        kernel: kernel size n of the direct n×n convolution.
        reduce: channels after a 1×1 reduction, or None for no reduction.
        factor: none; v2: an n×n becomes (n−1)/2 3×3; v3: it becomes 1×n and n×1.
        size: side of the square map, for multiply-adds.

    Raises:
        OptionError: a size below 1, an unknown factor, or v2 of an even kernel.

    Source: Szegedy et al. 2014 (arXiv 1409.4842), 2015 (arXiv 1512.00567), section 3.

    Example:
        >>> result = bottleneck(inputs=192, outputs=32, kernel=3, reduce=32)
        >>> result.totals.direct, result.totals.reduced
        (55296, 15360)
    """
    sizes = {"inputs": inputs, "outputs": outputs, "kernel": kernel, "reduce": reduce, "size": size}
    below = {name: value for name, value in sizes.items() if value is not None and value < 1}
    if below:
        raise OptionError(
            f"{', '.join(keyword(*each) for each in below.items())} must be 1 or more."
        )
    check_one_of("factor", factor, FACTORS)
    if reduce is None and factor == "none":
        raise OptionError(
            f"Nothing to compare: give {keyword('reduce')}, {keyword('factor', 'v2')} or "
            f"{keyword('factor', 'v3')}."
        )
    if factor == "v2" and (kernel % 2 == 0 or kernel < 5):
        raise OptionError(
            f"{keyword('factor', 'v2')} splits an odd kernel of 5 or more; {kernel} was given."
        )
    width = inputs if reduce is None else reduce
    built = _factorized(kernel, width, outputs, factor)
    if reduce is not None:
        built.insert(0, Conv((1, 1), inputs, reduce))
    direct = Conv((kernel, kernel), inputs, outputs)
    areas = None if size is None else [size * size] * len(built)
    form = factor if reduce is None else "reduce" if factor == "none" else f"reduce + {factor}"
    row = _row(f"{kernel}×{kernel}, {inputs} → {outputs}", form, direct, built, areas)
    return _result(
        Header("bottleneck", f"{inputs} channels", "any", "formula", (_CONVENTION,)), [row]
    )


def find_bottlenecks(graph: Graph) -> Result[BottleneckTotals, BottleneckRow]:
    """Return every 1×1 reduction and factorized pair of the graph, and what each saves.

    A pair is two convolutions in a row that together span a larger one: 3×3 after 3×3, or 1×n with
    n×1. A reduction in front of a pair is one saving.
    """
    after = {first.id: second for first, second in _pairs(graph)}
    # A convolution counts in one saving alone, or the sum over rows would count it twice.
    used: set[int] = set()
    rows = []
    for node in graph.nodes:
        chain = [node]
        while len(chain) < 3 and chain[-1].id in after:
            chain.append(after[chain[-1].id])
        saving = None if node.id in used else _saving(graph, chain)
        if saving is not None:
            count, row = saving
            rows.append(row)
            used.update(conv.id for conv in chain[:count])
    return _result(header(graph, _CONVENTION), rows)


def _factorized(kernel: int, inputs: int, outputs: int, factor: str) -> list[Conv]:
    # The width changes in the last convolution, as in the zoo's Inception variants.
    if factor == "v2":
        inner = [Conv((3, 3), inputs, inputs) for _ in range((kernel - 1) // 2 - 1)]
        return [*inner, Conv((3, 3), inputs, outputs)]
    if factor == "v3":
        return [Conv((1, kernel), inputs, inputs), Conv((kernel, 1), inputs, outputs)]
    return [Conv((kernel, kernel), inputs, outputs)]


def _pairs(graph: Graph) -> Iterator[tuple[Node, Node]]:
    """Convolutions of which the second alone reads the first, through norm and activation."""
    for node in graph.nodes:
        if node.kind != Kind.CONV or not _dense(node):
            continue
        follower = _next(graph, node)
        while follower is not None and follower.kind in _PASSED:
            follower = _next(graph, follower)
        if follower is not None and follower.kind == Kind.CONV and _dense(follower):
            yield node, follower


def _next(graph: Graph, node: Node) -> Node | None:
    readers = graph.consumers.get(node.outputs[0], ())
    return readers[0] if len(readers) == 1 else None


def _dense(node: Node) -> bool:
    attrs = node.attrs_as(ConvAttrs)
    return attrs.groups == 1 and len(attrs.kernel) == 2 and not attrs.deformable


def _saving(graph: Graph, chain: list[Node]) -> tuple[int, BottleneckRow] | None:
    """Return the saving at the head of up to three convolutions, and how many of them share it."""
    if len(chain) < 2:
        return None
    convs = [_conv(graph, node) for node in chain]
    # A 1×1 convolution to fewer channels in front of a larger kernel; what it saves is against that
    # kernel on the unreduced channels. With a stride it would also shrink the map.
    reduces = (
        convs[0].kernel == (1, 1)
        and max(convs[1].kernel) > 1
        and convs[0].outputs < convs[0].inputs
        and _unstrided(chain[0])
    )
    start = int(reduces)
    pair = _pair(chain[start:], convs[start:])
    if not reduces and pair is None:
        return None
    form, kernel = pair or ("", convs[1].kernel)
    count = 2 if pair is None else start + 2
    row = _row(
        path=" + ".join(node.path for node in chain[:count]),
        form=" + ".join(filter(None, ("reduce" if reduces else "", form))),
        direct=Conv(kernel, convs[0].inputs, convs[count - 1].outputs),
        built=convs[:count],
        areas=[prod(graph.shape(node.outputs[0])[2:]) for node in chain[:count]],
    )
    return count, row


def _pair(nodes: list[Node], convs: list[Conv]) -> tuple[str, tuple[int, ...]] | None:
    """Return form and spanned kernel of the first two convolutions, if they factorize one."""
    if len(nodes) < 2:
        return None
    kernels = {conv.kernel for conv in convs[:2]}
    # Two 3×3 in a row see 5×5, as long as the first does not skip positions (Szegedy et al. 2015,
    # section 3.1); 1×n and n×1 see n×n (section 3.2).
    wide = max(max(kernel) for kernel in kernels)
    if kernels == {(1, wide), (wide, 1)} and wide > 1:
        return "v3", (wide, wide)
    if kernels == {(3, 3)} and _unstrided(nodes[0]):
        return "v2", (5, 5)
    return None


def _unstrided(node: Node) -> bool:
    return isinstance(node.attrs, ConvAttrs) and set(node.attrs.stride) == {1}


def _conv(graph: Graph, node: Node) -> Conv:
    attrs = node.attrs_as(ConvAttrs)
    x, out = graph.shape(node.inputs[0]), graph.shape(node.outputs[0])
    return Conv(attrs.kernel, x[1], out[1])


def _row(
    path: str, form: str, direct: Conv, built: list[Conv], areas: list[int] | None
) -> BottleneckRow:
    reduced = sum(conv.weights for conv in built)
    direct_macs = reduced_macs = None
    if areas is not None:
        # The direct convolution would have the last one's output, and so its map.
        direct_macs = direct.weights * areas[-1]
        reduced_macs = sum(conv.weights * area for conv, area in zip(built, areas, strict=True))
    return BottleneckRow(
        path=path,
        form=form,
        direct_formula=direct.formula,
        reduced_formula=" + ".join(conv.formula for conv in built),
        direct=direct.weights,
        reduced=reduced,
        saved=direct.weights - reduced,
        ratio=direct.weights / reduced,
        direct_macs=direct_macs,
        reduced_macs=reduced_macs,
    )


def _result(head: Header, rows: list[BottleneckRow]) -> Result[BottleneckTotals, BottleneckRow]:
    direct, reduced = sum(row.direct for row in rows), sum(row.reduced for row in rows)
    known = bool(rows) and all(row.direct_macs is not None for row in rows)
    totals = BottleneckTotals(
        direct=direct,
        reduced=reduced,
        saved=direct - reduced,
        ratio=direct / reduced if reduced else 1.0,
        direct_macs=sum(row.direct_macs or 0 for row in rows) if known else None,
        reduced_macs=sum(row.reduced_macs or 0 for row in rows) if known else None,
    )
    return Result(
        name="bottleneck",
        header=head,
        totals=totals,
        rows=tuple(rows),
        columns=COLUMNS,
        footer=(_sentence(totals, len(rows)),),
    )


def _sentence(totals: BottleneckTotals, count: int) -> str:
    if not count:
        return "no 1×1 reduction and no factorized pair found"
    text = f"{totals.direct:,} weights directly, {totals.reduced:,} as built: "
    if totals.saved >= 0:
        text += f"{totals.saved:,} saved, ×{totals.ratio:.3g} fewer"
    else:
        text += f"{-totals.saved:,} more, not a saving"
    if totals.direct_macs is not None and totals.reduced_macs is not None:
        text += f"; MACs {totals.direct_macs:,} against {totals.reduced_macs:,}"
    return text
