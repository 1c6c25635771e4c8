"""The header of a measurement: everything that the numbers hold for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from archlab.api.live.conditions import Conditions, Subject
from archlab.ir.graph import Graph
from archlab.probe.initial import WORDS
from archlab.probe.running import is_scripted, members
from archlab.resolve.saved import read_saved
from archlab.result import Header


def header(
    subjects: Sequence[Subject], names: Iterable[str], conditions: Conditions, meaning: str,
    loss: str = "",
) -> Header:  # fmt: skip
    """Return the header of a measurement of several nets: its meaning, then its conditions."""
    graphs = [subject.model.trace(conditions.mode) for subject in subjects]
    images = any(len(graph.shape(graph.inputs[0])) == 4 for graph in graphs if graph.inputs)
    last = conditions.seed + conditions.seeds - 1
    seeds = str(last) if conditions.seeds == 1 else f"{conditions.seed}-{last}"
    # A checkpoint fixes the weights: its seeds draw the data alone.
    drawn = "weights, data" + (", labels" if loss else "")
    sentences = [
        f"{conditions.seeds} seed{'s' * (conditions.seeds > 1)} ({seeds}) of "
        f"{drawn if conditions.checkpoint is None else 'data'}",
        _data(conditions, images=images),
        *([loss] if loss else []),
        f"{conditions.dtype or _dtypes(graphs)} on {conditions.device}",
        *_scripted(subjects),
        "as built" if conditions.norm is None else f"norm {conditions.norm}",
    ]
    return Header(
        model=", ".join(names),
        input=" / ".join(dict.fromkeys(graph.input_text() for graph in graphs)),
        mode=conditions.mode,
        build=_weights(conditions),
        conventions=(meaning, " · ".join(sentences)),
    )


def _scripted(subjects: Sequence[Subject]) -> list[str]:
    """Say which layers are measured as a whole."""
    modules = [(subject.name, subject.model.module) for subject in subjects]
    paths = [
        path or name for name, module in modules for path, member in members(module)
        if is_scripted(member)
    ]  # fmt: skip
    return [f"scripted, so measured as one: {', '.join(dict.fromkeys(paths))}"] if paths else []


def _dtypes(graphs: Sequence[Graph]) -> str:
    """The dtypes of all weights that have fractions."""
    weights = [graph.tensors[param.tensor] for graph in graphs for param in graph.params]
    found = {weight.dtype for weight in weights if weight.floating}
    return " and ".join(sorted(found)) or "float32"


def _weights(conditions: Conditions) -> str:
    if conditions.checkpoint is not None:
        step = _step(conditions.checkpoint)
        return f"weights of {conditions.checkpoint}" + (f", {step}" if step else "")
    if conditions.init is None:
        return "step 0: initial weights of the constructor"
    return f"step 0: init {conditions.init} ({WORDS[conditions.init]})"


def _step(checkpoint: str | Path) -> str:
    # Lightning writes `global_step`, other training loops one of the other two.
    content = read_saved(Path(checkpoint))
    for name in ("global_step", "step", "epoch"):
        if isinstance(content, dict) and isinstance(content.get(name), int):
            return f"{name.removeprefix('global_')} {content[name]}"
    return ""


def _data(conditions: Conditions, *, images: bool) -> str:
    if conditions.images is not None:
        return f"images of {conditions.images}"
    if not images:
        return "inputs made: N(0, 1), random tokens"
    if conditions.noise:
        return "noise images, N(0, 1)"
    return "made images with a natural spectrum (1/f), each channel standardised"
