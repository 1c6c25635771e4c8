"""Lightning loggers by import path, and TensorBoard in the run's folder."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger

from archlab.errors import DependencyError, OptionError, keyword


def tensorboard(folder: Path) -> Logger:
    """Return TensorBoard's logger; `tensorboard --logdir FOLDER` shows it."""
    return TensorBoardLogger(save_dir=folder, name="tensorboard", version="")


def logger(path: str, folder: Path, arguments: Mapping[str, Any]) -> Logger:
    """Return a logger by import path, such as pytorch_lightning.loggers.CSVLogger.

    It is given the run's folder as `save_dir`, where it takes one.

    Raises:
        OptionError: the path names no Lightning logger, or it wants other arguments.
        DependencyError: its package is not installed.
    """
    place, _, name = path.rpartition(".")
    source = keyword("logger", path)
    try:
        kind = getattr(importlib.import_module(place), name) if place else None
    except (ImportError, AttributeError) as error:
        raise DependencyError(f"{source} cannot be imported: {error}.") from error
    if not (inspect.isclass(kind) and issubclass(kind, Logger)):
        raise OptionError(
            f"{source} is no Lightning logger. Give an import path such as "
            "pytorch_lightning.loggers.CSVLogger."
        )
    takes_folder = "save_dir" in inspect.signature(kind).parameters
    defaults = {"save_dir": str(folder)} if takes_folder else {}
    try:
        return kind(**{**defaults, **arguments})
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"{source} cannot be made: {error}. Its arguments are {keyword('logger_set')} "
            "key=value."
        ) from error
    # Lightning's loggers import their package only when one is made.
    except ModuleNotFoundError as error:
        raise DependencyError(f"{source}: {error}.") from error
