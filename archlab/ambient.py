"""What stands around a call, kept from it: torch's modes change no answer of archlab's."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """Work as if there were no transform of torch.func, no inference mode, no default device.

    Autocast and the default dtype stay: a net costs what it costs under them.
    """
    # Not imported: what needs no torch must not wait for it.
    torch: Any = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "inference_mode"):
        yield
        return
    with contextlib.ExitStack() as stack:
        if torch._C._functorch.peek_interpreter_stack() is not None:
            functorch = import_module("torch._functorch.pyfunctorch")
            stack.enter_context(functorch.temporarily_clear_interpreter_stack())
            stack.enter_context(_saved_tensors_seen(torch._C._autograd))
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


@contextlib.contextmanager
def _saved_tensors_seen(autograd: Any) -> Iterator[None]:
    """Allow hooks of saved tensors, which torch.func.grad forbids for what it differentiates."""
    why = autograd._saved_tensors_hooks_get_disabled_error_message()
    autograd._saved_tensors_hooks_enable()
    try:
        yield
    finally:
        if why is not None:
            autograd._saved_tensors_hooks_disable(why)
