"""The header of a measurement: everything that the numbers hold for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from archlab.api.live.conditions import Conditions
from archlab.api.model import Model
from archlab.probe.initial import WORDS
from archlab.result import Header


def header(models: Sequence[Model], names: Sequence[str], how: Conditions, loss: str) -> Header:
    """Return the header of a measurement of several nets; `loss` is empty where there is none."""
    graphs = [model.trace(how.mode) for model in models]
    images = any(len(graph.shape(graph.inputs[0])) == 4 for graph in graphs if graph.inputs)
    told = [
        f"{how.seeds} seed{'s' * (how.seeds > 1)} ({_seeds(how)}) of "
        + (
            "data" if how.checkpoint is not None else "weights, data" + (", labels" if loss else "")
        ),
        _data(how, images=images),
        *([loss] if loss else []),
        f"{how.dtype} on {how.device}",
        "as built" if how.norm is None else f"norm {how.norm}",
    ]
    return Header(
        model=", ".join(names),
        input=" / ".join(dict.fromkeys(graph.input_text() for graph in graphs)),
        mode=how.mode,
        build=_weights(how),
        conventions=(" · ".join(told),),
    )


def described(head: Header, *sentences: str) -> Header:
    """Return the header with further sentences in front: what is measured."""
    return replace(head, conventions=(*sentences, *head.conventions))


def _seeds(how: Conditions) -> str:
    last = how.seed + how.seeds - 1
    return str(how.seed) if how.seeds == 1 else f"{how.seed}-{last}"


def _weights(how: Conditions) -> str:
    if how.checkpoint is not None:
        step = _step(how.checkpoint)
        return f"weights of {how.checkpoint}" + (f", {step}" if step else "")
    if how.init is None:
        return "step 0: initial weights of the constructor"
    return f"step 0: --init {how.init} ({WORDS[how.init]})"


def _step(checkpoint: str | Path) -> str:
    """The training step that a checkpoint tells, or nothing."""
    found: Any = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for name in ("global_step", "step", "epoch"):
        if isinstance(found, dict) and isinstance(found.get(name), int):
            return f"{name.removeprefix('global_')} {found[name]}"
    return ""


def _data(how: Conditions, *, images: bool) -> str:
    if how.images is not None:
        return f"images of {how.images}"
    if not images:
        return "inputs made: N(0, 1), random tokens"
    if how.noise:
        return "noise images, N(0, 1)"
    return "made images with a natural spectrum (1/f), each channel standardised"
