"""What a forward or a constructor asks about the device, to which meta is no answer.

Code that does one thing on the CPU and another on CUDA would do on meta what it does nowhere else.
Where it only hands the device on, as in `torch.arange(n, device=x.device)`, meta is right.
"""

from __future__ import annotations

import contextlib
import dis
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import torch

from archlab.tracer.alone import same_thread
from archlab.tracer.layout import is_meta
from archlab.tracer.settings import replaced

# Torch and archlab themselves may ask.
_PACKAGES = (Path(torch.__file__).parent, Path(__file__).parents[1])
_TRUSTED = tuple(f"{package}{os.sep}" for package in _PACKAGES)
_KINDS = ("is_cpu", "is_cuda", "is_meta")
_NAMES = frozenset({"cpu", "cuda"})


class DeviceError(RuntimeError):
    """The code depends on the kind of its device, which is to be the CPU or CUDA."""


@contextlib.contextmanager
def refused_questions() -> Iterator[list[DeviceError]]:
    """Raise and keep a DeviceError where code asks which kind of device a meta tensor is on."""
    refused: list[DeviceError] = []
    here = same_thread()
    originals = {name: getattr(torch.Tensor, name) for name in ("device", *_KINDS)}

    def refuse(name: str) -> property:
        def answer(tensor: torch.Tensor) -> Any:
            value = originals[name].__get__(tensor)
            code = sys._getframe(1).f_code
            handed_on = name == "device" and not _compares(code)
            if (
                not here()
                or not is_meta(tensor)
                or handed_on
                or code.co_filename.startswith(_TRUSTED)
            ):
                return value
            refused.append(DeviceError(f"{code.co_name} asks for the kind of its device"))
            raise refused[-1]

        return property(answer)

    with replaced(torch.Tensor, {name: refuse(name) for name in originals}):
        yield refused


@cache
def _compares(code: CodeType) -> bool:
    """Whether code compares something with the name of the CPU or of CUDA."""
    steps = list(dis.get_instructions(code))
    for i, step in enumerate(steps):
        names = step.argval if isinstance(step.argval, tuple | frozenset) else (step.argval,)
        of_device = any(isinstance(name, str) and name.split(":")[0] in _NAMES for name in names)
        if step.opname.startswith("LOAD_CONST") and of_device:
            after = {later.opname for later in steps[i + 1 : i + 5]}
            if after & {"COMPARE_OP", "CONTAINS_OP", "IS_OP"} or "startswith" in code.co_names:
                return True
    return False
