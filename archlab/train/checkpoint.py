"""Reading checkpoints: the model in one, or a clear word about why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from archlab.errors import RunError, keyword
from archlab.runs import record
from archlab.runs.layout import fitting_layout, has_layouts, recorded_options
from archlab.train.build import build


def read(path: Path) -> dict[str, Any]:
    """Return a checkpoint of archlab's, a folder's last one, or raise a RunError."""
    if path.is_dir():
        path = path / record.CHECKPOINT
    if not path.is_file():
        raise RunError(f"There is no checkpoint {path}. A run's folder holds last.ckpt.")
    # A pickle of a stranger could run code; with `weights_only` only tensors and plain values are
    # read. What a broken file raises is not documented, and changes with its format.
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        why = str(error).strip().split("\n")[0] or type(error).__name__
        if path.suffix != Path(record.CHECKPOINT).suffix:
            raise RunError(
                f"{path} is no checkpoint that can be read ({why}). Give a run's folder, or the "
                f"{record.CHECKPOINT} in it."
            ) from error
        raise RunError(
            f"{path} cannot be read: it is truncated ({why}). Delete the run's folder to train it "
            "from the beginning."
        ) from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise RunError(f"{path} is no Lightning checkpoint: it has no state_dict.")
    origin = content.get("archlab", {})
    if origin.get("spec"):
        origin["options"] = recorded_options(origin["spec"], origin.get("options", {}))
    return content


def load_model(
    path: Path, spec: str | None = None, shape: tuple[int, int, int] = (3, 224, 224)
) -> nn.Module:
    """Return the net of a checkpoint with its weights, or raise a RunError.

    `spec` names the model where the checkpoint does not; a zoo net then takes the layout that fits
    images of `shape` (channels, height, width).
    """
    content = read(path)
    origin = content.get("archlab", {})
    name = spec or origin.get("spec")
    if not name:
        raise RunError(
            f"{path} does not say how its model is built (it was trained from a module of yours). "
            f"Add {keyword('model')} with the spec of the model."
        )
    # Every value is overwritten: the seed only keeps the global random stream as it was.
    options = origin.get("options", {}) if name == origin.get("spec") else {}
    if has_layouts(name):
        options.setdefault("layout", fitting_layout(shape))
    model = build(name, options, seed=0)
    weights = {key.removeprefix("model."): value for key, value in content["state_dict"].items()
               if key.startswith("model.")}  # fmt: skip
    own = model.state_dict()
    wrong = [key for key in own if key not in weights or weights[key].shape != own[key].shape]
    extra = [key for key in weights if key not in own]
    if wrong or extra:
        first = (wrong or extra)[0]
        other = origin.get("spec") or origin.get("type") or "another model"
        raise RunError(
            f"{path} holds weights of {other}, not of {name}: {len(wrong)} tensors are missing or "
            f"of another shape, {len(extra)} have no place (first: {first})."
        )
    model.load_state_dict(weights)
    return model
