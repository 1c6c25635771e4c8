"""What leaves each module of a net, told by torch's own forward hooks: no trace, no archlab."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

Shape = tuple[int, ...]
Inputs = Callable[[int], torch.Tensor]  # batch -> the argument


def leaving(net: nn.Module, inputs: Inputs, *, batched: bool = True) -> dict[str, set[Shape]]:
    """Return module path -> the shapes of all tensors that it returns, for a single sample.

    The axis that grows with the batch is the batch's; it is left out if it is nothing else.
    """
    one = _returned(net, inputs(1))
    two = _returned(net, inputs(2)) if batched else one
    return {
        path: {_of_one(a, b) for a, b in zip(shapes, two[path], strict=True)}
        for path, shapes in one.items()
    }


def _of_one(one: Shape, two: Shape) -> Shape:
    return tuple(a for a, b in zip(one, two, strict=True) if (a, b) != (1, 2))


def _returned(net: nn.Module, argument: torch.Tensor) -> dict[str, list[Shape]]:
    shapes: dict[str, list[Shape]] = {}
    paths = {module: path for path, module in net.named_modules()}

    def note(module: nn.Module, _: object, output: object) -> None:
        shapes.setdefault(paths[module], []).extend(tuple(t.shape) for t in _tensors(output))

    hooks = [module.register_forward_hook(note) for module in paths]
    with torch.no_grad():
        net(argument)
    for hook in hooks:
        hook.remove()
    return shapes


def _tensors(output: object) -> Iterator[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict | list | tuple):
        for each in output.values() if isinstance(output, dict) else output:
            yield from _tensors(each)
