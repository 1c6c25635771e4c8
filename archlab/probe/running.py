"""Runs a live module for a probe, whatever it is made of, and sets hooks on its members.

A scripted module counts as one layer, since neither hooks nor Python see what runs inside. Compiled
code runs as it was written: otherwise the compiler would be handed the hooks, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import GeneratorType
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils import checkpoint
from torch.utils.hooks import RemovableHandle

from archlab.contain import contained, said
from archlab.errors import ArchlabError, ProbeError
from archlab.tracer.alone import alone
from archlab.tracer.chain import without_values
from archlab.tracer.settings import deep_recursion, eager

_LISTS = (nn.ParameterList, nn.ParameterDict)
Before = Callable[[nn.Module, Any, dict[str, Any]], None]  # (module, args, kwargs)
After = Callable[[nn.Module, Any, Any], None]  # (module, args, output)


def run(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return the output of one forward; a generator runs to its end and becomes a list.

    Raises:
        ProbeError: the forward failed; the message holds torch's own.
    """
    with deep_recursion(), reported(f"The forward of {type(module).__name__}"):
        output = module(*args, **kwargs)
        return list(output) if isinstance(output, GeneratorType) else output


@contextlib.contextmanager
def reported(what: str) -> Iterator[None]:
    """Turn what a model raises into a ProbeError that begins with `what`."""
    try:
        with contained():
            yield
    except ArchlabError:
        raise
    except Exception as error:
        reason = without_values(said(error).strip().split("\n")[0])
        raise ProbeError(f"{what} failed: {reason}") from error


def members(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules whose calls can be seen, with their paths, from the outside in."""
    scripted: tuple[str, ...] = ()
    for path, member in module.named_modules():
        if not path.startswith(scripted):
            yield path, member
            if is_scripted(member):
                scripted += (f"{path}." if path else "",)


def is_scripted(member: nn.Module) -> bool:
    """Whether a module was made by torch.jit.script or torch.jit.trace."""
    return isinstance(member, torch.jit.ScriptModule)


def own_weights(member: nn.Module) -> Iterator[nn.Parameter]:
    """Yield the parameters that a member owns itself; a scripted one owns all that are inside.

    Lists and dictionaries of parameters never run: theirs belong to the module around them.
    """
    if not isinstance(member, _LISTS):
        yield from member.parameters(recurse=is_scripted(member))
        for child in member.children():
            if isinstance(child, _LISTS):
                yield from child.parameters()


def before(member: nn.Module, hook: Before, *, first: bool = False) -> RemovableHandle:
    """Call `hook` before each forward of a member; with `first` ahead of the user's hooks."""
    if not is_scripted(member):
        return member.register_forward_pre_hook(hook, prepend=first, with_kwargs=True)
    # A scripted module takes no hook of its own, but runs those that are set for all modules.
    return register_module_forward_pre_hook(
        lambda called, args: hook(called, args, {}) if called is member else None
    )


def after(member: nn.Module, hook: After, *, always: bool = False) -> RemovableHandle:
    """Call `hook` after each forward of a member; with `always` also after one that failed."""
    if not is_scripted(member):
        return member.register_forward_hook(hook, always_call=always)
    return register_module_forward_hook(
        lambda called, args, output: hook(called, args, output) if called is member else None,
        always_call=always,
    )


@contextlib.contextmanager
def as_written() -> Iterator[None]:
    """Run compiled functions uncompiled, and reentrant checkpoints without recomputation."""
    with alone():
        original = checkpoint.CheckpointFunction
        checkpoint.CheckpointFunction = _Kept  # type: ignore[misc, assignment]
        try:
            with eager():
                yield
        finally:
            checkpoint.CheckpointFunction = original  # type: ignore[misc]


class _Kept:
    """In place of torch's reentrant checkpoint, which `autograd.grad` does not pass through."""

    @staticmethod
    def apply(function: Callable[..., Any], _: bool, *args: Any) -> Any:  # noqa: FBT001  as torch's
        """Call the function; as with torch's, nothing inside gets a gradient if no argument wants.

        The values and gradients are those of torch's own, which runs the function a second time.
        """
        wanted = any(isinstance(value, torch.Tensor) and value.requires_grad for value in args)
        with torch.set_grad_enabled(wanted and torch.is_grad_enabled()):
            return function(*args)
