"""Copies of a user's module that a trace may do anything to.

`on_meta` copies the structure and replaces every tensor by one on the meta device, so that a model
of any size costs no memory; `with_values` copies the tensors too. The original is only read.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from archlab.contain import contained
from archlab.tracer.settings import no_collection

# Values that nothing can change in place, so that a copy of a module may share them.
_PLAIN = (int, float, str, bytes, type, type(None), torch.dtype, torch.device, FunctionType)
Convert = Callable[[torch.Tensor], torch.Tensor]
_CONTAINERS = (dict, OrderedDict, set)  # most attributes of a module are empty ones
_DEPTH = 4  # how deep tensors are searched for in the lists and dictionaries of a module


def on_meta(module: nn.Module) -> nn.Module:
    """Return a structural copy of `module` whose tensors are on the meta device.

    Raises:
        TypeError: a member keeps its tensors to itself, as a scripted module does.
        Exception: whatever a member's `__deepcopy__` or pickling raises.
    """
    clone = copied(module, _by_storage(_meta))
    if not all(tensor.is_meta for tensor in (*clone.parameters(), *clone.buffers())):
        raise TypeError(f"{type(module).__name__} cannot be moved to the meta device")
    return clone


def with_values(module: nn.Module) -> nn.Module:
    """Return a deep copy of `module` on the CPU, values included."""
    return copied(module, _by_storage(_real))


def is_lazy(tensor: torch.Tensor) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(tensor, UninitializedParameter | UninitializedBuffer)


def copied(module: nn.Module, convert: Convert) -> nn.Module:
    """Return a deep copy of `module` in which every tensor is converted.

    Raises:
        Exception: whatever a member's `__deepcopy__` or pickling raises.
    """
    memo: dict[int, Any] = {}
    with contained(), no_collection():
        everything = list(module.modules())
        members = [member for member in everything if not is_compiled(member)]
        # A class that defines how it is copied leaves all the work to `copy.deepcopy`, which
        # returns what `memo` has for an object: the converted tensors.
        if any(map(_copies_itself, {type(member) for member in members})):
            for member in everything:
                _convert_inside(vars(member), memo, convert)
            return without_circles(copy.deepcopy(module, memo))
        # All clones first: members may refer to each other in a circle.
        for member in members:
            memo[id(member)] = type(member).__new__(type(member))
        # A compiled module is a wrapper: in the copy, the module inside stands in its place.
        for member in everything:
            memo[id(member)] = memo[id(unwrapped(member))]
        for member in members:
            vars(memo[id(member)]).update(
                {name: _value(value, memo, convert) for name, value in vars(member).items()}
                | {"_compiled_call_impl": None}  # what nn.Module leaves out of a copy, too
            )
    return without_circles(memo[id(module)])


def unwrapped(module: nn.Module) -> Any:
    """Return what is inside a compiled module, and any other module as it is."""
    return unwrapped(module._orig_mod) if is_compiled(module) else module  # type: ignore[arg-type]


def unwrap(module: nn.Module) -> nn.Module:
    """Return a module of our own, without what `torch.compile` has wrapped around its parts."""
    module = unwrapped(module)
    for member in list(module.modules()):
        for name, child in member._modules.items():
            member._modules[name] = None if child is None else unwrapped(child)
    return without_circles(module)


def without_circles(module: nn.Module) -> nn.Module:
    """Return a module of our own, in which no module counts as a child of its own children.

    A child that knows its parent goes on knowing it; but torch's `train()`, `to()` and
    `state_dict()` would go round for ever.
    """
    above: dict[int, None] = {}  # the modules from the root to the one that is looked at
    seen: set[int] = set()
    waiting: list[tuple[nn.Module, bool]] = [(module, False)]
    while waiting:
        member, left = waiting.pop()
        if left:
            del above[id(member)]
            continue
        if id(member) in seen:
            continue
        seen.add(id(member))
        above[id(member)] = None
        waiting.append((member, True))
        for name, child in list(member._modules.items()):
            if id(child) in above:
                del member._modules[name]
                vars(member)[name] = child  # where `self.parent` is found all the same
            elif child is not None:
                waiting.append((child, False))
    return module


def is_compiled(module: nn.Module) -> bool:
    """Whether a module is what `torch.compile` wraps around another."""
    # Its class lives in torch._dynamo, which takes a second to import.
    return type(module).__name__ == "OptimizedModule" and "_orig_mod" in module._modules


def _copies_itself(kind: type) -> bool:
    """Whether a class of modules defines how it is copied."""
    return hasattr(kind, "__deepcopy__") or any(
        getattr(kind, name) is not getattr(nn.Module, name)
        for name in ("__getstate__", "__reduce__", "__reduce_ex__")
    )


def _value(value: Any, memo: dict[int, Any], convert: Convert) -> Any:
    """Return an attribute as `copy.deepcopy` would copy it, but fast where it is simple."""
    if isinstance(value, _PLAIN):
        return value
    if id(value) in memo:
        return memo[id(value)]
    if type(value) in _CONTAINERS and not value:
        return memo.setdefault(id(value), type(value)())
    if type(value) in (dict, OrderedDict) and all(type(key) is str for key in value):
        # Noted before it is filled: members that share one, such as a cache, go on sharing it.
        clone = memo[id(value)] = type(value)()
        clone.update((key, _value(part, memo, convert)) for key, part in value.items())
        return clone
    if type(value) is tuple and all(isinstance(part, _PLAIN) for part in value):
        return value
    _convert_inside(value, memo, convert)
    return memo[id(value)] if id(value) in memo else copy.deepcopy(value, memo)


def _convert_inside(value: Any, memo: dict[int, Any], convert: Convert) -> None:
    for tensor in _inside(value, _DEPTH):
        if id(tensor) not in memo:
            memo[id(tensor)] = convert(tensor)


def _inside(value: Any, depth: int) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif depth and isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _inside(part, depth - 1)


def _by_storage(convert: Convert) -> Convert:
    """Return `convert` for tensors that may share memory: their copies share it, too."""
    copies: dict[int, torch.Tensor] = {}  # storage -> all of it, copied

    def converted(tensor: torch.Tensor) -> torch.Tensor:
        if is_lazy(tensor) or tensor.layout != torch.strided or _is_special(tensor):
            return convert(tensor)
        storage = tensor.untyped_storage()
        whole = storage.nbytes() == tensor.nbytes and tensor.is_contiguous()
        if storage._cdata not in copies and whole:
            copy_of_all = convert(tensor)
            copies[storage._cdata] = copy_of_all
            return copy_of_all
        if storage._cdata not in copies:
            everything = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)
            copies[storage._cdata] = convert(everything)
        part = torch.empty(0, dtype=tensor.dtype, device=copies[storage._cdata].device)
        geometry = tensor.storage_offset(), tensor.shape, tensor.stride()
        return _typed(tensor, part.set_(copies[storage._cdata].untyped_storage(), *geometry))

    return converted


def _is_special(tensor: torch.Tensor) -> bool:
    return type(tensor) not in (torch.Tensor, nn.Parameter) or tensor.is_quantized


def _meta(tensor: torch.Tensor) -> torch.Tensor:
    if is_lazy(tensor):
        return _lazy(tensor, "meta")
    if tensor.layout is not torch.strided:
        # On meta a sparse tensor would not know how many elements it has.
        raise TypeError(f"a tensor of layout {tensor.layout} has no copy on the meta device")
    empty = torch.empty_strided(
        tensor.shape, tensor.stride(), dtype=tensor.dtype, device=torch.device("meta")
    )
    return _typed(tensor, empty)


def _real(tensor: torch.Tensor) -> torch.Tensor:
    if is_lazy(tensor):
        return _lazy(tensor, "cpu")
    return _typed(tensor, tensor.detach().to("cpu", copy=True))


def _lazy(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """A parameter or buffer that will get its shape in the first forward."""
    kind: Any = type(tensor)
    lazy: torch.Tensor = kind(tensor.requires_grad, device=device, dtype=tensor.dtype)
    return lazy


def _typed(tensor: torch.Tensor, data: torch.Tensor) -> torch.Tensor:
    """Return `data` as a parameter where `tensor` is one."""
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(data, requires_grad=tensor.requires_grad)
    return data
