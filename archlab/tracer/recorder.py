"""One forward of a module, observed operator by operator, becomes a Graph.

The recorder is a TorchDispatchMode: it sees what runs below autograd, functional calls, slices and
in-place operators included. Module hooks give every node its path. On the meta device a forward
needs no weights, no activations and no kernels; `shapes.SHAPES` gives the outputs of the common
operators, and its docstring says why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakMethod

import torch
from torch import nn
from torch._C import DispatchKey
from torch._ops import HigherOrderOperator
from torch.utils._python_dispatch import TorchDispatchMode

from archlab.ir.graph import Gap, Node
from archlab.ir.kinds import Kind, PlaceAttrs
from archlab.tracer.backward import foreign_hooks, recomputing
from archlab.tracer.bounds import Bounds
from archlab.tracer.fake import FakeTensor, corrected
from archlab.tracer.layout import MisfitError, is_meta
from archlab.tracer.modules import ModuleStack, tensors_in
from archlab.tracer.overloads import Operator, of_functions, operator
from archlab.tracer.placement import complain, keeps_values, moved
from archlab.tracer.readers import Call, Reading, attention, function
from archlab.tracer.tensors import Stale, TensorTable

# Operators whose result depends on values, which tensors on the meta device do not have.
DATA_DEPENDENT = frozenset(
    {
        "aten._local_scalar_dense", "aten.nonzero", "aten.masked_select", "aten._unique2",
        "aten.unique_dim", "aten.unique_consecutive", "aten.equal", "aten.is_nonzero",
        "aten.nonzero_numpy", "aten.bincount", "torchvision.nms",
    }
)  # fmt: skip
_MASKS = (torch.bool, torch.uint8)
# Classes of tensors on which operators run as they are: plain ones, parameters and fake tensors.
_OURS = (torch.Tensor.__torch_dispatch__, FakeTensor.__torch_dispatch__)
# Operators that return the tensor that they were given, as far as the graph is concerned.
_SAME = frozenset({"aten.detach", "aten.alias", "aten.lift_fresh", "aten.lift"})
_KERNEL = DispatchKey.CompositeExplicitAutograd  # of an operator that takes functions
_ATTENTION_BACKWARD = "aten._scaled_dot_product_flash_attention_for_cpu_backward"


class DataDependentError(RuntimeError):
    """The forward asks for a value, and the meta device has none."""


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every operator call as a node; use it as a context around one forward."""

    supports_higher_order_operators = True  # torch asks for it

    def __init__(self, module: nn.Module, *, meta: bool, train: bool, saving: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.meta = meta
        self.train = train
        self.saving = saving  # whether what autograd saves is watched
        self.nodes: list[Node] = []
        self.tensors = TensorTable()
        # Weakly, as a recorder that its own stack holds would keep all it has seen in a circle.
        join = WeakMethod(self._join_writes)
        self.stack = ModuleStack(module, self.nodes, self.tensors, join)
        self.saved: dict[int, str] = {}
        self.functions: dict[int, set[int]] = {}  # tensor -> what autograd says it comes from
        self.drawn: set[int] = set()  # tensors that random numbers went into
        self.decided = False  # whether the forward has asked for the value of one of them
        self.escapes: dict[Gap, int] = {}  # -> the first tensor that left torch there
        self.unseen: dict[str, Gap] = {}  # what torch does not show of the backward pass
        self.bounds: Bounds | None = None
        self.withheld: Exception | None = None  # why meta or fake tensors gave no answer
        self.refusal: Exception | None = None  # what torch's CPU kernel said of a wrong input
        self.checkpointed = False  # whether a part keeps in its own way what backward needs
        self.hooked = False  # whether the forward has put hooks on its tensors
        self.backward = False  # the forward is over
        self._custom = 0  # custom autograd functions, and hooks, that are running backward

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # wrapping __torch_dispatch__ would import torch._dynamo, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if classes := sorted({k.__name__ for k in types if k.__torch_dispatch__ not in _OURS}):
            self._note_unseen(f"what {' and '.join(classes)}", "autograd works on the class itself")
            return NotImplemented  # a class of tensors says itself which operators it consists of
        if isinstance(func, HigherOrderOperator):
            return self._higher_order(func, args, kwargs)
        op = operator(func)
        if op.query:
            return func(*args, **kwargs)
        if op.composite:
            with self:
                return func.decompose(*args, **kwargs)
        values = op.bind(args, kwargs)
        sources = _flat(values.values())
        if self.backward and not (self._custom or torch.is_grad_enabled() or recomputing()):
            # An operator's gradient, which the forward's node counts already.
            return self._execute(func, op, args, kwargs, values, sources)
        if not self.train:
            self.tensors.note_releases(len(self.nodes))
        inputs = [self.tensor_id(tensor) for tensor in sources]
        asked = op.name in DATA_DEPENDENT and not self.drawn.isdisjoint(inputs)
        self.decided = self.decided or asked
        out = None
        without_values = all(is_meta(x) or type(x) is FakeTensor for x in sources)
        if op.shape is not None and without_values:
            try:
                out = op.shape(values)
            except MisfitError:
                self._complain(func, args, kwargs)
        # A fake tensor is made by its own mode; the rule only had to say whether the inputs fit.
        if out is None or not self.meta:
            out = self._execute(func, op, args, kwargs, values, sources)
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
        for part in tensors_in([tensor]):
            storage = self.tensors.storage(part)
            if storage is None and not self.backward:
                self.tensors.add_outside(part, "constant", "")  # autograd comes before the operator
                storage = self.tensors.storage(part)
            if storage is not None:
                self.saved.setdefault(storage.id, self.stack.path)
        if tensor.is_leaf or tensor.is_nested:
            return tensor
        with torch._C._DisableTorchDispatch():  # this detach is no operator of the model
            return tensor.detach()

    def note_function(self, number: int, tensor: torch.Tensor) -> None:
        """Note which call autograd says a tensor comes from, for `reached`."""
        if tensor.requires_grad and tensor.grad_fn is not None:
            self.functions.setdefault(number, set()).add(tensor.grad_fn._sequence_nr())

    def begin_backward(self, functions: Iterable[torch.autograd.graph.Node]) -> None:
        """Forget the nodes of the forward; record what its backward pass runs again.

        `functions` are the calls of custom autograd functions, all of whose work is recorded.
        """
        self.nodes.clear()
        self.backward = True

        def begin(_: Any) -> None:
            self._custom += 1

        def end(*_: Any) -> None:
            self._custom -= 1

        for call in functions:
            call.register_prehook(begin)
            call.register_hook(end)

    def watched_hook(self, hook: Callable[[torch.Tensor], Any]) -> Callable[[torch.Tensor], Any]:
        """Return a hook of a tensor whose operators are recorded when the backward pass runs it."""
        self.hooked = True

        def watched(gradient: torch.Tensor) -> Any:
            self._custom += 1
            try:
                return hook(gradient)
            finally:
                self._custom -= 1

        return watched

    def note_escape(self, tensor: torch.Tensor) -> None:
        """Note that the forward takes a tensor out of torch, where nothing can be seen.

        Raises:
            DataDependentError: the tensor has no values.
        """
        if tensor.is_meta or isinstance(tensor, FakeTensor) or self.tensors.without_values(tensor):
            self.withheld = DataDependentError("the forward takes values out of torch")
            raise self.withheld
        state = self.tensors.read(tensor)
        self.decided = self.decided or state in self.drawn
        if state is not None:
            gap = Gap("what is computed outside torch", self.stack.path, "no operator shows it")
            self.escapes.setdefault(gap, state.old if isinstance(state, Stale) else state)

    def _note_unseen(self, who: str, why: str) -> None:
        if self.train and torch.is_grad_enabled():
            what = f"{who} keeps and computes for the backward pass"
            self.unseen.setdefault(what, Gap(what, self.stack.path, why))

    def _higher_order(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run an operator that takes functions: record what they call, or else one node."""
        op = of_functions(f"{func.namespace}.{func.name()}")
        if op.reader is not attention:
            self._note_unseen(f"what {op.name}", "torch runs it apart")
            if func.name() == "cond":
                condition, *branches, operands = args
                with self:
                    return branches[0 if condition else 1](*operands)
            kernel = func.py_kernels[_KERNEL]
            # Some refuse to be watched (scan): they are one node without a rule.
            with self, contextlib.suppress(AssertionError):
                return kernel(*args, **kwargs)
        values = op.bind(args[: len(op.names)], {})
        read = _captured(args[len(op.names)]) if op.reader is attention else ()
        sources = [*_flat(values.values()), *read]
        inputs = [self.tensor_id(tensor) for tensor in sources]
        out = func.py_kernels[_KERNEL](*args, **kwargs)
        self._record(op, values, sources, inputs, out)
        return out

    def _execute(
        self,
        func: Any,
        op: Operator,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        values: Mapping[str, Any],
        sources: Sequence[torch.Tensor],
    ) -> Any:
        if op.name == _ATTENTION_BACKWARD and values["grad_out"] is None:
            return None, None, None  # on meta, the kernel would make gradients out of none
        if not self.meta or keeps_values(op, values, sources, self.tensors):
            if self.bounds is not None:
                self.bounds.check(values)
            try:
                return corrected(op.name, values, func(*args, **kwargs))
            except Exception as error:
                # A real kernel's refusal is the model's own business, which it may expect.
                if any(isinstance(tensor, FakeTensor) for tensor in sources):
                    self.withheld = error
                raise
        # How many elements a mask picks is a matter of values.
        masked = op.name == "aten.index" and any(tensor.dtype in _MASKS for tensor in sources[1:])
        if op.name in DATA_DEPENDENT or masked:
            self.withheld = DataDependentError(f"{op.name} needs values, which meta has not")
            raise self.withheld
        try:
            out = moved(func, args, kwargs, sources)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            # Whether the model is wrong, or the meta device does not know the operator.
            # A place or a length that is not known here may be the reason, too: with other tensors
            # the operator may run.
            places = any(t.is_meta and not t.is_floating_point() for t in sources)
            if not places and not isinstance(error, NotImplementedError):
                self._complain(func, args, kwargs)
            self.withheld = error
            raise
        written = [values[name] for name in op.writes if isinstance(values[name], torch.Tensor)]
        on_cpu = [tensor for tensor in written if not tensor.is_meta]
        # The forward still holds the CPU tensors, and from now on their values are not known.
        for tensor in on_cpu:
            self.tensors.forget_values(tensor)
        return on_cpu[0] if on_cpu and isinstance(out, torch.Tensor) else out

    def _complain(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise what torch's CPU kernel says of the arguments, if it refuses them, too."""
        try:
            complain(func, args, kwargs)
        except NotImplementedError:
            return
        except Exception as error:
            # A fault of torch is no refusal: another kind of tensor may do without it.
            if "INTERNAL ASSERT" not in str(error):
                self.refusal = error
            raise

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
        if op.random or not self.drawn.isdisjoint(inputs):
            self.drawn.update(outputs)
        if outputs:
            kind, attrs = self._read(op, Call(op.name, values, out, self.tensors.is_weight))
            grads = self._grads(values, sources, inputs) if self.train else ()
            node = (len(self.nodes), kind, op.name, self.stack.path, tuple(inputs), tuple(outputs))
            call, in_place = self.stack.call, bool(targets)
            self.nodes.append(Node(*node, attrs, call, in_place, grads))

    def _read(self, op: Operator, call: Call) -> Reading:
        try:
            return op.reader(call)
        except RuntimeError:
            # A nested tensor has no shape to read, and a sparse one on meta no number of elements.
            tensors = _flat(call.values.values())
            if not any(t.is_nested or t.layout is not torch.strided for t in tensors):
                raise
            return function(Kind.OPAQUE)(call)

    def _grads(
        self, values: Mapping[str, Any], sources: Sequence[torch.Tensor], inputs: Sequence[int]
    ) -> tuple[bool, ...]:
        """Return for each input whether the backward pass gives it a gradient for this call."""
        if self.backward:
            return tuple(values.get("output_mask", ()))
        for number, tensor in zip(inputs, sources, strict=True):
            self.note_function(number, tensor)
        if not torch.is_grad_enabled():
            return (False,) * len(sources)
        self.checkpointed = self.checkpointed or foreign_hooks(self.save)
        return tuple([tensor.requires_grad for tensor in sources])

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


def _captured(function: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors that a function reads from around it, or that a module there holds itself.

    The score function of flex_attention reads a learned bias so, and torch fuses what it computes.
    """
    for cell in getattr(function, "__closure__", None) or ():
        value = cell.cell_contents
        if isinstance(value, nn.Module):
            held = (*value._parameters.values(), *value._buffers.values())
            yield from (tensor for tensor in held if tensor is not None)
        elif isinstance(value, torch.Tensor):
            yield value


def _flat(values: Iterable[Any]) -> list[torch.Tensor]:
    """Return the tensors among arguments, faster than `tensors_in` for the common case."""
    tensors: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            tensors.append(value)
        elif isinstance(value, list | tuple):
            tensors.extend(tensors_in(value))
    return tensors
