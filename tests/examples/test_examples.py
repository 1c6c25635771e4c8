"""The examples that train run on few images, for few steps; pages of the docs run the others."""

import os
import runpy
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"


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


@pytest.fixture
def run_here(one_process, tmp_path, monkeypatch, capsys):
    """Run an example, and the runs that it starts, in this process."""
    monkeypatch.chdir(tmp_path)

    def run_example(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run_example


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Lightning's, about a tiny data set and few workers
def test_the_chapter(cifar, run_here, tmp_path) -> None:
    try:
        with mock.patch.dict(os.environ):  # Lightning sets variables
            text = run_here("12_chapter.py", str(cifar), "1")
    finally:
        torch.use_deterministic_algorithms(mode=False)  # the example asks for them
    assert "11,173,962" in text  # ResNet-18's parameters, by the summary
    for version in (0, 1):
        assert (tmp_path / f"lightning_logs/version_{version}/curves.svg").is_file()


@pytest.mark.slow
def test_depth(run_here, tmp_path) -> None:
    text = run_here("09_does_depth_help.py", "0.02")  # two steps
    assert text.splitlines()[0] == "not trained enough to tell"  # after two steps
    assert (tmp_path / "runs/two-depths/figure.svg").is_file()


@pytest.mark.slow
def test_fine_tuning(run_here) -> None:
    text = run_here("11_fine_tune.py", "0.1")
    assert [line.split()[:2] for line in text.splitlines()[-3:]] == [
        ["finetune", "done"], ["probe", "done"], ["scratch", "done"],
    ]  # fmt: skip


def test_the_nets_to_draw_give_maps_of_their_strides() -> None:
    nets = runpy.run_path(str(EXAMPLES / "13_nets_to_draw.py"))
    images = torch.rand(2, 3, 64, 96)
    detector = nets["Detector"](width=4, classes=5).eval()
    sizes = [(2, 64 + 5, 64 // stride, 96 // stride) for stride in (8, 16, 32)]
    assert [tuple(out.shape) for out in detector(images)] == sizes
    sizes = [(2, 16, 64 // stride, 96 // stride) for stride in (32, 16, 8, 4)]
    assert [tuple(out.shape) for out in nets["Pyramid"](width=16).eval()(images)] == sizes


def test_a_token_is_worked_on_by_the_two_experts_it_likes_best() -> None:
    torch.manual_seed(0)
    nets = runpy.run_path(str(EXAMPLES / "13_nets_to_draw.py"))
    assert nets["Experts"](words=7, width=8)(torch.tensor([[1, 2, 3]])).shape == (1, 3, 7)
    block, x = nets["Block"](8).eval(), torch.rand(1, 5, 8)
    y = block.norm1(x)
    expected = x + block.attention(y, y, y, need_weights=False)[0]
    for i, token in enumerate(block.norm2(expected)[0]):
        gates = block.router(token).softmax(-1)
        for best in gates.argsort()[-2:].tolist():
            expected[0, i] = expected[0, i] + gates[best] * block.experts[best](token)
    torch.testing.assert_close(block(x), expected)


def test_there_are_thirteen_examples_with_numbers() -> None:
    numbers = sorted(path.name[:2] for path in EXAMPLES.glob("[0-9]*.py"))
    assert numbers == [f"{i:02}" for i in range(1, 14)]


def test_examples_are_short() -> None:
    """Those that teach one thing; one holds three nets, one draws the gallery."""
    longer = {"13_nets_to_draw.py": 200, "gallery.py": 80}
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) <= longer.get(path.name, 40), path
