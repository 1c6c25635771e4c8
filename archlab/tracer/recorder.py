"""One forward of a module, observed operator by operator, becomes a Graph.

The recorder is a TorchDispatchMode: it sees what runs below autograd, functional calls, slices and
in-place operators included. Module hooks give every node its path. On the meta device a forward
needs no weights, no activations and no kernels; `shapes.SHAPES` gives the outputs of the common
operators, and its docstring says why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from archlab.ir.graph import Failure, Graph, Node
from archlab.ir.kinds import Kind, PlaceAttrs
from archlab.tracer.isolate import is_lazy
from archlab.tracer.layout import META, MisfitError
from archlab.tracer.modules import ModuleStack, tensors_in
from archlab.tracer.overloads import Operator, operator
from archlab.tracer.readers import Call
from archlab.tracer.settings import settings
from archlab.tracer.tensors import Stale, TensorTable

# Operators whose result depends on values, which tensors on the meta device do not have.
DATA_DEPENDENT = frozenset(
    {
        "aten._local_scalar_dense", "aten.nonzero", "aten.masked_select", "aten._unique2",
        "aten.unique_dim", "aten.unique_consecutive", "aten.equal", "aten.is_nonzero",
        "aten.nonzero_numpy", "aten.bincount", "torchvision.nms",
    }
)  # fmt: skip
# Operators that return the tensor that they were given, as far as the graph is concerned.
_SAME = frozenset({"aten.detach", "aten.alias", "aten.lift_fresh", "aten.lift"})


class DataDependentError(RuntimeError):
    """The forward asks for a value, and the meta device has none."""


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every operator call as a node; use it as a context around one forward."""

    def __init__(self, module: nn.Module, *, meta: bool, train: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.meta = meta
        self.train = train
        self.nodes: list[Node] = []
        self.tensors = TensorTable()
        self.stack = ModuleStack(module, self.nodes, self.tensors, self._join_writes)
        self.saved: dict[int, str] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # wrapping __torch_dispatch__ would import torch._dynamo, which takes a second

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        op = operator(func)
        if op.composite:
            with self:
                return func.decompose(*args, **kwargs)
        values = op.bind(args, kwargs)
        sources = _flat(values.values())
        inputs = [self.tensor_id(tensor) for tensor in sources]
        out = None
        if self.meta and op.shape is not None and all(tensor.is_meta for tensor in sources):
            try:
                out = op.shape(values)
            except MisfitError:
                _complain(func, args, kwargs)
        if out is None:
            out = self._execute(func, op, args, kwargs, sources)
        self._record(op, values, sources, inputs, out)
        return out

    def tensor_id(self, tensor: torch.Tensor) -> int:
        """Return the id of a tensor; if a view of it was written, a node joins the writes first."""
        state = self.tensors.read(tensor)
        if isinstance(state, Stale):
            return self._join_writes(tensor, state)
        if state is None:
            return self.tensors.add_outside(tensor, "constant", "")
        return state

    def save(self, tensor: torch.Tensor) -> torch.Tensor:
        """Note a tensor that autograd keeps for the backward pass (a saved-tensors hook).

        What is kept instead is detached: an output that its own operator saves would hold that
        operator, this recorder and the whole model in a circle that Python cannot collect.
        """
        storage = self.tensors.storage(tensor)
        if storage is not None:
            self.saved.setdefault(storage.id, self.stack.path)
        if tensor.is_leaf:
            return tensor
        with torch._C._DisableTorchDispatch():  # this detach is no operator of the model
            return tensor.detach()

    def _execute(
        self,
        func: Any,
        op: Operator,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        sources: Sequence[torch.Tensor],
    ) -> Any:
        if not self.meta or not any(tensor.is_meta for tensor in sources):
            return func(*args, **kwargs)
        if op.name in DATA_DEPENDENT:
            raise DataDependentError(f"{op.name} needs values, and the meta device has none")
        if "device" in kwargs:
            kwargs = {**kwargs, "device": META}
        # A forward may create tensors on the CPU and add them to its activations on meta.
        if any(not tensor.is_meta for tensor in sources):
            args = [_to_meta(value) for value in args]
            kwargs = {key: _to_meta(value) for key, value in kwargs.items()}
        return func(*args, **kwargs)

    def _record(
        self,
        op: Operator,
        values: Mapping[str, Any],
        sources: Sequence[torch.Tensor],
        inputs: Sequence[int],
        out: Any,
    ) -> None:
        if op.name in _SAME:
            return
        results = [out] if isinstance(out, torch.Tensor) else _flat((out,))
        outputs: list[int] = []
        targets = [values[name] for name in op.writes if isinstance(values.get(name), torch.Tensor)]
        if targets:
            outputs = [self.tensors.add_write(tensor) for tensor in targets]
            results = [tensor for tensor in results if all(tensor is not x for x in targets)]
        # A result with the memory of an input is a view of it; all others are new allocations.
        addresses = {self.tensors.address(tensor) for tensor in sources}
        for tensor in results:
            fresh = self.tensors.address(tensor) not in addresses
            outputs.append(self.tensors.add_output(tensor, fresh=fresh))
        if outputs:
            kind, attrs = op.reader(Call(op.name, values, out, self.tensors.is_weight))
            grads = tuple([tensor.requires_grad for tensor in sources]) if self.train else ()
            node = (len(self.nodes), kind, op.name, self.stack.path, tuple(inputs), tuple(outputs))
            call, in_place = self.stack.call, bool(targets)
            self.nodes.append(Node(*node, attrs, call, in_place, grads))

    def _join_writes(self, tensor: torch.Tensor, stale: Stale) -> int:
        """Add the node that brings a tensor up to date with writes through other views."""
        updated = self.tensors.add_output(tensor, fresh=False)
        kind = Kind.SCATTER
        if stale.whole and len(stale.sources) == 1:
            # All of it was written at once, through another shape or as a part of something larger.
            same_size = self.tensors.specs[stale.sources[0]].numel == tensor.numel()
            kind = Kind.RESHAPE if same_size else Kind.GATHER
        node = (len(self.nodes), kind, "archlab.update", self.stack.path, stale.sources, (updated,))
        attrs, call = PlaceAttrs(stale.boxes), self.stack.call
        self.nodes.append(Node(*node, attrs, call, in_place=True))
        return updated


def _complain(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Let torch's CPU kernel refuse inputs in its own words.

    Every tensor is replaced by one element of memory, expanded, so that no size is too large.
    """

    def stand_in(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return torch.zeros((), dtype=value.dtype).expand(value.shape)
        if isinstance(value, list | tuple):
            return type(value)(stand_in(part) for part in value)
        return value

    func(*map(stand_in, args), **{key: stand_in(value) for key, value in kwargs.items()})


def _to_meta(value: Any) -> Any:
    """Move a CPU tensor that joins meta ones; lists of tensors too."""
    if isinstance(value, torch.Tensor):
        return value if value.is_meta else value.to(META)
    if isinstance(value, list | tuple):
        return type(value)(_to_meta(part) for part in value)
    return value


def _flat(values: Iterable[Any]) -> list[torch.Tensor]:
    """Return the tensors among arguments, faster than `tensors_in` for the common case."""
    tensors: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            tensors.append(value)
        elif isinstance(value, list | tuple):
            tensors.extend(tensors_in(value))
    return tensors


def record(
    module: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    mode: str,
    name: str,
    build: str,
) -> tuple[Graph, Exception | None]:
    """Return the Graph of one forward, and the exception that ended it early, if one did.

    The module's mode and all global settings are put back; a train mode forward updates the
    module's buffers and any forward may set attributes, so pass a module that may change.
    """
    # Several times faster than parameters() and buffers(), which build every name.
    weights = [
        tensor
        for member in module.modules()
        for tensor in (*member._parameters.values(), *member._buffers.values())
        if tensor is not None
    ]
    meta = all(tensor.is_meta for tensor in tensors_in([*weights, *args, kwargs]))
    if any(map(is_lazy, weights)):
        # A forward gives lazy parameters their shapes. What it raises is raised again, and
        # reported, in the forward that is recorded.
        with settings(module, mode), torch.no_grad(), contextlib.suppress(Exception):
            module(*args, **kwargs)
    recorder = Recorder(module, meta=meta, train=mode == "train")
    inputs, outputs, error = _observe(recorder, module, args, kwargs, mode)
    failure = None
    if error is not None:
        message = f"{type(error).__name__}: {error}"
        failure = Failure(recorder.stack.path, message, recorder.stack.failing_shapes())
    graph = Graph(
        name=name,
        mode=mode,
        build=build,
        nodes=tuple(recorder.nodes),
        tensors=tuple(recorder.tensors.specs),
        storages=tuple(recorder.tensors.sizes),
        params=recorder.stack.params,
        modules=recorder.stack.modules,
        calls=tuple(recorder.stack.calls),
        inputs=inputs,
        outputs=outputs,
        saved=tuple(recorder.saved.items()) if mode == "train" else None,
        failure=failure,
    )
    return graph, error


def _observe(
    recorder: Recorder,
    module: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    mode: str,
) -> tuple[tuple[int, ...], tuple[int, ...], Exception | None]:
    """Run the forward; return the ids of inputs and outputs, and the exception that ended it."""
    with settings(module, mode), contextlib.ExitStack() as stack:
        inputs = recorder.stack.register_outside(args, kwargs)
        if mode == "train":
            stack.enter_context(
                torch.autograd.graph.saved_tensors_hooks(recorder.save, lambda tensor: tensor)
            )
        stack.enter_context(recorder.stack.hooks())
        try:
            with recorder:
                result = module(*args, **kwargs)
            outputs = tuple(recorder.tensor_id(tensor) for tensor in tensors_in([result]))
        except Exception as error:  # noqa: BLE001  a forward can raise anything: it is reported
            return inputs, (), error
    return inputs, outputs, None
