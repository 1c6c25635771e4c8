"""Reading checkpoints: the model in one, or a clear word about why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archlab.errors import RunError, keyword
from archlab.resolve.saved import SavedError, read_saved
from archlab.runs import record
from archlab.runs.layout import fitting_layout, has_layouts, recorded_options
from archlab.spec import is_of_library
from archlab.train.build import build


def read(path: Path) -> dict[str, Any]:
    """Return a checkpoint of archlab's, a folder's last one, or raise a RunError."""
    if (path / record.PLAN).is_file() and not (path / record.CHECKPOINT).is_file():
        raise RunError(f"{path} is not trained yet: it holds no {record.CHECKPOINT}.")
    if path.is_dir():
        path = path / record.CHECKPOINT
    if not path.is_file():
        raise RunError(f"There is no checkpoint {path}. A run's folder holds last.ckpt.")
    content: Any = _loaded(path)
    content = content if isinstance(content, dict) else {}
    weights = content.get("state_dict")
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise RunError(f"{path} is no Lightning checkpoint: it has no state_dict.")
    origin = content.setdefault("archlab", {})
    plain = isinstance(origin, dict) and _is_plain(origin)
    if not plain or not isinstance(origin.get("recipe", {}), dict):
        raise RunError(f"{path} does not say what it is in the way that archlab writes it.")
    spec, options = origin.get("spec") or "", origin.get("options", {})
    if not isinstance(spec, str) or not isinstance(options, dict):
        raise RunError(
            f"{path} does not say which model it is of in the way that archlab writes it."
        )
    if spec:
        origin["options"] = recorded_options(spec, options)
    return dict(content)


def _loaded(path: Path) -> Any:
    """Return what a file holds, as far as it is tensors and plain values."""
    try:
        return read_saved(path)
    except SavedError as error:
        why = str(error)
        if error.unsafe:
            raise RunError(f"{path} is not read: {why}.") from error
        if path.suffix != Path(record.CHECKPOINT).suffix:
            raise RunError(
                f"{path} is no checkpoint that can be read ({why}). Give a run's folder, or the "
                f"{record.CHECKPOINT} in it."
            ) from error
        raise RunError(
            f"{path} cannot be read ({why}). Where it is a run's own, it is truncated: delete that "
            "run's folder to train it from the beginning."
        ) from error


def spec_of(
    path: Path, origin: Mapping[str, Any], trusted: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Return spec and constructor arguments of the net in a checkpoint.

    `origin` is what the checkpoint says of its net. It may come from anybody, and so it may name a
    net of a library, which archlab knows, but no file or package: to build from those runs their
    code. `trusted` is the spec that the user gives.

    Raises:
        RunError: there is no spec, or one whose code would run.
    """
    own, options = origin.get("spec"), origin.get("options", {})
    name = trusted or own
    if not name:
        raise RunError(
            f"{path} does not say how its model is built (it was trained from a module of yours). "
            f"Add {keyword('model')} with the spec of the model."
        )
    if not trusted and not is_of_library(name):
        raise RunError(
            f"{path} says that its model is {name}, and to build that would run its code, whoever "
            f"wrote the checkpoint. Where you trust it, add {keyword('model', name)}."
        )
    return name, dict(options) if name == own else {}


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and _is_plain(list(value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def load_model(
    path: Path, spec: str | None = None, shape: tuple[int, int, int] = (3, 224, 224)
) -> nn.Module:
    """Return the net of a checkpoint with its weights, or raise a RunError.

    Where a recipe averages weights while it trains, these are the averaged ones. `spec` names the
    model where the checkpoint does not, or names code; a zoo net then takes the layout that fits
    images of `shape` (channels, height, width).
    """
    content = read(path)
    origin = content.get("archlab", {})
    name, options = spec_of(path, origin, spec)
    if has_layouts(name):
        options.setdefault("layout", fitting_layout(shape))
    # Every value is overwritten: the seed only keeps the global random stream as it was.
    model = build(name, options, seed=0)
    check_weights(path, content, name, model)
    model.load_state_dict(weights(content))
    return model


def check_weights(path: Path, content: Mapping[str, Any], name: str, model: nn.Module) -> None:
    """Raise a RunError unless a checkpoint holds the weights of a model, and no others."""
    origin, held, own = content["archlab"], weights(content), model.state_dict()
    # What a lazy layer has not made yet takes the shape of what it is given.
    wrong = [
        name
        for name, weight in own.items()
        if not isinstance(value := held.get(name), Tensor)
        or (not is_lazy(weight) and value.shape != weight.shape)
    ]
    extra = [key for key in held if key not in own]
    if wrong or extra:
        first = (wrong or extra)[0]
        other = origin.get("spec") or origin.get("type") or "another model"
        whose = f"{path} holds weights of {other}, not of {name}"
        why = ""
        if other == name:
            whose = f"{path} does not fit {name} as it is built now"
            why = (
                " Its code may have changed since it was trained, or it makes layers in its first "
                "forward: make them in the constructor, or use a lazy layer such as nn.LazyLinear."
            )
        raise RunError(
            f"{whose}: {len(wrong)} tensors are missing or of another shape, {len(extra)} have no "
            f"place (first: {first}).{why}"
        )


def weights(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a net's tensors in a checkpoint, by the names that they have in the net."""
    # What is averaged stands beside the weights that were trained last, under the same names.
    return {
        key.removeprefix(prefix): value
        for prefix in ("model.", "average.")
        for key, value in content["state_dict"].items()
        if key.startswith(prefix)
    }
