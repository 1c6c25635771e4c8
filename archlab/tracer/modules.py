"""Which module a node runs in, and which parameters and buffers the modules have.

Global module hooks keep a stack of the running modules, which gives the graph its paths and calls.
A module that is created inside a forward gets its parent's path plus its class name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import GeneratorType
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from archlab.ir.graph import Gap, Module, ModuleCall, Node, Param
from archlab.tracer.alone import same_thread
from archlab.tracer.fake import FakeTensor
from archlab.tracer.isolate import is_lazy
from archlab.tracer.tensors import Stale, TensorTable

_MOST_YIELDED = 10_000  # results of a forward that is a generator; it may have no end
# Types without tensors inside: most arguments have one of them, and a set is searched fast.
_PLAIN = frozenset({int, float, bool, str, type(None)})
_TENSORS = frozenset({torch.Tensor, nn.Parameter, FakeTensor})


def tensors_in(values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of any nesting of tuples, lists, mappings and objects, in order.

    Example:
        >>> [tuple(t.shape) for t in tensors_in([torch.ones(2), {"a": (torch.ones(3),)}])]
        [(2,), (3,)]
    """
    for value in values:
        if type(value) in _PLAIN:
            continue
        if type(value) in _TENSORS:
            yield value
        elif isinstance(value, torch.Tensor):
            yield from _plain_tensors(value)
        elif isinstance(value, list | tuple):
            yield from tensors_in(value)
        elif isinstance(value, Mapping):
            yield from tensors_in(value.values())
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from tensors_in(getattr(value, part.name) for part in dataclasses.fields(value))
        elif hasattr(value, "__dict__") and not callable(value):
            # An object of the user's own: what it holds itself, and not what that refers to.
            yield from (part for part in vars(value).values() if isinstance(part, torch.Tensor))


def _names(module: nn.Module, count: int) -> list[str]:
    """Return the names of the first `count` arguments of a forward that stand without a name."""
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):  # a forward written in C has no signature
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    several = next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), None)
    rest = count - len(names)
    if several:
        return names + ([several] if rest == 1 else [f"{several}.{i}" for i in range(rest)])
    return names + [f"input{i}" for i in range(len(names), count)]


