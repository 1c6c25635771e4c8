"""A net with fresh weights for the images at hand."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, get_args

import torch
from torch import nn

from archlab.contain import contained, said
from archlab.errors import ArchlabError, BuildError
from archlab.resolve import find
from archlab.resolve.sources import Source, check_options
from archlab.runs.layout import fitting_layout, has_layouts
from archlab.spec import parse_model
from archlab.tracer.isolate import without_circles
from archlab.train import device
from archlab.zoo.options import Layout, check_choice


def build(spec: str, options: Mapping[str, Any], seed: int | None = None) -> nn.Module:
    """Return the net of a spec with values; the same seed gives the same values.

    Without a seed the global random stream is used, as any constructor does. A constructor that
    fails or takes no such option is a BuildError.
    """
    source = find(parse_model(spec))
    check_options(source, options)
    # Forked, so that building a net with a seed leaves the caller's random stream as it was.
    # Runs that share a process in threads share that stream, and take turns.
    turn = device.ALONE if seed is not None else nullcontext()
    with turn, torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        try:
            with contained():
                module = source.builder(**options)
        except ArchlabError:
            raise
        except Exception as error:
            raise BuildError(f"{source.name} cannot be built: {said(error)}") from error
    if not isinstance(module, nn.Module):
        raise BuildError(f"{source.name} returned {type(module).__name__}, no torch.nn.Module.")
    return without_circles(module)


def fitting_options(
    spec: str,
    options: Mapping[str, Any],
    *,
    classes: int,
    shape: tuple[int, int, int],
    widths: tuple[int, int, int],
) -> dict[str, Any]:
    """Return the options, with what data and recipe say where the constructor takes it.

    `shape` is that of an image: channels, height and width. A layout that a net of the zoo does not
    have is an OptionError.
    """
    source = find(parse_model(spec))
    taken = set(_parameters(source))
    # Their builders hide it behind **kwargs.
    if source.family.partition(".")[0] in ("torchvision", "timm"):
        taken.add("num_classes")
    offered = {"num_classes": classes, "in_channels": shape[0], "widths": widths}
    # Another net's argument of this name may mean anything.
    if has_layouts(spec):
        offered["layout"] = fitting_layout(shape)
        check_choice("layout", options.get("layout", offered["layout"]), get_args(Layout))
    return {**{key: value for key, value in offered.items() if key in taken}, **options}


def option_names(spec: str) -> tuple[str, ...] | None:
    """Return the constructor arguments that a model takes by name; None where it takes any.

    Example:
        >>> option_names("resnet18")
        ('layout', 'residual', 'norm', 'num_classes')
    """
    parameters = _parameters(find(parse_model(spec)))
    kinds = {parameter.kind for parameter in parameters.values()}
    if not parameters or inspect.Parameter.VAR_KEYWORD in kinds:
        return None
    return tuple(parameters)


def _parameters(source: Source) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(source.builder).parameters)
    # A builder that is written in C has no signature.
    except (TypeError, ValueError):
        return {}


def input_channels(model: nn.Module, channels: int) -> int:
    """Return the channels that the first convolution takes, or those of the images."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module.in_channels or channels  # a lazy convolution takes any
    return channels
