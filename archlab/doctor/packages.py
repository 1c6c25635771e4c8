"""Looks for Python, the packages of archlab's own metadata, and the GPU that torch sees."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archlab.doctor.finding import AGAIN, PIP, Finding
from archlab.doctor.imports import Imported, imported
from archlab.version import __version__

# What each package is for; a test compares the names with pyproject.toml.
PURPOSE = {
    "torch": "every question about a model",
    "torchvision": "torchvision:NAME models, official images",
    "numpy": "every question about a model",
    "matplotlib": "curves and plots, and the fonts of drawings",
    "typer": "the command line",
    "rich": "progress bars",
    "lazy-loader": "import archlab",
    "filelock": "runs and scans that share a folder",
    "fvcore": "archlab flops --against fvcore",
    "graphviz": "archlab render --out FILE.dot",
    "fonttools": "archlab render --out FILE.svg, .png, .pdf",
    "pytorch-lightning": "archlab train, degradation, finetune and test",
    "tensorboard": "logs of training for TensorBoard",
    "pyyaml": "--config FILE.yaml",
    "pillow": "images from folders",
    "jinja2": "archlab report",
    "psutil": "archlab scan: the memory of its processes",
    "annotated-types": "recipes of training",
    "pydantic": "recipes of training: config files and their schema",
    "timm": "timm:NAME models",
    "ray": "many models or runs on a cluster",
    "pyarrow": "tables in Parquet files",
    "onnx": "archlab export --to onnx",
    "onnxscript": "archlab export --to onnx",
    "safetensors": "archlab export --to safetensors",
}
# Module names, where they differ from the package's.
MODULES = {
    "annotated-types": "annotated_types",
    "lazy-loader": "lazy_loader",
    "pytorch-lightning": "pytorch_lightning",
    "pyyaml": "yaml",
    "pillow": "PIL",
    "fonttools": "fontTools",
}
OURS = ("dev", "docs")  # extras for people who develop archlab; its users need none of them


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package, its oldest allowed version, and whether archlab is broken without it."""

    name: str
    minimum: str  # empty where every version will do
    required: bool


def pythons() -> Iterator[Finding]:
    """Yield archlab and the interpreter it runs in."""
    versions = {
        "archlab": f"{__version__}, {Path(__file__).parents[1]}",
        "python": f"{platform.python_version()}, {sys.executable}",
    }
    for name, version in versions.items():
        yield Finding(part="python", name=name, state="ok", found=version)


def packages() -> Iterator[Finding]:
    """Yield every package that archlab uses, after an import of it, and the GPU."""
    modules = {each: MODULES.get(each.name, each.name) for each in requirements()}
    imports = imported(list(modules.values()))
    for requirement, module in modules.items():
        yield _package(requirement, imports.errors[module])
    yield _gpu(imports)


def requirements() -> Iterator[Requirement]:
    """Yield what archlab's metadata requires on this Python; packages of extras are optional."""
    try:
        lines = importlib.metadata.requires("archlab") or []
    except importlib.metadata.PackageNotFoundError:
        # archlab runs from its source without an installation. There are no versions to compare
        # then, and nothing can be called required.
        lines = [f"{name}; extra == 'unknown'" for name in PURPOSE]
    names: set[str] = set()
    for line in lines:
        name, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"]([\w-]+)", marker)
        python = re.search(r"python_version >= ['\"]([\d.]+)", marker)
        if extra is not None and extra[1] in OURS:
            continue
        if python is not None and older(platform.python_version(), python[1]):
            continue
        name, _, minimum = (part.strip() for part in name.lower().partition(">="))
        if name not in names:  # two extras may contain the same package
            yield Requirement(name, minimum, required=extra is None)
        names.add(name)


def older(version: str, minimum: str) -> bool:
    """Whether the numbers of a version are below those of the oldest allowed.

    Example:
        >>> older("2.10.0+cpu", "2.6"), older("0.9", "0.10"), older("3.0", "")
        (False, True, False)
    """
    # As text, 0.9 would be above 0.10. What follows a + names the build of the same version.
    have, want = (
        [int(number) for number in re.findall(r"\d+", text.partition("+")[0])[:3]]
        for text in (version, minimum)
    )
    return have < want


def _package(package: Requirement, error: str) -> Finding:
    name, minimum = package.name, package.minimum
    spec = f"'{name}>={minimum}'" if minimum else name
    state, get = "ok", f"{PIP} {spec}"
    try:
        version = importlib.metadata.version(name)
        if older(version, minimum):
            state, version = "too old", f"{version}; {minimum} or newer is wanted"
        elif error:
            state, version, get = "broken", f"{version}; {error}", f"{AGAIN} {spec}"
    except importlib.metadata.PackageNotFoundError:
        state, version = "missing", "-"
    return Finding(
        part="package", name=name, state=state, found=version, required=package.required,
        enables=PURPOSE.get(name, "what needs it"), get=get,
    )  # fmt: skip


def _gpu(imports: Imported) -> Finding:
    """Return whether torch sees a GPU, and if not, whether the machine or torch is the reason."""
    state, get = "missing", ""
    if imports.gpus:
        state, outcome = "ok", f"CUDA {imports.cuda}: {', '.join(imports.gpus)}"
    elif shutil.which("nvidia-smi") is None:
        outcome = "no NVIDIA driver on this machine"
        get = "a machine with an NVIDIA GPU and its driver"
    else:
        built = f"for CUDA {imports.cuda}" if imports.cuda else "without CUDA"
        outcome = f"nvidia-smi is there, but torch (built {built}) sees no GPU"
        # The usual reason is a torch for a newer CUDA than the driver knows.
        get = (
            "compare the CUDA version that nvidia-smi prints, then https://pytorch.org/get-started"
        )
    return Finding(
        part="gpu", name="CUDA", state=state, found=outcome, get=get,
        enables="training in minutes, not hours (recipes paper and fast), and --device cuda",
    )  # fmt: skip
