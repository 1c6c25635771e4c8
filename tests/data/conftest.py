"""A folder of small images, two classes in two parts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where decoded images are kept: a folder that is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/archlab/images"


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[[str], Path]:
    """Make `folder_of("pets")`: train/CLASS and test/CLASS of cats (0, 1 …) and dogs (40, 41 …)."""

    def make(name: str) -> Path:
        root = tmp_path / name
        for part, count in (("train", 3), ("test", 2)):
            for label, animal in enumerate(("cat", "dog")):
                (root / part / animal).mkdir(parents=True)
                for i in range(count):
                    pixels = np.full((5, 6, 3), 40 * label + i, np.uint8)
                    Image.fromarray(pixels).save(root / part / animal / f"{i}.png")
        return root

    return make
