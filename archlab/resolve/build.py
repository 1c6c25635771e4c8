"""Building a model without its weights.

On the meta device; or, for constructors that ask for values, on the CPU with initialisation
skipped, and then moved.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from archlab.errors import ArchlabError, BuildError
from archlab.resolve.sources import Source, check_options
from archlab.tracer.isolate import on_meta
from archlab.tracer.settings import same_random

META = "built on meta"
COPIED = "copied to meta"
MOVED = "built on the CPU without initialisation, then moved to meta"


class _SkipInitialisation(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Leaves in-place fills undone on all but small tensors: nobody will read the weights."""

    _SMALL = 4096  # elements; constructors compute sizes and schedules in small tensors

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # wrapping __torch_dispatch__ would import torch._dynamo

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        in_place = func._schema.name.endswith("_") and not func._schema.name.endswith("__")
        if (
            in_place
            and args
            and isinstance(args[0], torch.Tensor)
            and args[0].numel() > self._SMALL
        ):
            return args[0]
        return func(*args, **(kwargs or {}))


def build_on_meta(source: Source, options: Mapping[str, Any]) -> tuple[nn.Module, str]:
    """Return the module on the meta device, and how it came to be.

    Raises:
        BuildError: the constructor failed, wants other arguments, or returned no module.
    """
    check_options(source, options)
    try:
        with _quiet(), torch.device("meta"):
            module = _checked(source, source.builder(**options))
        return module, COPIED if has_values(module) else META
    except ArchlabError:
        raise
    except Exception:  # noqa: BLE001  some constructors need values: try with values
        skip = _SkipInitialisation()  # type: ignore[no-untyped-call]
        with _reported(source), _quiet(), skip:
            module = _checked(source, source.builder(**options))
        return on_meta(module), MOVED


def build_real(source: Source, options: Mapping[str, Any], seed: int = 0) -> nn.Module:
    """Return the module on the CPU, initialised as its constructor does, from `seed`.

    Raises:
        BuildError: the constructor failed.
    """
    with _reported(source), _quiet():
        torch.default_generator.manual_seed(seed)  # what depends on values is the same every time
        return _checked(source, source.builder(**options))


def has_values(module: nn.Module) -> bool:
    """Whether some tensor of the module is not on the meta device."""
    return any(tensor.device.type != "meta" for tensor in (*module.parameters(), *module.buffers()))


def _checked(source: Source, module: Any) -> nn.Module:
    if not isinstance(module, nn.Module):
        raise BuildError(
            f"{source.name} returned {type(module).__name__}; a torch.nn.Module is wanted."
        )
    return module


@contextlib.contextmanager
def _reported(source: Source) -> Iterator[None]:
    try:
        yield
    except ArchlabError:
        raise
    except Exception as error:
        raise BuildError(
            f"{source.name} cannot be built: {type(error).__name__}: {error}"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Constructors warn about their initialisation and draw random numbers: neither gets out."""
    # In a caller's inference mode the parameters could not be trained in a trace.
    with torch.inference_mode(mode=False), same_random(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
