"""Verbs about cost: parameters, MACs, memory, shapes, and models side by side."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from archlab.analyze.budget import Amount, BudgetRow, BudgetTotals, budget, limits
from archlab.analyze.compare import Comparison, Entry, compare as compare_entries
from archlab.analyze.difference import Difference, difference
from archlab.analyze.factorize import BottleneckRow, BottleneckTotals, find_bottlenecks
from archlab.analyze.flops import FlopsRow, FlopsTotals, flops as analyze_flops
from archlab.analyze.memory import MemoryRow, MemoryTotals, memory as analyze_memory
from archlab.analyze.params import ParamsRow, ParamsTotals, params as analyze_params
from archlab.analyze.shapes import ShapesRow, ShapesTotals, shapes as analyze_shapes
from archlab.analyze.summary import SummaryRow, SummaryTotals, summary as analyze_summary
from archlab.api.model import MODES, Model, ModelLike, load, trace
from archlab.errors import TraceError, check_one_of
from archlab.ir.kinds import Kind
from archlab.probe.second_opinion import AgainstRow, AgainstTotals, against_fvcore
from archlab.result import Result
from archlab.verb import verb

if TYPE_CHECKING:
    from archlab.resolve.inputs import InputLike


@verb
def params(model: ModelLike, *, mode: str = "eval") -> Result[ParamsTotals, ParamsRow]:
    """Return parameters by module: total, trainable, frozen, buffers, bytes, tied, unused.

    Counts are elements, once by identity.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" or "train".

    Raises:
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> params("resnet20").totals.params  # He et al. 2015, table 6: 0.27 M
        269722
    """
    return analyze_params(trace(model, mode=mode))


@verb
def flops(
    model: ModelLike, *, mode: str = "eval", convention: str = "archlab", by: str = "module"
) -> Result[FlopsTotals, FlopsRow]:
    """Return MACs, FLOPs (2 × MACs) and other FLOPs of one forward of the whole batch.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" or "train"; in "train" also the backward pass.
        convention: "archlab" or "fvcore": what counts as an operation.
        by: "module" or "kind": what a row is.

    Raises:
        OptionError: an unknown mode, convention or grouping.
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> flops("resnet18").totals.macs  # torchvision publishes 1.814 G
        1814073344
    """
    return analyze_flops(trace(model, mode=mode), convention=convention, by=by)


@verb
def memory(model: ModelLike, *, optimizer: str = "adam") -> Result[MemoryTotals, MemoryRow]:
    """Return bytes of parameters, activations, inference peak, backward, and training in all.

    The inference figures come from an eval mode trace, the training ones from a train mode trace;
    where the model cannot be trained at this batch they are None and the result says why.

    Args:
        model: a spec, a module, or a loaded model.
        optimizer: sgd, momentum or adam.

    Raises:
        OptionError: an unknown optimizer.
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> memory("resnet18").totals.inference_peak  # two 64×112×112 maps
        6422528
    """
    loaded = load(model)
    graph = loaded.trace("eval")
    # A net may run and yet not train at this batch: batch norm needs two values per channel.
    try:
        training = loaded.trace("train")
    except TraceError as error:
        return analyze_memory(graph, None, optimizer=optimizer, why_untrained=str(error))
    return analyze_memory(graph, training, optimizer=optimizer)


@verb
def shapes(model: ModelLike, *, mode: str = "eval") -> Result[ShapesTotals, ShapesRow]:
    """Return the shapes and dtypes through every module call, and the ladder of map sizes.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" or "train".

    Raises:
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> shapes("resnet20").rows[0].output_shape
        '1x10'
    """
    return analyze_shapes(trace(model, mode=mode))


@verb
def summary(
    model: ModelLike,
    input: InputLike | None = None,  # noqa: A002  the word users know
    *,
    mode: str = "eval",
) -> Result[SummaryTotals, SummaryRow]:
    """Return the overview: kernel, output shape, parameters and MACs of every module.

    Args:
        model: a spec, a module, or a loaded model.
        input: as `load` takes it. It stands here too, and in no other verb, so that a call of
            torchinfo's or torchsummary's `summary(model, (3, 32, 32))` works unchanged.
        mode: "eval" or "train".

    Raises:
        OptionError: an input for a model that is loaded.
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> summary("resnet20", (3, 32, 32)).totals.params
        269722
    """
    return analyze_summary(load(model, input=input).trace(mode))


@verb
def bottlenecks(model: ModelLike) -> Result[BottleneckTotals, BottleneckRow]:
    """Return every 1×1 reduction and factorized pair of a model, and what each saves.

    Args:
        model: a spec, a module, or a loaded model.

    Raises:
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> len(bottlenecks("googlenet").rows)  # nine Inception blocks, two reductions each
        18
    """
    return find_bottlenecks(trace(model))


@verb
def compare(*models: ModelLike) -> Comparison:
    """Return several models side by side: parameters, MACs, memory, with ratios to the first.

    Args:
        *models: specs, modules or loaded models.

    Raises:
        OptionError: fewer than two models.
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> [e.values["params"] for e in compare("plain20", "resnet20").entries]
        [269722, 269722]
    """
    return compare_entries([_entry(load(model)) for model in models])


@verb
def diff(first: ModelLike, second: ModelLike, *, mode: str = "eval") -> Difference:
    """Return the modules that the second model adds, lacks and changes, in the order they run.

    Args:
        first: the model to start from.
        second: the model to come to.
        mode: "eval" or "train".

    Raises:
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> [(row.change, row.path) for row in diff("resnet20", "resnet26").rows]
        [('added', 'layer1.3'), ('added', 'layer2.3'), ('added', 'layer3.3')]
    """
    return difference(trace(first, mode=mode), trace(second, mode=mode))


@verb
def compare_modes(model: ModelLike) -> Comparison:
    """Return a model's eval and train mode side by side: auxiliary heads show here.

    Args:
        model: a spec, a module, or a loaded model.

    Raises:
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> compare_modes(load("googlenet", batch=2)).entries[0].header.mode
        'eval'
    """
    loaded = load(model)
    return compare_entries([_entry(loaded, mode) for mode in MODES])


@verb
def check(
    model: ModelLike,
    *,
    max_params: Amount | None = None,
    max_macs: Amount | None = None,
    max_flops: Amount | None = None,
    max_peak: Amount | None = None,
    max_training: Amount | None = None,
    params: Amount | None = None,
    macs: Amount | None = None,
    flops: Amount | None = None,
    inference_peak: Amount | None = None,
    training: Amount | None = None,
) -> Result[BudgetTotals, BudgetRow]:
    """Return the model's numbers against limits, and whether every limit holds.

    A limit is a number or a text, such as "5M", "1.5G" or "20 MiB".

    Args:
        model: a spec, a module, or a loaded model.
        max_params: parameters at most.
        max_macs: multiply-adds of one forward at most.
        max_flops: FLOPs of one forward at most.
        max_peak: bytes of activations at most.
        max_training: bytes of training with Adam at most.
        params, macs, flops, inference_peak, training: the same, by the names in the answer.

    Raises:
        OptionError: no limit given, one given twice, or one that is no amount above 0.
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> check("resnet20", max_params="0.3M").totals.passed
        True
    """
    given = {
        "max_params": max_params, "max_macs": max_macs, "max_flops": max_flops,
        "max_peak": max_peak, "max_training": max_training, "params": params, "macs": macs,
        "flops": flops, "inference_peak": inference_peak, "training": training,
    }  # fmt: skip
    allowed = limits({name: limit for name, limit in given.items() if limit is not None})
    loaded = load(model)
    cost = analyze_flops(loaded.trace())
    values: dict[str, float | None] = {
        name: getattr(cost.totals, name) for name in ("params", "macs", "flops")
    }
    missing = cost.missing
    # Memory takes a second trace, in train mode: it is made only where a limit asks for it.
    if {"inference_peak", "training"} & set(allowed):
        bytes_needed = memory(loaded)
        values["inference_peak"] = bytes_needed.totals.inference_peak
        values["training"] = bytes_needed.totals.training
        # What cannot be trained at this batch still passes a limit on inference.
        if "training" in allowed:
            missing += bytes_needed.missing
    return budget(cost.header, values, allowed, missing)


@verb
def against(
    model: ModelLike, tool: str = "fvcore", *, mode: str = "eval"
) -> Result[AgainstTotals, AgainstRow]:
    """Return another counter's numbers beside ours, with the reason for every difference.

    The model is built with values and run by the other tool.

    Args:
        model: a spec, a module, or a loaded model.
        tool: fvcore.
        mode: "eval" or "train".

    Raises:
        OptionError: an unknown tool.
        DependencyError: the tool is not installed.
        TraceError: the tool cannot run the model.

    Example:
        >>> against(load("resnet8", input="3x16x16")).status
        <Status.COMPLETE: 'complete'>
    """
    check_one_of("tool", tool, ("fvcore",))
    loaded = load(model)
    # By kind, because fvcore counts operators and knows nothing of our paths.
    cost = flops(loaded, mode=mode, by="kind")
    ours = {Kind(row.path): row.macs for row in cost.rows}
    module, inputs = loaded.runnable(mode)
    return against_fvcore(module, inputs, cost.header, ours, cost.missing)


def _entry(model: Model, mode: str = "eval") -> Entry:
    graph = model.trace(mode)
    cost, needs = analyze_summary(graph), memory(model)
    sources = (
        (cost.totals, ("params", "trainable", "macs", "flops", "other_flops", "layers")),
        (params(model, mode=mode).totals, ("buffers",)),
        (needs.totals, ("parameters", "inference_peak", "saved_for_backward", "training")),
    )
    values = {name: getattr(totals, name) for totals, names in sources for name in names}
    sizes = [graph.shape(tensor) for tensor in graph.outputs]
    shapes = Counter("x".join(map(str, size)) or "scalar" for size in sizes)
    # In training GoogLeNet has three outputs of one shape: written once, with their number.
    output = ", ".join(f"{shape} ×{n}" if n > 1 else shape for shape, n in shapes.items())
    return Entry(cost.header, values, (*cost.missing, *needs.missing), output or "no tensor")
