"""A net with fresh weights for the images at hand."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from archlab import zoo
from archlab.errors import BuildError
from archlab.resolve import find
from archlab.resolve.sources import check_options
from archlab.spec import parse_model


def build(spec: str, options: Mapping[str, Any], seed: int | None = None) -> nn.Module:
    """Return the net of a spec with values; the same seed gives the same values.

    Without a seed the global random stream is used, as any constructor does.

    Raises:
        SpecError: no such model.
        BuildError: the constructor failed or takes no such option.
    """
    source = find(parse_model(spec))
    check_options(source, options)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        try:
            module = source.builder(**options)
        except (TypeError, ValueError, RuntimeError) as error:
            raise BuildError(
                f"{source.name} cannot be built: {type(error).__name__}: {error}"
            ) from error
    if not isinstance(module, nn.Module):
        raise BuildError(f"{source.name} returned {type(module).__name__}, no torch.nn.Module.")
    return module


def fitting_options(
    spec: str,
    options: Mapping[str, Any],
    *,
    classes: int,
    channels: int,
    widths: tuple[int, int, int],
) -> dict[str, Any]:
    """Return the options, with what data and recipe say where the constructor takes it.

    Raises:
        SpecError: no such model.
    """
    parameters, family = _parameters(spec)
    taken = set(parameters)
    offered = {"num_classes": classes, "in_channels": channels, "widths": widths}
    if family in ("torchvision", "timm"):  # their builders hide it behind **kwargs
        taken = {*taken, "num_classes"}
    return {**{key: value for key, value in offered.items() if key in taken}, **options}


def option_names(spec: str) -> tuple[str, ...] | None:
    """Return the constructor arguments that a model takes by name; None where it takes any.

    Raises:
        SpecError: no such model.

    Example:
        >>> option_names("resnet18")
        ('layout', 'residual', 'norm', 'num_classes')
    """
    parameters, family = _parameters(spec)
    kinds = {parameter.kind for parameter in parameters.values()}
    if not parameters or inspect.Parameter.VAR_KEYWORD in kinds:
        return None
    if family == "zoo":  # the depth of a net of the zoo is in its name, its options are keywords
        keywords = inspect.Parameter.KEYWORD_ONLY
        return tuple(name for name, known in parameters.items() if known.kind == keywords)
    return tuple(parameters)


def _parameters(spec: str) -> tuple[dict[str, inspect.Parameter], str]:
    """Return what a spec's constructor takes, and the family of its source."""
    source = find(parse_model(spec))
    if source.family == "zoo":
        family = zoo.ZOO[known.family] if (known := zoo.find(source.name)) else None
        assert family is not None
        builder = getattr(importlib.import_module(family.module), family.function)
    else:
        builder = source.builder
    try:
        return dict(inspect.signature(builder).parameters), source.family
    except (TypeError, ValueError):  # written in C
        return {}, source.family


def input_channels(model: nn.Module, channels: int) -> int:
    """Return the channels that the first convolution takes, or those of the images."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module.in_channels
    return channels
