"""The sets of images that have a name: what each is called, and where its files lie. No numpy.

A set is added by a line in SETS: help texts, messages, the doctor and every reader take it from
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Archive:
    """An official set that torchvision reads.

    Attributes:
        title: what headers and messages call it.
        reader: "module:name" of a class such as torchvision's: called with (data_dir, train=,
            download=), its instances have `data`, `targets` and `classes`.
        folder: what the archive is unpacked to, below the data directory.
    """

    title: str
    reader: str
    folder: str


SETS: dict[str, Archive] = {
    "cifar10": Archive("CIFAR-10", "torchvision.datasets:CIFAR10", "cifar-10-batches-py"),
    "cifar100": Archive("CIFAR-100", "torchvision.datasets:CIFAR100", "cifar-100-python"),
    "fashion-mnist": Archive(
        "Fashion-MNIST", "torchvision.datasets:FashionMNIST", "FashionMNIST/raw"
    ),
}
EMBEDDED = Path(__file__).parent / "embedded" / "fashion16.npz"
NAMES = ("embedded", *SETS)
SOURCES = (
    f"{', '.join(NAMES)}, a folder with train/CLASS/*.png and test/CLASS/*.png, or a .npz file"
)
