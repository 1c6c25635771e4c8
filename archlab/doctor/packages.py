"""Python, the packages that archlab's own metadata asks for, and the GPU that torch sees."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import archlab
from archlab.doctor.finding import AGAIN, PIP, Finding
from archlab.doctor.imports import Imported, imported

# What each package is for; a test holds the names against pyproject.toml.
PURPOSE = {
    "torch": "every question about a model",
    "torchvision": "torchvision:NAME models, official images",
    "numpy": "every question about a model",
    "matplotlib": "curves and plots, and the fonts of drawings",
    "typer": "the command line",
    "rich": "progress bars",
    "fvcore": "archlab flops --against fvcore",
    "graphviz": "archlab render",
    "pygraphviz": "archlab render --out FILE.svg, .png, .pdf without a system Graphviz",
    "torchviz": "archlab render --view autograd",
    "setuptools": "torchviz, on Python 3.12 and newer",
    "pytorch-lightning": "archlab train, degradation, finetune and test",
    "tensorboard": "logs of training for TensorBoard",
    "pyyaml": "--config FILE.yaml",
    "pillow": "images from folders",
    "jinja2": "archlab report",
    "filelock": "scans and training that go on",
    "lazy_loader": "import archlab",
    "psutil": "archlab scan: the memory of its processes",
    "annotated-types": "recipes of training",
    "pydantic": "recipes of training: config files and their schema",
    "timm": "timm:NAME models",
    "ray": "many models or runs on a cluster",
    "pyarrow": "tables in Parquet files",
}
MODULES = {
    "annotated-types": "annotated_types", "pytorch-lightning": "pytorch_lightning",
    "pyyaml": "yaml", "pillow": "PIL",
}  # fmt: skip
OURS = ("dev", "docs")  # extras for work on archlab, not with it


@dataclass(frozen=True, slots=True)
class Wanted:
    """A package, its oldest version, and whether archlab is broken without it."""

    name: str
    minimum: str
    required: bool


def pythons() -> Iterator[Finding]:
    """Yield archlab and the interpreter it runs in."""
    here = f"{archlab.__version__}, {Path(archlab.__file__).parent}"
    yield Finding(part="python", name="archlab", state="ok", found=here)
    here = f"{platform.python_version()}, {sys.executable}"
    yield Finding(part="python", name="python", state="ok", found=here)


def packages() -> Iterator[Finding]:
    """Yield every package that archlab wants, imported, and the GPU."""
    every = list(wanted())
    names = [MODULES.get(item.name, item.name) for item in every]
    tried = imported(names)
    for item, name in zip(every, names, strict=True):
        yield _package(item, tried.errors[name])
    yield _gpu(tried)


def wanted() -> Iterator[Wanted]:
    """Yield what archlab's metadata asks for here; extras are optional, ours are left out."""
    try:
        lines = importlib.metadata.requires("archlab") or []
    except importlib.metadata.PackageNotFoundError:  # run from its source: nobody knows the rest
        lines = [f"{name}; extra == 'unknown'" for name in PURPOSE]
    seen: set[str] = set()
    for line in lines:
        name, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"]([\w-]+)", marker)
        python = re.search(r"python_version >= ['\"]([\d.]+)", marker)
        if extra is not None and extra[1] in OURS:
            continue
        if python is not None and older(platform.python_version(), python[1]):
            continue
        name, _, minimum = (part.strip() for part in name.lower().partition(">="))
        if name not in seen:  # two extras may want the same
            yield Wanted(name, minimum, required=extra is None)
        seen.add(name)


def older(version: str, minimum: str) -> bool:
    """Whether the numbers of a version are below those of the oldest allowed.

    Example:
        >>> older("2.10.0+cpu", "2.6"), older("0.9", "0.10"), older("3.0", "")
        (False, True, False)
    """
    have, want = (
        [int(number) for number in re.findall(r"\d+", text.partition("+")[0])[:3]]
        for text in (version, minimum)
    )
    return have < want


def _package(item: Wanted, error: str) -> Finding:
    spec = f"'{item.name}>={item.minimum}'" if item.minimum else item.name
    state, get = "ok", f"{PIP} {spec}"
    try:
        found = importlib.metadata.version(item.name)
        if older(found, item.minimum):
            state, found = "too old", f"{found}; {item.minimum} or newer is wanted"
        elif error:
            state, found, get = "broken", f"{found}; {error}", f"{AGAIN} {spec}"
    except importlib.metadata.PackageNotFoundError:
        state, found = "missing", "-"
    return Finding(
        part="package", name=item.name, state=state, found=found, required=item.required,
        enables=PURPOSE.get(item.name, "what needs it"), get=get,
    )  # fmt: skip


def _gpu(tried: Imported) -> Finding:
    """A GPU is never required; without one, say whether the machine or torch lacks it."""
    state, get = "missing", ""
    if tried.gpus:
        state, found = "ok", f"CUDA {tried.cuda}: {', '.join(tried.gpus)}"
    elif shutil.which("nvidia-smi") is None:
        found = "no NVIDIA driver on this machine"
        get = "a machine with an NVIDIA GPU and its driver"
    else:
        built = f"for CUDA {tried.cuda}" if tried.cuda else "without CUDA"
        found = f"nvidia-smi is there, but torch (built {built}) sees no GPU"
        get = (
            "compare the CUDA version that nvidia-smi prints, then https://pytorch.org/get-started"
        )
    return Finding(
        part="gpu", name="CUDA", state=state, found=found, get=get,
        enables="training in minutes, not hours (recipes paper and fast), and --device cuda",
    )  # fmt: skip
