"""Every example runs, as a process of its own, on few images."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def cifar(tmp_path) -> Path:
    """An image folder with ten classes of 3×32×32, from the images inside the package."""
    from PIL import Image

    from archlab.data.sets import load_images

    images = load_images("embedded")
    for part in ("train", "test"):
        pixels, labels = getattr(images, f"{part}_images"), getattr(images, f"{part}_labels")
        for label in range(10):
            folder = tmp_path / "cifar" / part / f"class{label}"
            folder.mkdir(parents=True)
            for i, image in enumerate(pixels[labels == label][:3]):
                large = np.repeat(np.repeat(image[0], 2, 0), 2, 1)
                Image.fromarray(large).convert("RGB").save(folder / f"{i}.png")
    return tmp_path / "cifar"


def run(tmp_path: Path, name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], cwd=tmp_path, check=False,
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_chapter(cifar, tmp_path) -> None:
    told = run(tmp_path, "12_chapter.py", str(cifar), "1")
    assert "11,173,962" in told  # ResNet-18's parameters, by the summary
    for version in (0, 1):
        assert (tmp_path / f"lightning_logs/version_{version}/curves.svg").is_file()


@pytest.mark.slow
def test_depth(tmp_path) -> None:
    told = run(tmp_path, "09_does_depth_help.py", "0.02")  # two steps
    assert told.splitlines()[0] == "not shown"
    assert (tmp_path / "runs/two-depths/figure.svg").is_file()


@pytest.mark.slow
def test_fine_tuning(tmp_path) -> None:
    told = run(tmp_path, "11_fine_tune.py", "0.1")
    assert [line.split()[:2] for line in told.splitlines()[-3:]] == [
        ["finetune", "done"], ["probe", "done"], ["scratch", "done"],
    ]  # fmt: skip


def test_there_are_twelve_examples_with_numbers() -> None:
    numbers = sorted(path.name[:2] for path in EXAMPLES.glob("[0-9]*.py"))
    assert numbers == [f"{i:02}" for i in range(1, 13)]


def test_examples_are_short() -> None:
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 40, path
