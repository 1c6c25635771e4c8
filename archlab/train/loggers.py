"""Lightning loggers by import path, and TensorBoard in the run's folder."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger

from archlab.errors import DependencyError, OptionError


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
    try:
        found = getattr(importlib.import_module(place), name) if place else None
    except (ImportError, AttributeError) as error:
        raise DependencyError(f"--logger {path} cannot be imported: {error}.") from error
    if not (inspect.isclass(found) and issubclass(found, Logger)):
        raise OptionError(
            f"--logger {path} is no Lightning logger. Give an import path such as "
            "pytorch_lightning.loggers.CSVLogger."
        )
    takes = inspect.signature(found).parameters
    given = {"save_dir": str(folder), **arguments} if "save_dir" in takes else dict(arguments)
    try:
        made: Logger = found(**given)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"--logger {path} cannot be made: {error}. Its arguments are --logger-set key=value."
        ) from error
    except ModuleNotFoundError as error:
        raise DependencyError(f"--logger {path}: {error}.") from error
    return made
