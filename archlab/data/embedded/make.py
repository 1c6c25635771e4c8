"""Makes the embedded subset from the files of Debian's `dataset-fashion-mnist`.

    apt-get install dataset-fashion-mnist
    python -m archlab.data.embedded.make --out fashion16.npz

Images are 28×28: each 2×2 is averaged, and a border of one zero pixel makes 16×16. The subset has
as many images of each class; `--subset 0` is the one in the package, other numbers draw others.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOURCE = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
Bytes = NDArray[np.uint8]


def make(source: Path, subset: int, per_class: int = 200) -> dict[str, Bytes]:
    """Return the arrays of one subset: images (N, 1, 16, 16) and labels of both parts."""
    arrays: dict[str, Bytes] = {}
    for part, (name, prefix) in enumerate((("train", "train"), ("test", "t10k"))):
        # IDX files begin with a magic number and one size an axis, of four bytes each.
        images = _idx(source / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
        labels = _idx(source / f"{prefix}-labels-idx1-ubyte.gz", 8)
        order = np.random.default_rng([subset, part]).permutation(len(labels))
        chosen = np.concatenate([order[labels[order] == c][:per_class] for c in range(10)])
        chosen.sort()
        arrays[f"{name}_images"] = shrunk(images[chosen])[:, None]
        arrays[f"{name}_labels"] = labels[chosen]
    return arrays


def shrunk(images: Bytes) -> Bytes:
    """Return 28×28 images as 16×16: 2×2 means, rounded, and a zero border.

    Example:
        >>> shrunk(np.full((1, 28, 28), 7, np.uint8))[0, 0:2, 0:3].tolist()
        [[0, 0, 0], [0, 7, 7]]
    """
    # 16 bits, as four pixels of 255 overflow 8; + 2 rounds half up.
    sums = images.reshape(-1, 14, 2, 14, 2).astype(np.uint16).sum(axis=(2, 4))
    means = ((sums + 2) // 4).astype(np.uint8)
    return np.pad(means, ((0, 0), (1, 1), (1, 1)))


def _idx(path: Path, header: int) -> Bytes:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)[header:]


def main() -> None:
    """Write one subset to a file."""
    parser = argparse.ArgumentParser(description="Make a subset of Fashion-MNIST at 16×16.")
    parser.add_argument("--source", type=Path, default=SOURCE)
    parser.add_argument("--subset", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("fashion16.npz"))
    options = parser.parse_args()
    arrays: dict[str, Any] = make(options.source, options.subset)
    np.savez_compressed(options.out, classes=np.array(CLASSES), **arrays)


if __name__ == "__main__":
    main()
