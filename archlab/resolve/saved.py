"""What a file of `torch.save` holds, read without running code that it may bring."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch


class SavedError(ValueError):
    """A file that cannot be read as tensors and plain values; `unsafe` where it holds objects."""

    def __init__(self, why: str, *, unsafe: bool = False) -> None:
        super().__init__(why)
        self.unsafe = unsafe


def read_saved(path: Path) -> Any:
    """Return what a file holds, on the CPU, as far as it is tensors and plain values.

    Raises:
        SavedError: it holds other things, or is no such file; the message is the reason alone.
    """
    # A pickle of a stranger could run code; with `weights_only` only tensors and plain values are
    # read. What a broken file raises is not documented, and changes with its format.
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Torch's own words go on to advise that the file be loaded with all its code.
        if re.search("unsupported global|is blocked|unsupported class", str(error), re.IGNORECASE):
            raise SavedError(
                "it holds other things than tensors and plain values, and to load them could run "
                "code: save it again with its state_dict alone",
                unsafe=True,
            ) from error
        why = str(error).strip().split("\n")[0] or type(error).__name__
        no_pickle = re.search("weights.only|pickle", why, re.IGNORECASE)
        raise SavedError("no pickle of tensors" if no_pickle else why) from error
