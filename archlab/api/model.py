"""A model that can be asked: built once, traced once a mode, from a spec or a module."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from archlab import zoo
from archlab.ambient import outside
from archlab.analyze.summary import summary
from archlab.contain import said
from archlab.errors import ArchlabError, OptionError, TraceError, check_one_of, keyword, shown
from archlab.resolve import (
    Inputs,
    Source,
    all_values,
    build_on_meta,
    build_real,
    default_inputs,
    find,
    given_inputs,
    vocabularies,
    weights_dtype,
)
from archlab.spec import InputSpec, parse_model
from archlab.tracer import Subject, trace as trace_subjects
from archlab.tracer.isolate import on_meta, unwrap, with_values
from archlab.verb import verb

if TYPE_CHECKING:
    from archlab.ir.graph import Graph
    from archlab.resolve.inputs import InputLike

MODES = ("eval", "train")


class Model:
    """A model that can be asked: its name, where it came from, and its traces (made once).

    Args:
        spec: a spec such as "resnet18", or a module, which is copied.
        input: text ("3x224x224"), a shape, tensors, or a mapping of names to those; the model's
            published input by default.
        batch: samples per forward, 1 by default.
        options: constructor arguments, where `spec` is text.

    Attributes:
        name: what headers call it.
        note: where a bare name was found, or empty.

    Raises:
        SpecError: no such model, or no such input.
        BuildError: the constructor failed.
        OptionError: a batch below 1, or something that is no model.

    Example:
        >>> model = Model("resnet20", batch=2)
        >>> model.name, model.trace().input_text()
        ('resnet20', '2x3x32x32 float32')
    """

    @outside()
    def __init__(
        self,
        spec: str | nn.Module,
        *,
        input: InputLike | None = None,  # noqa: A002  the word users know
        batch: int | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        if batch is not None and (not hasattr(batch, "__index__") or batch < 1):
            raise OptionError(f"{keyword('batch', batch)}: a batch has one sample or more.")
        self._spec = spec
        self._source: Source | None = None
        self._options = dict(options or {})
        if isinstance(spec, str):
            self._source = find(parse_model(spec))
            module, self._build = build_on_meta(self._source, self._options)
            self.module = unwrap(module)
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
                f"{shown(spec)} is no model. Allowed: a spec such as 'resnet18', or a "
                "torch.nn.Module (an instance, not its class)."
            )
        inputs = None if input is None else given_inputs(input, weights_dtype(self.module))
        self._inputs = inputs or default_inputs(self._source, self.module)
        self._batch = batch
        self._chosen: Inputs | None = None  # the reading of `_inputs` that ran
        self._graphs: dict[str, Graph] = {}  # mode -> graph
        self._meta: nn.Module | None = None  # the module that traces run, made for the first

    def __repr__(self) -> str:
        """Return the name, and the traced input where there is one."""
        traced = next(iter(self._graphs.values()), None)
        input_note = f", input {traced.input_text()}" if traced is not None else ""
        return f"Model({self.name!r}{input_note})"

    @outside()
    def trace(self, mode: str = "eval") -> Graph:
        """Return the graph of one forward in `mode`: "eval" or "train".

        Raises:
            TraceError: the forward failed.
            OptionError: an unknown mode.
        """
        check_one_of("mode", mode, MODES)
        if mode not in self._graphs:
            self._graphs[mode] = self._trace(mode)
        return self._graphs[mode]

    def with_input(self, text: str) -> Model:
        """Return this model with another input; the module is shared, nothing is traced yet.

        Args:
            text: sizes joined by x, such as 3x64x64.

        Raises:
            SpecError: the text is no input.
        """
        other = copy.copy(self)
        # The text may bring a batch of its own, which the old one must not replace.
        other._inputs, other._batch = given_inputs(text, weights_dtype(self.module)), None
        other._chosen, other._graphs = None, {}
        return other

    def with_batch(self, batch: int) -> Model:
        """Return this model with another batch; the module is shared, nothing is traced yet."""
        other = copy.copy(self)
        # Where a forward of one sample has told how the inputs are read, that stands.
        chosen = self._chosen.specs() if self._chosen is not None and self._batch is None else []
        if chosen and all(spec.shape[:1] == (1,) for spec in chosen):
            other._inputs = self._chosen or self._inputs
        other._batch, other._chosen, other._graphs = batch, None, {}
        return other

    def rebuilt(self, **options: Any) -> Model:
        """Return the model of the same spec with further constructor arguments.

        Args:
            **options: constructor arguments.

        Raises:
            BuildError: the constructor does not take them.
        """
        # Built anew: a constructor argument may change anything in the net but its input.
        other = Model(self._spec, batch=self._batch, options={**self._options, **options})
        other._inputs = self._inputs
        return other

    @property
    def family(self) -> str:
        """Where the model comes from: zoo, torchvision.image, timm, file … or module."""
        return "module" if self._source is None else self._source.family

    @property
    def zoo_family(self) -> str:
        """The key in `zoo.ZOO`, or empty where the zoo did not build the model."""
        variant = zoo.find(self.name) if self.family == "zoo" else None
        return variant.family if variant is not None else ""

    @property
    def redrawn(self) -> bool:
        """Whether `seeded` draws new initial values; a module that was given keeps its own."""
        # A part of it may have values all the same, such as a buffer made by NumPy.
        return self._source is not None and not all_values(self.module)

    def seeded(self, seed: int) -> nn.Module:
        """Return a copy with values on the CPU; the constructor of a spec draws from `seed`."""
        if self._source is not None and self.redrawn:
            return unwrap(build_real(self._source, self._options, seed))
        try:
            return with_values(self.module)
        except Exception as error:
            raise TraceError(
                f"The forward of {self.name} needs values, and no copy of the module with values "
                f"can be made: {said(error)}. Give a spec such as net.py:Net, "
                "or a module on the CPU whose members can be copied."
            ) from error

    def inputs(
        self, make: Callable[[InputSpec], torch.Tensor], mode: str = "train"
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the inputs that were traced: given tensors as they are, the others by `make`.

        Args:
            make: gives the tensor of one input.
            mode: "eval" or "train".

        Raises:
            TraceError: the forward failed.
        """
        self.trace(mode)  # only a forward tells which reading of the inputs is right
        assert self._chosen is not None
        return self._chosen.tensors("cpu", make)

    def runnable(
        self, mode: str = "eval"
    ) -> tuple[nn.Module, tuple[tuple[Any, ...], dict[str, Any]]]:
        """Return a copy of the module with values, in `mode`, and the inputs that were traced.

        Raises:
            TraceError: the forward failed.
        """
        self.trace(mode)
        assert self._chosen is not None
        return self.seeded(0).train(mode == "train"), self._chosen.tensors("cpu")

    def _repr_svg_(self) -> str | None:
        """The drawing, for notebooks; None where it cannot be drawn."""
        from archlab.picture.graph import graph_picture  # here: only a notebook draws
        from archlab.picture.look import Look

        # A notebook shows an error of this method as a long traceback below the cell's answer.
        try:
            return graph_picture(self.trace(), Look()).svg
        except ArchlabError:
            return None

    def _repr_html_(self) -> str | None:
        """Summary and drawing, for notebooks; None where the model cannot be traced."""
        try:
            text = str(summary(self.trace()))
        except ArchlabError:
            return None
        return f"<pre>{escape(text)}</pre>{self._repr_svg_() or ''}"

    def _trace(self, mode: str) -> Graph:
        # A size such as 3x224x224 can be read in two ways: one image, or a batch of sequences.
        # What ran in one mode is kept for the other, so that both graphs are of the same input.
        if self._chosen is None:
            readings = self._inputs.attempts(self._batch, vocabularies(self.module))
        else:
            readings = [self._chosen]
        try:
            return self._traced(readings, mode)
        except TraceError as error:
            # Whole numbers are made as indices. Nobody tells the size of a table that is no
            # embedding.
            if "index" in str(error) and any(spec.whole for spec in self._inputs.specs()):
                with contextlib.suppress(TraceError):
                    return self._traced([each.zeros() for each in readings], mode)
            advice = self._inputs.advice(str(error), self._batch)
            raise TraceError(f"{error}{advice}", error.graph) from error.__cause__

    def _traced(self, readings: Sequence[Inputs], mode: str) -> Graph:
        subjects = [self._subject(inputs) for inputs in readings]
        graph, subject = trace_subjects(subjects, mode)
        self._chosen = readings[subjects.index(subject)]
        # Only a forward with values reads the whole numbers that were made.
        below = max((spec.below for spec in self._chosen.specs() if spec.whole), default=0)
        if below and graph.build.startswith("real tensors"):
            return replace(graph, build=f"{graph.build}, whole numbers made below {below}")
        return graph

    def _subject(self, inputs: Inputs) -> Subject:
        note = f" (input {inputs.note})" if inputs.note else ""
        return Subject(
            name=self.name,
            build=self._build + note,
            meta=self._meta_copy,
            real=partial(self.seeded, 0),
            inputs=inputs.tensors,
        )

    def _meta_copy(self) -> nn.Module | None:
        # A module that was built here on the meta device belongs to nobody else: no copy is needed.
        if self._meta is None and self.redrawn:
            self._meta = self.module
        if self._meta is None:
            try:
                self._meta = on_meta(self.module)
            except Exception:  # noqa: BLE001  any member may refuse: the tracer then tries values
                return None
        return self._meta


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
    # A loaded model is traced already: another input or batch would be dropped without a word.
    if isinstance(spec, Model):
        if input is not None or batch is not None or options:
            raise OptionError("This model is loaded: give input, batch and options to load().")
        return spec
    return Model(spec, input=input, batch=batch, options=options)


@verb
def trace(model: ModelLike, *, mode: str = "eval") -> Graph:
    """Return the Graph of one forward: nodes, tensors, parameters, modules.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" (no autograd) or "train" (records what backward keeps).

    Raises:
        OptionError: an unknown mode.
        SpecError, BuildError: as in `load`.
        TraceError: the forward failed; `.graph` of the error holds the part before that.

    Example:
        >>> trace("resnet20").nodes[0].op
        'aten.convolution'
    """
    return load(model).trace(mode)
