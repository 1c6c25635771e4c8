"""Pictures of a folder for a net that is measured: which are taken, and the bad ones."""

import numpy as np
import pytest
import torch
from PIL import Image

from archlab.data.pictures import first_image, folder_images
from archlab.errors import DataError


def test_pictures_are_searched_below_a_folder_and_fitted(tmp_path) -> None:
    (tmp_path / "b").mkdir()
    Image.fromarray(np.full((8, 6, 3), 255, np.uint8)).save(tmp_path / "b" / "white.png")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.gif")
    (tmp_path / "notes.txt").write_text("no image")
    pixels = folder_images(tmp_path, (3, 4, 4), 9)
    assert pixels.shape == (2, 3, 4, 4)
    assert torch.equal(pixels[0], torch.full((3, 4, 4), -2.0))  # (0 - 0.5) / 0.25
    assert torch.equal(pixels[1], torch.full((3, 4, 4), 2.0))
    assert folder_images(tmp_path, (1, 4, 4), 1).shape == (1, 1, 4, 4)
    assert first_image(tmp_path / "b", 4, 4).tolist() == np.ones((4, 4, 3)).tolist()


def test_folders_without_pictures(tmp_path) -> None:
    with pytest.raises(DataError, match="There is no folder"):
        folder_images(tmp_path / "no", (3, 4, 4), 1)
    with pytest.raises(DataError, match=r"holds no images \(\.jpg, "):
        folder_images(tmp_path, (3, 4, 4), 1)
    (tmp_path / "bad.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(DataError, match="cannot be read as an image"):
        folder_images(tmp_path, (3, 4, 4), 1)
