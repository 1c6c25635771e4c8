"""The embedded subset is made as its script says: equal classes, 2×2 means and a border."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from archlab.data.embedded import make
from archlab.data.sets import load_images


@pytest.mark.skipif(not make.SOURCE.is_dir(), reason="Debian's dataset-fashion-mnist is not here")
def test_the_embedded_set_is_what_its_script_makes() -> None:
    made = make.make(make.SOURCE, 0)
    images = load_images("embedded")
    assert np.array_equal(made["train_images"], images.train_images)
    assert np.array_equal(made["test_labels"], images.test_labels)


def test_two_by_two_means_are_rounded() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, :2, :2] = [[255, 255], [255, 252]]  # 254.25
    image[0, 26:, 26:] = [[0, 1], [1, 0]]  # 0.5
    small = make.shrunk(image)
    assert (small[0, 1, 1], small[0, 14, 14], small.shape) == (254, 1, (1, 16, 16))


def test_a_subset_has_as_many_images_of_each_class(tmp_path: Path) -> None:
    """Thirty images of ten classes, the brightness of each is its number."""
    labels = np.arange(30, dtype=np.uint8) % 10
    images = np.broadcast_to(np.arange(30, dtype=np.uint8)[:, None, None], (30, 28, 28))
    for prefix in ("train", "t10k"):
        # An IDX file's header is not read: magic number, sizes.
        for kind, header, content in (("images-idx3", 16, images), ("labels-idx1", 8, labels)):
            path = tmp_path / f"{prefix}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(bytes(header) + content.tobytes()))
    arrays = make.make(tmp_path, subset=1, per_class=2)
    assert arrays["train_images"].shape == (20, 1, 16, 16)
    assert np.bincount(arrays["train_labels"]).tolist() == [2] * 10
    numbers = arrays["train_images"][:, 0, 1, 1]
    assert (numbers % 10).tolist() == arrays["train_labels"].tolist()
    assert (np.diff(numbers.astype(int)) > 0).all()
    # The parts draw by themselves, and another subset draws others.
    assert (numbers != arrays["test_images"][:, 0, 1, 1]).any()
    other = make.make(tmp_path, subset=2, per_class=2)
    assert (numbers != other["train_images"][:, 0, 1, 1]).any()