def _entries(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the entries of an argument that is a nest, named as a command gives them: `batch.x`."""
    parts: Iterable[tuple[Any, Any]]
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    else:
        yield name, value
        return
    for key, part in parts:
        yield from _entries(f"{name}.{key}", part)


def _plain_tensors(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield a tensor, or those of which a tensor of another class consists."""
    if not hasattr(tensor, "__tensor_flatten__"):
        yield tensor
        return
    names, _ = tensor.__tensor_flatten__()
    for name in names:
        yield from _plain_tensors(getattr(tensor, name))


class Yielded(list[Any]):
    """What a generator has yielded; like the generator, it hands out one after the other."""

    def __init__(self, generator: Iterator[Any]) -> None:
        super().__init__(islice(generator, _MOST_YIELDED))
        if len(self) == _MOST_YIELDED:
            raise RuntimeError(f"the forward is a generator of {_MOST_YIELDED} results or more")

    def __next__(self) -> Any:
        """Return the first result that was not handed out, and forget it."""
        if not self:
            raise StopIteration
        return self.pop(0)


class ModuleStack:
    """The modules that are running, outermost first, and the calls that have ended."""

    def __init__(
        self,
        root: nn.Module,
        nodes: Sequence[Node],
        tensors: TensorTable,
        join: Callable[[], Callable[[torch.Tensor, Stale], int] | None],
    ) -> None:
        self._root = root
        self._here = same_thread()
        self._join = join  # adds the node that brings a tensor up to date
        self._nodes = nodes  # grows while the forward runs
        self._tensors = tensors
        # Walked once, as the walk takes as long as the trace of a small net. Every name counts,
        # since a module that is shared has its parameters under several names.
        self._named = list(root.named_modules(remove_duplicate=False))
        self._paths: dict[int, str] = {}
        for path, module in self._named:
            self._paths.setdefault(id(module), path)
        # What a script calls inside is not seen: a scripted module is shown as one.
        scripted = tuple(
            f"{path}." if path else ""
            for path, module in self._named
            if isinstance(module, torch.jit.ScriptModule)
        )
        self._types = {
            path: type(module).__name__
            for path, module in self._named
            if self._paths[id(module)] == path and not (path and path.startswith(scripted))
        }
        self._counts: dict[str, int] = {}
        self._running: list[tuple[nn.Module, str, int, int, tuple[int, ...]]] = []
        self._unknown: dict[str, nn.Module] = {}  # modules that were not there at the beginning
        self.calls: list[ModuleCall] = []
        self.params: tuple[Param, ...] = ()
        self.path = ""
        self.call = 0

    @property
    def modules(self) -> tuple[Module, ...]:
        """Every module once, by its first path."""
        return tuple(Module(path, kind) for path, kind in self._types.items())

    def failing_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes that the innermost running module received."""
        received = self._running[-1][4] if self._running else ()
        return tuple(self._tensors.specs[tensor].shape for tensor in received)

    def made(self) -> tuple[Gap, ...]:
        """Return what is missing of the modules that the forward has added to the model."""
        if not self._unknown:
            return ()
        held = set(map(id, self._root.modules()))
        made = {path: module for path, module in self._unknown.items() if id(module) in held}
        return tuple(
            Gap(f"the parameters of {path}", path, "the forward makes this module")
            for path, module in made.items()
            if next(module.parameters(), None) is not None
        )

    def register_outside(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[int, ...]:
        """Register parameters, buffers and inputs; return the ids of the inputs."""
        params, buffers = (self._holders(kind) for kind in ("_parameters", "_buffers"))
        self.params = tuple(
            Param(
                name=names[0],
                shape=tuple(tensor.shape),
                dtype=str(tensor.dtype).removeprefix("torch."),
                tensor=self._tensors.add_outside(tensor, source, names[0]),
                trainable=tensor.requires_grad and source == "param",
                buffer=source == "buffer",
                aliases=tuple(names[1:]),
            )
            for source, holders in (("param", params), ("buffer", buffers))
            for tensor, names in holders
        )
        names = _names(self._root, len(args))
        return tuple(
            self._tensors.add_outside(tensor, "input", path)
            for name, value in (*zip(names, args, strict=False), *kwargs.items())
            for path, part in _entries(name, value)
            for tensor in tensors_in([part])
        )

    def _holders(self, kind: str) -> list[tuple[torch.Tensor, list[str]]]:
        """Each distinct tensor with all its names; lazy ones have no shape and are left out."""
        holders: dict[int, tuple[torch.Tensor, list[str]]] = {}
        for path, module in self._named:
            for name, tensor in getattr(module, kind).items():
                if tensor is not None and not is_lazy(tensor):
                    full_name = f"{path}.{name}" if path else name
                    holders.setdefault(id(tensor), (tensor, []))[1].append(full_name)
        return list(holders.values())

    @contextlib.contextmanager
    def hooks(self) -> Iterator[None]:
        """Follow module calls while the context lasts."""
        with (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave),
        ):
            yield

    def _enter(self, module: nn.Module, args: Any) -> None:
        path = self._paths.get(id(module))
        # Hooks for all modules are called for those that other threads run, too.
        if path is None and not self._here():
            return
        if path is None:
            kind = type(module).__name__
            path = f"{self.path}.{kind}" if self.path else kind
            self._types.setdefault(path, kind)
            self._unknown[path] = module
        call = self._counts.get(path, 0)
        self._counts[path] = call + 1
        inputs = self._known(args)
        self._running.append((module, path, call, len(self._nodes), inputs))
        self.path, self.call = path, call

    def _leave(self, module: nn.Module, _: Any, output: Any) -> Any:
        if id(module) not in self._paths and not self._here():
            return None
        # A forward that catches an exception leaves its inner modules on the stack.
        while self._running and self._running[-1][0] is not module:
            self._running.pop()
        if not self._running:
            return None
        # A generator computes nothing until somebody asks: it is run here, inside its module.
        ended = Yielded(output) if isinstance(output, GeneratorType) else None
        output = output if ended is None else ended
        _, path, call, first, inputs = self._running.pop()
        # What a module wrote through views of its output is its own work, and not its reader's.
        outputs = self._known([output], self._join())
        self.calls.append(ModuleCall(path, call, first, len(self._nodes), inputs, outputs))
        self.path, self.call = self._running[-1][1:3] if self._running else ("", 0)
        return ended

    def _known(
        self, values: Any, join: Callable[[torch.Tensor, Stale], int] | None = None
    ) -> tuple[int, ...]:
        ids = []
        for tensor in tensors_in(values):
            state = self._tensors.read(tensor)
            # Unless it joins the writes of a stale tensor, a hook only looks.
            if isinstance(state, Stale):
                state = join(tensor, state) if join else state.old
            if state is not None:
                ids.append(state)
        return tuple(ids)
