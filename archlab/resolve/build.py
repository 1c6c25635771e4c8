"""Builds a model without its weights.

The constructor runs on the meta device. Where it reads values, which tensors on meta do not have,
it runs on the CPU with initialisation skipped, and the module is moved to meta afterwards.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from archlab.contain import contained, said
from archlab.errors import ArchlabError, BuildError, did_you_mean, keyword
from archlab.resolve.sources import LOAD_KEYWORDS, Source, check_options
from archlab.tracer.devices import refused_questions
from archlab.tracer.isolate import on_meta
from archlab.tracer.settings import same_random

META = "built on meta"
COPIED = "copied to meta"
MOVED = "built on the CPU without initialisation, then moved to meta"


_FILLS = frozenset(
    f"aten::{name}_"
    for name in ("add", "bernoulli", "clamp", "div", "erfinv", "exponential", "fill",
                 "log_normal", "mul", "normal", "random", "sub", "uniform", "zero")
)  # fmt: skip
_SMALL = 4096  # elements; constructors compute sizes and schedules in smaller tensors


class _SkipInitialisation(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Skips what fills weights, since nothing will read them.

    A fill of a meta tensor has no effect, and torch runs many of them slowly, as Python functions.
    """

    def __init__(self, small: float) -> None:
        """Take the number of elements up to which a tensor with values is filled."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._small = small
        self.asked = False  # for a value that a meta tensor has not, whatever was made of it

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # wrapping __torch_dispatch__ would import torch._dynamo, which takes a second

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        # Another tensor, or a type without fractions, may be refused: then torch must say so.
        if func._schema.name in _FILLS and not any(isinstance(x, torch.Tensor) for x in args[1:]):
            filled = args[0]
            large = filled.is_meta or filled.numel() > self._small
            if large and filled.is_floating_point():
                return filled
        if func._schema.name == "aten::_local_scalar_dense" and args[0].is_meta:
            self.asked = True
        return func(*args, **(kwargs or {}))


def build_on_meta(source: Source, options: Mapping[str, Any]) -> tuple[nn.Module, str]:
    """Return the module on the meta device, and the sentence for headers about how it was built.

    Raises:
        BuildError: the constructor failed, wants other arguments, or returned no module.
    """
    check_options(source, options)
    try:
        building = _SkipInitialisation(math.inf)
        with _quiet(), torch.device("meta"), refused_questions() as refused, building:
            module = _checked(source, source.builder(**options))
        # The constructor may have caught it, and gone on as it goes on nowhere else.
        if not building.asked and not refused:
            return module, COPIED if has_values(module) else META
    except ArchlabError:
        raise
    except Exception:  # noqa: BLE001, S110  whatever it was, values may help a constructor
        pass
    try:
        with _quiet(), _SkipInitialisation(_SMALL):
            module = _checked(source, source.builder(**options))
    except Exception:  # noqa: BLE001  torch.jit.trace, for one, runs no forward under a mode
        module = build_real(source, options)
    try:
        return on_meta(module), MOVED
    except Exception:  # noqa: BLE001  any member may refuse: the tracer uses the values then
        return build_real(source, options), COPIED


def build_real(source: Source, options: Mapping[str, Any], seed: int = 0) -> nn.Module:
    """Return the module on the CPU, initialised as its constructor does, from `seed`.

    Raises:
        BuildError: the constructor failed.
    """
    with _reported(source, options), _quiet():
        # A forward that depends on values must give the same graph every time.
        torch.default_generator.manual_seed(seed)
        return _checked(source, source.builder(**options))


def has_values(module: nn.Module) -> bool:
    """Whether some tensor of the module is not on the meta device."""
    return any(tensor.device.type != "meta" for tensor in (*module.parameters(), *module.buffers()))


def all_values(module: nn.Module) -> bool:
    """Whether the module has tensors, and none of them is on the meta device."""
    tensors = [*module.parameters(), *module.buffers()]
    return bool(tensors) and not any(tensor.is_meta for tensor in tensors)


def _checked(source: Source, module: Any) -> nn.Module:
    if not isinstance(module, nn.Module):
        raise BuildError(
            f"{source.name} returned {type(module).__name__}; a torch.nn.Module is wanted."
        )
    if not hasattr(module, "_modules"):
        raise BuildError(f"The constructor of {source.name} does not call super().__init__().")
    return module


@contextlib.contextmanager
def _reported(source: Source, options: Mapping[str, Any]) -> Iterator[None]:
    """Turn what a constructor raises into a BuildError."""
    try:
        yield
    except ArchlabError:
        raise
    except Exception as error:
        # A constructor that takes any keyword meets a mistyped one of `load` deep inside.
        refused = [name for name in options if f"keyword argument '{name}'" in str(error)]
        hints = [did_you_mean(name, map(keyword, LOAD_KEYWORDS)) for name in refused]
        # Further lines may hold the values of tensors.
        first = said(error).split("\n")[0]
        reason = ".".join([first, *filter(None, hints)])
        raise BuildError(f"{source.name} cannot be built: {reason}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep a constructor's warnings and its use of random numbers from the caller."""
    # In a caller's inference mode, parameters could not be trained in a trace.
    with contained(), torch.inference_mode(mode=False), same_random(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
