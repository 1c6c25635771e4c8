"""Fine-tuning: a net knows clothes; now they come upside down, and there are ten images a class.

    python examples/11_fine_tune.py [EPOCHS]

Writes upright.npz and turned.npz, trains on the first, and learns the second in three ways.
"""

import sys

import numpy as np

import archlab
from archlab.data.sets import load_images
from archlab.runs.recipe import recipe


def write(name: str, chosen: slice, turn: int) -> None:
    """Write the embedded images: of each class the chosen training images, all test images."""
    images = load_images("embedded")
    by_class = [np.flatnonzero(images.train_labels == label)[chosen] for label in range(10)]
    train = np.concatenate(by_class)
    np.savez(
        name, classes=list(images.classes),
        train_images=images.train_images[train][:, :, ::turn],
        train_labels=images.train_labels[train],
        test_images=images.test_images[:, :, ::turn], test_labels=images.test_labels,
    )  # fmt: skip


if __name__ == "__main__":  # every run is a process of its own
    write("upright.npz", slice(0, 180), turn=1)
    write("turned.npz", slice(180, 190), turn=-1)  # images the net has not seen
    change = {"epochs": float(sys.argv[1])} if sys.argv[1:] else {}
    long, short = recipe("demo", None, change), recipe("demo", None, {**change, "eval_every": 8})
    archlab.train_model("resnet20", data="upright.npz", recipe=long, out="runs/upright")
    print(
        archlab.finetune_model("runs/upright", data="turned.npz", recipe=short, out="runs/turned")
    )
