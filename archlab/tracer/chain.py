"""Traces on the meta device first, and with real tensors where the forward needs values.

The graph (`build`) and every header say which of the two attempts succeeded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from archlab.errors import TraceError, keyword
from archlab.ir.graph import Graph
from archlab.tracer.record import record
from archlab.tracer.recorder import DataDependentError

_NOT_FLOAT32 = re.compile(r" (u?int\d+|b?float16|bool)\b")  # in the text of inputs
Inputs = tuple[Sequence[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What to trace: a copy of a model on meta, a copy with values, and the inputs of each."""

    name: str
    build: str  # how the copy on meta was made
    meta: Callable[[], nn.Module | None]  # None where there is no such copy
    real: Callable[[], nn.Module]
    inputs: Callable[[str], Inputs]  # "meta" or "cpu" -> args, kwargs


def trace(subject: Subject, mode: str = "eval") -> Graph:
    """Return the Graph of one forward of the subject in `mode` ("eval" or "train").

    Raises:
        TraceError: the forward failed; the error carries the graph up to there.
    """
    # In a caller's inference mode autograd sees nothing, and composite operators are not taken
    # apart into the operators that have readers.
    with torch.inference_mode(mode=False):
        return _attempts(subject, mode)


def _attempts(subject: Subject, mode: str) -> Graph:
    module = subject.meta()
    reason = "the module cannot be copied to meta"
    if module is not None:
        args, kwargs = subject.inputs("meta")
        graph, error = record(
            module, args, kwargs, mode=mode, name=subject.name, build=subject.build
        )
        if error is None:
            return graph
        if not _meta_is_to_blame(error):
            raise _failed(graph, error) from error
        text = str(error).lower()
        values = "unallocated storage" in text or "out of" in text
        reason = (
            "the forward depends on values"
            if values or isinstance(error, DataDependentError)
            else "the forward does not run on meta"
        )
    args, kwargs = subject.inputs("cpu")
    build = f"real tensors on the CPU: {reason}, holds for this input only"
    graph, error = record(subject.real(), args, kwargs, mode=mode, name=subject.name, build=build)
    if error is not None:
        raise _failed(graph, error) from error
    return graph


def _meta_is_to_blame(error: Exception) -> bool:
    """Whether an exception comes from the meta device rather than from the model."""
    if isinstance(error, DataDependentError | NotImplementedError):
        return True
    # torch has no exception class for it, so its messages are searched.
    text = str(error).lower()
    phrases = ("meta tensor", "same device", "unallocated storage")  # the last is from tolist()
    return "meta" in text.split() or any(phrase in text for phrase in phrases)


def _failed(graph: Graph, error: Exception) -> TraceError:
    failure = graph.failure
    assert failure is not None
    first_line = failure.message.strip().split("\n")[0]
    shapes = " and ".join("x".join(map(str, shape)) for shape in failure.shapes)
    received = f" It received {shapes}." if shapes else ""
    kind = graph.module[failure.path].type if failure.path in graph.module else ""
    return TraceError(
        f"The forward of {graph.name} failed in {failure.path or 'the model itself'} ({kind}): "
        f"{first_line}.{received} The input was {graph.input_text() or 'empty'}, "
        f"the mode {graph.mode}. {advice(error, graph.input_text())}",
        graph,
    )


def advice(error: Exception, given: str) -> str:
    """Return what to try after a forward failed with inputs that were `given` so."""
    text = str(error)
    if "more than 1 value per channel" in text:
        batch = keyword("batch", 2)
        return f"Batch norm in train mode needs more than one value per channel: try {batch}."
    named = keyword("input", "name=SHAPE:DTYPE")
    if isinstance(error, TypeError) and "forward()" in text and "missing" in text:
        return f"Give every input the forward takes, as {named}."
    if isinstance(error, TypeError) and "positional argument" in text:
        return f"Give the inputs by the names the forward has, as {named}."
    of_tokens = "embedding" in text or "indices" in text
    types = re.search(r"scalar type|dtype|Input type", text)
    if isinstance(error, RuntimeError) and types and not of_tokens and _NOT_FLOAT32.search(given):
        return f"The weights may be float32: leave the dtype of {keyword('input')} out."
    if "dtype" in text and ("Half" in text or "BFloat16" in text):
        return f"The weights are of half precision: try {keyword('input', '3x224x224:float16')}."
    if any(word in text for word in ("embedding", "Long", "Int", "used as indices")):
        return f"Token inputs are integers: try {keyword('input', '1x16:int64')}."
    if isinstance(error, RuntimeError | IndexError):
        other = keyword("input")
        return f"If the size is wrong, try another {other}, of the size that the net was made for."
    return "The error is the model's own; its traceback shows where it was raised."
