"""Why a GPU that this machine has is not used: told before training begins on its CPU."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch

from archlab.train import device

_LOADED = Path("/proc/driver/nvidia/version")  # there while Linux has the driver loaded


def unused_gpu() -> str:
    """Return why torch does not use this machine's NVIDIA driver; empty if it does, or has none.

    Example:
        >>> unused_gpu() if device.has_cuda() else ""
        ''
    """
    if device.has_cuda() or not (_LOADED.is_file() or shutil.which("nvidia-smi")):
        return ""
    return f"an NVIDIA driver is here, and torch cannot use it: {_reason()}"


def _reason() -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={visible} hides every GPU"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA (https://pytorch.org/get-started)"
    # What `is_available` tells in a warning at most: a driver older than torch's CUDA, or no GPU.
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        words = " ".join(str(error).split())
        return f"{words.rstrip('.')} (torch is built for CUDA {torch.version.cuda})"
    return f"it shows no GPU to torch, which is built for CUDA {torch.version.cuda}"
