"""Traces on meta first, then with fake tensors, then with real ones: the first that runs is kept.

The graph (`build`) and every header say which of them it was. Only what fails with real tensors,
too, or what torch's own kernels refuse, is called an error of the model.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import nn

from archlab.errors import TraceError, keyword
from archlab.ir.graph import Graph
from archlab.tracer.bounds import Bounds, BoundsError, check_memory
from archlab.tracer.devices import DeviceError
from archlab.tracer.fake import fakes
from archlab.tracer.record import Inputs, Recording, record
from archlab.tracer.recorder import DataDependentError
from archlab.tracer.settings import AutocastError

_NOT_FLOAT32 = re.compile(r" (u?int\d+|b?float(16|64)|complex\d+|bool)\b")  # in the text of inputs
# Words of a message about sizes. There is no exception class for it.
_SIZES = re.compile(
    r"\b(sizes?|shapes?|dim(ension)?s?|channels?|heights?|widths?|broadcast\w*|bounds|kernel)\b",
    re.I,
)
# "Torch not compiled with CUDA enabled", "No CUDA GPUs are available", "Found no NVIDIA driver".
_NO_CUDA = re.compile(r"with CUDA|no CUDA|no NVIDIA", re.I)
# What the meta device raises, and no model.
_OF_META = (DataDependentError, AutocastError, DeviceError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Subject:
    """What to trace: a copy of a model on meta, a copy with values, and the inputs of each."""

    name: str
    build: str  # how the copy on meta was made
    meta: Callable[[], nn.Module | None]  # None where there is no such copy
    real: Callable[[], nn.Module]
    inputs: Callable[[str], Inputs]  # "meta" or "cpu" -> args, kwargs


def trace(subjects: Sequence[Subject], mode: str = "eval") -> tuple[Graph, Subject]:
    """Return the Graph of one forward in `mode` ("eval" or "train"), and the subject it is of.

    Args:
        subjects: a model with each reading of its inputs, the likeliest first.
        mode: of the modules.

    Raises:
        TraceError: no reading runs; the error is that of the one that got furthest, and carries
            the graph up to there.
    """
    # In a caller's inference mode autograd sees nothing, and composite operators are not taken
    # apart into the operators that have readers.
    with torch.inference_mode(mode=False):
        last: dict[int, Recording] = {}
        for i, recording in _attempts(subjects, mode):
            if recording.error is None:
                return recording.graph, subjects[i]
            # Where this machine has no CUDA, what came before says more.
            if i not in last or not _NO_CUDA.search(str(recording.error)):
                last[i] = recording
        # The reading that got furthest is the likeliest to be the right one.
        told = max(last.values(), key=lambda recording: len(recording.graph.calls))
        raise _failed(told) from told.error


def _attempts(subjects: Sequence[Subject], mode: str) -> Iterator[tuple[int, Recording]]:
    """Yield recordings with the number of their subject; the next is made where one failed."""
    unclear = []
    for i, subject in enumerate(subjects):
        module = subject.meta()
        error: Exception | None = None
        if module is not None:
            inputs = subject.inputs("meta")
            first = record(module, inputs, mode=mode, name=subject.name, build=subject.build)
            yield i, first
            if _is_own(first, module, inputs):
                continue
            error = first.error
        attempts = zip(repeat(i), _further(subject, module, mode, error), strict=False)
        if module is None or isinstance(error, _OF_META):
            yield from attempts
        else:
            # Another reading may simply be the right one, and costs less to try.
            unclear.append(attempts)
    for attempts in unclear:
        yield from attempts


def _further(
    subject: Subject, module: nn.Module | None, mode: str, error: Exception | None
) -> Iterator[Recording]:
    """Yield the recordings with fake and with real tensors, after one on meta failed."""
    reason = "the forward depends on values"
    if module is None:
        reason = "the module cannot be copied to meta"
    elif not isinstance(error, DataDependentError):
        of_device = isinstance(error, DeviceError)
        reason = f"the forward {'asks for its device' if of_device else 'does not run on meta'}"
        yield from _fake(subject, module, mode, reason)
    yield _real(subject, module, mode, reason)


def _is_own(recording: Recording, module: nn.Module, inputs: Inputs) -> bool:
    """Whether a failure on meta is one with any tensors: a wrong size, or a wrong argument."""
    if recording.refused:
        return True
    if not isinstance(recording.error, TypeError):
        return False
    args, kwargs = inputs
    try:
        inspect.signature(module.forward).bind(*args, **kwargs)
    except TypeError:
        return True
    return False


def _fake(subject: Subject, module: nn.Module, mode: str, reason: str) -> Iterator[Recording]:
    """Yield the recording with fake tensors, on CUDA if the forward asks for it."""
    for device in ("cpu", "cuda"):
        try:
            context, copy, inputs = fakes(module, subject.inputs("meta"), device)
        except Exception:  # noqa: BLE001  a member may refuse to be copied: real tensors are next
            return
        build = f"fake tensors on {'the CPU' if device == 'cpu' else 'CUDA'}: {reason}"
        with context:
            recording = record(copy, inputs, mode=mode, name=subject.name, build=build)
        yield recording
        if "cuda" not in str(recording.error).lower():
            return


def _real(subject: Subject, module: nn.Module | None, mode: str, reason: str) -> Recording:
    build = f"real tensors on the CPU: {reason}, holds for this input only"
    weights = [] if module is None else [*module.parameters(), *module.buffers()]
    try:
        check_memory(sum(tensor.nbytes for tensor in weights), "its weights")
    except BoundsError as error:
        raise TraceError(
            f"The forward of {subject.name} cannot be traced without values ({reason}), and with "
            f"values it does not fit: {error}. Try a smaller model of its kind."
        ) from error
    real, inputs = subject.real(), subject.inputs("cpu")
    return record(real, inputs, mode=mode, name=subject.name, build=build, bounds=Bounds())


def _failed(recording: Recording) -> TraceError:
    graph, error = recording.graph, recording.error
    failure = graph.failure
    assert failure is not None
    assert error is not None
    first_line = without_values(failure.message.strip().split("\n")[0])
    shapes = " and ".join("x".join(map(str, shape)) for shape in failure.shapes)
    received = f" It received {shapes}." if shapes else ""
    kind = graph.module[failure.path].type if failure.path in graph.module else ""
    return TraceError(
        f"The forward of {graph.name} failed in {failure.path or 'the model itself'} ({kind}): "
        f"{first_line.rstrip('.')}.{received} The input was {graph.input_text() or 'empty'}, "
        f"the mode {graph.mode}. {advice(error, graph.input_text())}",
        graph,
    )


def without_values(text: str) -> str:
    """Return a message without the values of tensors in it, which may be many, or private.

    Example:
        >>> without_values("no rule for tensor([[0.1, 0.2],")
        'no rule for a tensor'
    """
    return re.sub(r"\btensor\(.*?(\)|$)", "a tensor", text)


def advice(error: Exception, given: str) -> str:
    """Return what to try after a forward failed with inputs that were `given` so."""
    text = str(error)
    if "more than 1 value per channel" in text:
        batch = keyword("batch", 2)
        return f"Batch norm in train mode needs more than one value per channel: try {batch}."
    named = keyword("input", "name=SHAPE:DTYPE")
    if isinstance(error, TypeError) and "forward()" in text and "missing" in text:
        return f"Give every input the forward takes, as {named}."
    if isinstance(error, TypeError) and re.search("positional|unexpected keyword", text):
        return f"Give the inputs by the names the forward has, as {named}."
    if isinstance(error, BoundsError):
        return "Try a smaller input, or a smaller model of its kind."
    if _NO_CUDA.search(text):
        return "The forward asks for CUDA, which is not here: let it use the device of its input."
    of_tokens = "embedding" in text or "indices" in text
    of_types = re.search(r"scalar type|dtype|Input type", text)
    if (
        isinstance(error, RuntimeError)
        and of_types
        and not of_tokens
        and _NOT_FLOAT32.search(given)
    ):
        return f"The weights may be float32: leave the dtype of {keyword('input')} out."
    if "dtype" in text and ("Half" in text or "BFloat16" in text):
        return f"The weights are of half precision: try {keyword('input', '3x224x224:float16')}."
    if re.search(r"embedding|\b(Long|Int)(Tensor)?\b|used as indices", text):
        return f"Token inputs are integers: try {keyword('input', '1x16:int64')}."
    of_size = isinstance(error, RuntimeError | IndexError | AssertionError | ValueError)
    if of_size and _SIZES.search(text):
        other = keyword("input")
        return f"If the size is wrong, try another {other}, of the size that the net was made for."
    return "The error is the model's own; its traceback shows where it was raised."
