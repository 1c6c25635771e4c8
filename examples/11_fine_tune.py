"""Fine-tuning: learn on five classes, keep the backbone, learn five others from 20 images each.

    python examples/11_fine_tune.py [EPOCHS]

Writes first.npz and second.npz, trains on the first, and compares three ways to learn the second.
"""

import sys

import numpy as np

import archlab
from archlab.train.images import load_images
from archlab.train.recipe import recipe


def write(name: str, classes: list[int], each: int) -> None:
    """Write the embedded images of some classes, at most `each` training images of a class."""
    images, arrays = load_images("embedded"), {}
    for part in ("train", "test"):
        pixels, labels = getattr(images, f"{part}_images"), getattr(images, f"{part}_labels")
        limit = each if part == "train" else len(labels)
        chosen = np.concatenate([np.flatnonzero(labels == label)[:limit] for label in classes])
        arrays[f"{part}_images"] = pixels[chosen]
        arrays[f"{part}_labels"] = np.searchsorted(classes, labels[chosen])
    np.savez(name, classes=[images.classes[label] for label in classes], **arrays)


if __name__ == "__main__":
    write("first.npz", [0, 1, 2, 3, 4], each=200)  # tops and trousers
    write("second.npz", [5, 6, 7, 8, 9], each=20)  # sandals, shirts, sneakers, bags, boots
    demo = recipe("demo", None, {"epochs": float(sys.argv[1])} if sys.argv[1:] else {})
    archlab.train_model("resnet20", data="first.npz", recipe=demo, out="runs/first")
    ways = archlab.finetune_model("runs/first", data="second.npz", recipe=demo, out="runs/second")
    print(ways)
