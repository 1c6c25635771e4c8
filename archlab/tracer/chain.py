"""The chain of attempts: the meta device first, real tensors where the forward needs values.

Which link held is written into the graph (`build`) and into every header.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from archlab.errors import TraceError
from archlab.ir.graph import Failure, Graph
from archlab.tracer.recorder import DataDependentError, record

Inputs = tuple[Sequence[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What to trace: copies of one model, cheap (meta) and with values, and inputs for each.

    `build` says how the meta copy came to be; `meta` returns None where there is none.
    """

    name: str
    build: str
    meta: Callable[[], nn.Module | None]
    real: Callable[[], nn.Module]
    inputs: Callable[[str], Inputs]  # "meta" or "cpu" -> args, kwargs


def trace(subject: Subject, mode: str = "eval") -> Graph:
    """Return the Graph of one forward of the subject in `mode` ("eval" or "train").

    Raises:
        TraceError: the forward failed; the error carries the graph up to there.
    """
    # In a caller's inference mode autograd sees nothing, and composite operators stay whole.
    with torch.inference_mode(mode=False):
        return _attempts(subject, mode)


def _attempts(subject: Subject, mode: str) -> Graph:
    module = subject.meta()
    why = "the module cannot be copied to meta"
    if module is not None:
        args, kwargs = subject.inputs("meta")
        graph, error = record(
            module, args, kwargs, mode=mode, name=subject.name, build=subject.build
        )
        if error is None:
            return graph
        if not _meta_cannot(error):
            raise _failed(graph, error) from error
        why = _why_not_meta(error)
    args, kwargs = subject.inputs("cpu")
    build = f"real tensors on the CPU: {why}, holds for this input only"
    graph, error = record(subject.real(), args, kwargs, mode=mode, name=subject.name, build=build)
    if error is not None:
        raise _failed(graph, error) from error
    return graph


def _why_not_meta(error: Exception) -> str:
    text = str(error).lower()
    if isinstance(error, DataDependentError) or "unallocated storage" in text or "out of" in text:
        return "the forward depends on values"
    return "the forward does not run on meta"


def _meta_cannot(error: Exception) -> bool:
    """Whether an exception comes from the meta device rather than from the model."""
    if isinstance(error, DataDependentError | NotImplementedError):
        return True
    text = str(error).lower()
    # The last is what tolist() says.
    signs = ("meta tensor", "same device", "unallocated storage")
    return "meta" in text.split() or any(sign in text for sign in signs)


def _failed(graph: Graph, error: Exception) -> TraceError:
    failure = graph.failure
    assert failure is not None
    where = _where(graph, failure)
    first_line = failure.message.strip().split("\n")[0]
    received = " and ".join("x".join(map(str, shape)) for shape in failure.shapes)
    got = f" It received {received}." if received else ""
    return TraceError(
        f"The forward of {graph.name} failed in {where}: {first_line}.{got} "
        f"The input was {graph.input_text() or 'empty'}, the mode {graph.mode}. "
        f"{advice(error)}",
        graph,
    )


def _where(graph: Graph, failure: Failure) -> str:
    kind = graph.module[failure.path].type if failure.path in graph.module else ""
    return f"{failure.path} ({kind})" if failure.path else f"the model itself ({kind})"


def advice(error: Exception) -> str:
    """Return what to try after a failed forward."""
    text = str(error)
    if "more than 1 value per channel" in text:
        return "Batch norm in train mode needs more than one value per channel: try --batch 2."
    if isinstance(error, TypeError) and "forward()" in text and "missing" in text:
        return "Give every input the forward takes, as --input name=SHAPE:DTYPE."
    if isinstance(error, TypeError) and "positional argument" in text:
        return "Give the inputs by the names the forward has, as --input name=SHAPE:DTYPE."
    if "dtype" in text and ("Half" in text or "BFloat16" in text):
        return "The weights are of half precision: try --input 3x224x224:float16."
    if any(word in text for word in ("embedding", "Long", "Int", "used as indices")):
        return "Token inputs are integers: try --input 1x16:int64."
    if isinstance(error, RuntimeError | IndexError):
        return "If the size is wrong, try another --input, of the size that the net was made for."
    return "The error is the model's own; --debug shows where it was raised."
