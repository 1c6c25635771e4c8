"""The verbs of archlab: load a model, ask a question, get a Result. Here the stages are joined.

Every verb takes a spec ("resnet18", "torchvision:vit_b_16", "net.py:Net"), a `torch.nn.Module`,
or a model that `load` returned. A module is copied, never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from archlab.analyze.budget import LIMITS, BudgetRow, BudgetTotals, budget
from archlab.analyze.compare import Comparison, Entry
from archlab.analyze.compare import compare as compare_entries
from archlab.analyze.factorize import (
    BottleneckRow,
    BottleneckTotals,
    bottleneck,
    find_bottlenecks,
)
from archlab.analyze.flops import FlopsRow, FlopsTotals
from archlab.analyze.flops import flops as analyze_flops
from archlab.analyze.memory import MemoryRow, MemoryTotals
from archlab.analyze.memory import memory as analyze_memory
from archlab.analyze.params import ParamsRow, ParamsTotals
from archlab.analyze.params import params as analyze_params
from archlab.analyze.shapes import ShapesRow, ShapesTotals
from archlab.analyze.shapes import shapes as analyze_shapes
from archlab.analyze.summary import SummaryRow, SummaryTotals
from archlab.analyze.summary import summary as analyze_summary
from archlab.errors import OptionError, TraceError
from archlab.ir.kinds import Kind
from archlab.probe.second_opinion import AgainstRow, AgainstTotals, against_fvcore
from archlab.resolve import (
    Inputs,
    Source,
    build_on_meta,
    build_real,
    default_inputs,
    find,
    given_inputs,
)
from archlab.result import Result
from archlab.spec import parse_model
from archlab.tracer import Subject
from archlab.tracer import trace as trace_subject
from archlab.tracer.isolate import on_meta, with_values

if TYPE_CHECKING:
    from archlab.ir.graph import Graph
    from archlab.resolve.inputs import InputLike

MODES = ("eval", "train")


class Model:
    """A model that can be asked: its name, where it came from, and its traces (made once).

    Attributes:
        name: what headers call it.
        note: where a bare name was found, or empty.
    """

    def __init__(
        self,
        spec: str | nn.Module,
        *,
        input: InputLike | None = None,  # noqa: A002  the word users know
        batch: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if batch is not None and batch < 1:
            raise OptionError(f"batch={batch}: a batch has one sample or more.")
        self._source: Source | None = None
        self._options = dict(options or {})
        if isinstance(spec, str):
            self._source = find(parse_model(spec))
            self.module, self._build = build_on_meta(self._source, self._options)
            self.name, self.note = self._source.name, self._source.note
        elif isinstance(spec, nn.Module):
            if self._options:
                raise OptionError(
                    "Options are constructor arguments, and this module is already built."
                )
            self.module, self._build = spec, "copied to meta"
            self.name, self.note = type(spec).__name__, ""
        else:
            raise OptionError(
                f"{type(spec).__name__} is no model. Allowed: a spec such as 'resnet18', or a "
                "torch.nn.Module."
            )
        given = None if input is None else given_inputs(input)
        self._inputs = given or default_inputs(self._source, self.module)
        self._batch = batch
        self._chosen: Inputs | None = None
        self._graphs: dict[str, Graph] = {}
        self._meta: nn.Module | None = None

    def trace(self, mode: str = "eval") -> Graph:
        """Return the graph of one forward in `mode`: "eval" or "train".

        Raises:
            TraceError: the forward failed.
            OptionError: an unknown mode.
        """
        if mode not in MODES:
            raise OptionError(f"mode={mode!r}: allowed are {', '.join(MODES)}.")
        if mode not in self._graphs:
            self._graphs[mode] = self._trace(mode)
        return self._graphs[mode]

    def runnable(self, mode: str = "eval") -> tuple[nn.Module, tuple[Any, ...]]:
        """Return a copy of the module with values, in `mode`, and the inputs that were traced.

        Raises:
            TraceError: the forward failed.
        """
        self.trace(mode)
        assert self._chosen is not None
        args, kwargs = self._chosen.tensors("cpu")
        return self._real_copy().train(mode == "train"), (*args, *kwargs.values())

    def _trace(self, mode: str) -> Graph:
        attempts = [self._chosen] if self._chosen else self._inputs.attempts(self._batch)
        first: TraceError | None = None
        for inputs in attempts:
            try:
                graph = trace_subject(self._subject(inputs), mode)
            except TraceError as error:
                first = first or error
            else:
                self._chosen = inputs
                return graph
        assert first is not None
        raise first

    def _subject(self, inputs: Inputs) -> Subject:
        note = f" (input {inputs.note})" if inputs.note else ""
        return Subject(
            name=self.name,
            build=self._build + note,
            meta=self._meta_copy,
            real=self._real_copy,
            inputs=inputs.tensors,
        )

    def _meta_copy(self) -> nn.Module | None:
        if self._meta is None and self._source is not None and not _has_values(self.module):
            self._meta = self.module  # built here, on meta: nobody else holds it
        if self._meta is None:
            try:
                self._meta = on_meta(self.module)
            except Exception:  # noqa: BLE001  a member that cannot be copied: try with values
                return None
        return self._meta

    def _real_copy(self) -> nn.Module:
        if self._source is not None and not _has_values(self.module):
            return build_real(self._source, self._options)
        return with_values(self.module)


def _has_values(module: nn.Module) -> bool:
    tensors = [*module.parameters(), *module.buffers()]
    return not tensors or any(tensor.device.type != "meta" for tensor in tensors)


ModelLike = str | nn.Module | Model


def load(
    spec: ModelLike,
    *,
    input: InputLike | None = None,  # noqa: A002
    batch: int | None = None,
    **options: Any,
) -> Model:
    """Return a model that every verb takes, so that it is built and traced once.

    Args:
        spec: a spec, a module, or a loaded model (returned as it is).
        input: text ("3x224x224", "ids=2x20:int64"), a shape, tensors, or a mapping of names to
            those; the model's published input by default.
        batch: samples per forward, 1 by default.
        **options: constructor arguments.

    Raises:
        SpecError: no such model, or no such input.
        BuildError: the constructor failed.

    Example:
        >>> load("resnet20").trace().input_text()
        '1x3x32x32 float32'
    """
    if isinstance(spec, Model):
        if input is not None or batch is not None or options:
            raise OptionError("This model is loaded: give input, batch and options to load().")
        return spec
    return Model(spec, input=input, batch=batch, options=options)


def trace(model: ModelLike, *, mode: str = "eval", **how: Any) -> Graph:
    """Return the Graph of one forward: nodes, tensors, parameters, modules.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" (no autograd) or "train" (records what backward keeps).
        **how: `input`, `batch` and constructor arguments, see `load`.

    Example:
        >>> trace("resnet20").nodes[0].op
        'aten.convolution'
    """
    return load(model, **how).trace(mode)


def params(model: ModelLike, *, mode: str = "eval", **how: Any) -> Result[ParamsTotals, ParamsRow]:
    """Return parameters by module: total, trainable, frozen, buffers, bytes, tied, unused.

    Counts are elements, once by identity. Arguments and errors as in `trace`.

    Example:
        >>> params("resnet20").totals.params  # He et al. 2015, table 6: 0.27 M
        269722
    """
    return analyze_params(trace(model, mode=mode, **how))


def flops(
    model: ModelLike,
    *,
    mode: str = "eval",
    convention: str = "archlab",
    by: str = "module",
    **how: Any,
) -> Result[FlopsTotals, FlopsRow]:
    """Return MACs, FLOPs (2 × MACs) and other FLOPs of one forward of the whole batch.

    In mode "train" also the backward pass. `convention` is "archlab" or "fvcore", `by` is "module"
    or "kind"; the rest as in `trace`.

    Example:
        >>> flops("resnet18", layout="imagenet").totals.macs  # torchvision publishes 1.814 G
        1814073344
    """
    return analyze_flops(trace(model, mode=mode, **how), convention=convention, by=by)


def memory(
    model: ModelLike, *, optimizer: str = "adam", **how: Any
) -> Result[MemoryTotals, MemoryRow]:
    """Return bytes of parameters, activations, inference peak, backward, and training in all.

    The inference figures come from an eval mode trace, the training ones from a train mode trace;
    where the model cannot be trained at this batch they are None and the result says why.
    `optimizer` is sgd, momentum or adam.

    Example:
        >>> memory("resnet18", layout="imagenet").totals.inference_peak  # two 64×112×112 maps
        6422528
    """
    loaded = load(model, **how)
    graph = loaded.trace("eval")
    try:
        training = loaded.trace("train")
    except TraceError as error:
        return analyze_memory(graph, None, optimizer=optimizer, why_untrained=str(error))
    return analyze_memory(graph, training, optimizer=optimizer)


def shapes(model: ModelLike, *, mode: str = "eval", **how: Any) -> Result[ShapesTotals, ShapesRow]:
    """Return the shapes and dtypes through every module call, and the ladder of map sizes.

    Example:
        >>> shapes("resnet20").rows[0].output_shape
        '1x10'
    """
    return analyze_shapes(trace(model, mode=mode, **how))


def summary(
    model: ModelLike, *, mode: str = "eval", **how: Any
) -> Result[SummaryTotals, SummaryRow]:
    """Return the overview: kernel, output shape, parameters and MACs of every module.

    Example:
        >>> summary("resnet20").totals.params
        269722
    """
    return analyze_summary(trace(model, mode=mode, **how))


def bottlenecks(model: ModelLike, **how: Any) -> Result[BottleneckTotals, BottleneckRow]:
    """Return every 1×1 reduction and factorized pair of a model, and what each saves.

    Example:
        >>> len(bottlenecks("googlenet").rows)  # nine Inception blocks, two reductions each
        18
    """
    return find_bottlenecks(trace(model, **how))


def compare(*models: ModelLike, **how: Any) -> Comparison:
    """Return several models side by side: parameters, MACs, memory, with ratios to the first.

    Raises:
        OptionError: fewer than two models.

    Example:
        >>> [e.values["params"] for e in compare("plain20", "resnet20").entries]
        [269722, 269722]
    """
    return compare_entries([_entry(load(model, **how)) for model in models])


def compare_modes(model: ModelLike, **how: Any) -> Comparison:
    """Return a model's eval and train mode side by side: auxiliary heads show here.

    Example:
        >>> compare_modes("googlenet", batch=2).entries[0].header.mode
        'eval'
    """
    loaded = load(model, **how)
    return compare_entries([_entry(loaded, mode) for mode in MODES])


def check(model: ModelLike, **limits_and_how: Any) -> Result[BudgetTotals, BudgetRow]:
    """Return the model's numbers against limits, and whether every limit holds.

    The limits are `params`, `macs`, `flops`, `inference_peak` and `training` (bytes for the last
    two), each optional; further keywords as in `load`.

    Raises:
        OptionError: no limit given.

    Example:
        >>> check("resnet20", params=300_000).totals.passed
        True
    """
    wanted = {name: limits_and_how.pop(name) for name in LIMITS if name in limits_and_how}
    if not wanted:
        raise OptionError(f"No limit to check: give one or more of {', '.join(LIMITS)}.")
    loaded = load(model, **limits_and_how)
    cost = flops(loaded)
    values: dict[str, float | None] = {
        "params": cost.totals.params,
        "macs": cost.totals.macs,
        "flops": cost.totals.flops,
    }
    missing = cost.missing
    if {"inference_peak", "training"} & set(wanted):
        held = memory(loaded)
        values["inference_peak"] = held.totals.inference_peak
        values["training"] = held.totals.training
        if "training" in wanted:
            missing += held.missing
    return budget(cost.header, values, wanted, missing)


def against(
    model: ModelLike, tool: str = "fvcore", *, mode: str = "eval", **how: Any
) -> Result[AgainstTotals, AgainstRow]:
    """Return another counter's numbers beside ours, with the reason for every difference.

    The model is built with values and run by the other tool.

    Raises:
        OptionError: an unknown tool.
        DependencyError: the tool is not installed.
    """
    if tool != "fvcore":
        raise OptionError(f"tool={tool!r}: allowed is fvcore.")
    loaded = load(model, **how)
    cost = flops(loaded, mode=mode, by="kind")
    ours = {Kind(row.path): row.macs for row in cost.rows}
    module, args = loaded.runnable(mode)
    return against_fvcore(module, args, cost.header, ours, cost.missing)


def _entry(model: Model, mode: str = "eval") -> Entry:
    cost, held = analyze_summary(model.trace(mode)), memory(model)
    weights = params(model, mode=mode).totals
    values: dict[str, float | None] = {
        name: getattr(cost.totals, name)
        for name in ("params", "trainable", "macs", "flops", "other_flops", "layers")
    }
    values["buffers"] = weights.buffers
    for name in ("parameters", "inference_peak", "saved_for_backward", "training"):
        values[name] = getattr(held.totals, name)
    return Entry(cost.header, values, (*cost.missing, *held.missing))


__all__: Sequence[str] = (
    "Model",
    "against",
    "bottleneck",
    "bottlenecks",
    "check",
    "compare",
    "compare_modes",
    "flops",
    "load",
    "memory",
    "params",
    "shapes",
    "summary",
    "trace",
)
