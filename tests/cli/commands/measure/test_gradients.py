"""`archlab gradients`, `responses`, `identity`, `shattered`: answers, pictures, wrong input."""

from __future__ import annotations

import json

import numpy
import pytest
import torch
from torch import nn

from archlab import zoo
from archlab.data.pictures import fitted
from archlab.data.sets import load_images
from archlab.errors import SpecError

QUICK = "--seeds 1 --batch 4"
GREY = """
from torch import nn


class Grey(nn.Sequential):
    input_shape = (1, 16, 16)

    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten())
"""
NETS = """
import torch
from torch import nn


class Frozen(nn.Linear):
    def __init__(self):
        super().__init__(4, 2)
        self.requires_grad_(False)


class Bare(nn.Module):
    input_shape = (4,)

    def forward(self, x):
        return torch.relu(x)


class One(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


class Explodes(nn.Sequential):
    def __init__(self):
        super().__init__(*(nn.Linear(4, 4) for _ in range(6)))

    def forward(self, x):
        for layer in self:
            x = layer(x) * 1e12
        return x


class Three(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))


class Four(nn.Sequential):
    def __init__(self):
        super().__init__(*(nn.Linear(4, 4) for _ in range(4)))
"""


@pytest.fixture
def nets(tmp_path):
    (tmp_path / "odd.py").write_text(NETS)
    return tmp_path


def document(cli, line):
    run = cli(f"{line} -f json")
    assert run.code == 0, run.err
    return json.loads(run.out)


def test_json_of_gradients(cli) -> None:
    found = document(cli, f"gradients resnet8 plain8 {QUICK}")
    assert found["schema"] == "archlab.gradients/1"
    assert found["model"] == "resnet8, plain8"
    assert list(found["totals"]) == ["resnet8", "plain8"]
    assert {"first_over_last", "growth_per_block", "theory"} <= set(found["totals"]["plain8"])
    row = found["rows"][0]
    assert list(row)[:8] == [
        "net", "seed", "block", "path", "stage", "activation_grad", "weight_grad", "grad_to_weight",
    ]  # fmt: skip
    assert len(found["rows"]) == 2 * 4
    header = " ".join(found["conventions"])
    for word in ("float64", "train", "seed", "natural spectrum", "cross-entropy", "float32"):
        assert word in header + found["mode"]
    assert found["build"].startswith("step 0")


def test_depths_and_conditions(cli) -> None:
    found = document(cli, f"gradients resnet56 plain --depths 8,14 --norm none {QUICK}")
    assert list(found["totals"]) == ["resnet8", "resnet14", "plain8", "plain14"]
    assert found["totals"]["plain14"]["theory"] == pytest.approx(1, abs=0.1)
    xavier = document(cli, f"gradients plain14 --norm none --init xavier --loss mse {QUICK}")
    assert xavier["totals"]["plain14"]["theory"] == pytest.approx(0.5, abs=0.1)
    assert "mean squared error" in " ".join(xavier["conventions"])


def test_chosen_layers(cli) -> None:
    found = document(cli, f"gradients resnet8 -l 'layer?' {QUICK}")
    assert [row["path"] for row in found["rows"]] == ["relu", "layer1", "layer2", "layer3"]


def test_the_same_line_gives_the_same_text(cli) -> None:
    first, second = (cli(f"gradients resnet8 --twin {QUICK}").out for _ in range(2))
    assert first == second
    assert "first ÷ last" in first
    assert "none of this decides whether a net trains" in first


@pytest.mark.parametrize(("name", "options"), [("resnet8", {}), ("googlenet", {"layout": "cifar"})])
def test_a_checkpoint_with_its_step(cli, tmp_path, name, options) -> None:
    net = zoo.build(name, **options)
    state = {f"model.{key}": value for key, value in net.state_dict().items()}
    torch.save({"state_dict": state, "global_step": 1500}, tmp_path / "run.ckpt")
    settings = " ".join(f"--set {key}={value}" for key, value in options.items())
    found = document(cli, f"gradients {name} {settings} --checkpoint run.ckpt {QUICK}")
    assert found["build"] == "weights of run.ckpt, step 1500"
    assert found["totals"][name]["theory"] is None


def test_images_of_a_folder(cli, tmp_path) -> None:
    from PIL import Image

    (tmp_path / "images").mkdir()
    for i in range(2):
        Image.new("RGB", (40, 30), (200, 30, 90 * i)).save(tmp_path / "images" / f"{i}.png")
    found = document(cli, f"gradients resnet8 --images images {QUICK}")
    assert "images of images" in " ".join(found["conventions"])


def test_images_of_a_set(cli, tmp_path) -> None:
    """The same eight images from the package, from a file and from a folder are the same batch."""
    from PIL import Image

    images = load_images("embedded")
    (tmp_path / "images").mkdir()
    for i, pixels in enumerate(images.train_images[:4]):
        Image.fromarray(pixels[0]).save(tmp_path / "images" / f"{i}.png")
    parts = {name: getattr(images, name) for name in
             ("train_images", "train_labels", "test_images", "test_labels")}  # fmt: skip
    numpy.savez(tmp_path / "own.npz", **parts)
    (tmp_path / "grey.py").write_text(GREY)
    lines = {}
    for source in ("embedded", "own.npz", "images"):
        found = document(cli, f"gradients grey.py:Grey --images {source} {QUICK}")
        assert f"images of {source}" in " ".join(found["conventions"])
        lines[source] = [row["activation_grad"] for row in found["rows"]]
    assert lines["embedded"] == lines["own.npz"] == lines["images"]
    made = document(cli, f"gradients grey.py:Grey {QUICK}")
    assert [row["activation_grad"] for row in made["rows"]] != lines["embedded"]


@pytest.mark.parametrize("size", [(1, 16, 16), (3, 16, 16), (3, 32, 32), (1, 8, 8)])
def test_pixels_are_made_to_fit(size) -> None:
    grey = torch.full((2, 1, 16, 16), 191.25)
    assert torch.equal(fitted(grey, size), torch.ones(2, *size))  # (0.75 - 0.5) / 0.25
    colours = torch.tensor([0.0, 127.5, 255.0]).view(1, 3, 1, 1).expand(2, 3, 16, 16)
    if size[0] == 1:
        torch.testing.assert_close(fitted(colours, size), torch.zeros(2, *size))
    with pytest.raises(SpecError, match="takes 4 channels"):
        fitted(colours, (4, 16, 16))


def test_few_layers_are_no_slope(cli, nets) -> None:
    found = document(cli, f"gradients odd.py:Three {QUICK} --by layer")
    (totals,) = found["totals"].values()
    assert totals["verdict"] == "3 layers: too few to judge"
    assert totals["growth_per_block"] is None
    assert totals["first_over_last"] > 0
    found = document(cli, f"gradients odd.py:Four {QUICK} --by layer")
    (totals,) = found["totals"].values()
    assert "too few" not in totals["verdict"]
    assert totals["growth_per_block"] > 0


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
@pytest.mark.parametrize(
    "line",
    [
        f"gradients resnet14 --twin {QUICK}",
        f"responses resnet8 --norm none {QUICK}",
        f"identity resnet8 {QUICK}",
        "shattered --depths 2,20 --seeds 2 --width 20",
    ],
)
def test_plots(cli, tmp_path, line, suffix) -> None:
    run = cli(f"{line} --plot depth.{suffix}")
    assert (run.code, run.err) == (0, f"wrote depth.{suffix}\n")
    start = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    assert (tmp_path / f"depth.{suffix}").read_bytes().startswith(start)
    assert run.out  # the table as well: it was measured once


def test_gradients_that_are_not_finite_are_shown(cli, nets) -> None:
    run = cli("gradients odd.py:Explodes --loss sum --batch 2 --seeds 1")
    assert run.code == 0
    assert "inf" in run.out
    assert "not finite from here on" in run.out
    found = document(cli, "gradients odd.py:Explodes --loss sum --batch 2 --seeds 1")
    assert found["status"] == "partial"


def test_batch_1_with_a_map_works_and_says_so(cli) -> None:
    assert "a single sample" in cli("gradients resnet8 --batch 1 --seeds 1").out


BAD = {
    "frozen": ("gradients odd.py:Frozen", "All 2 parameters of Frozen are frozen"),
    "no parameters": ("gradients odd.py:Bare --batch 2", "Bare has no parameters"),
    "loss of another shape": ("gradients odd.py:One --loss cross-entropy", "this one is 64x1"),
    "unknown loss": ("gradients resnet8 --loss crossentropy", "Did you mean cross-entropy?"),
    "batch 1": ("gradients odd.py:One --batch 1", "try --batch 2"),
    "checkpoint of another net": (
        "gradients resnet8 --checkpoint other.ckpt",
        "belongs to another model. Keys 44 missing from the file: conv1.weight",
    ),
    "checkpoint of another width": (
        "gradients resnet8 --checkpoint wide.ckpt",
        "of another shape: fc.weight (3x64 for 10x64)",
    ),
    "no checkpoint": ("gradients resnet8 --checkpoint none.ckpt", "no checkpoint none.ckpt"),
    "weights twice": ("gradients resnet8 --checkpoint other.ckpt --init xavier", "leave one out"),
    "unknown init": ("gradients resnet8 --init kaimin", "Did you mean kaiming?"),
    "unknown norm": ("gradients resnet8 --norm batchnorm", "Did you mean batch?"),
    "no norm to speak of": (
        "gradients torchvision:squeezenet1_1 --norm batch",
        "has no batch norm",
    ),
    "no branch": ("gradients plain8 --init zero-gamma", "no gamma to set to zero"),
    "no twin": ("gradients googlenet --set layout=cifar --twin --batch 2", "No shortcut was found"),
    "no identity": ("identity plain8 --batch 2", "No shortcut was found"),
    "no depth": ("gradients googlenet --depths 20", "'googlenet' has none"),
    "no number": ("gradients resnet8 --depths 20,x", "whole numbers joined by commas"),
    "depth of no net": ("gradients resnet56 --depths 19", "not 6n + 2"),
    "no device": ("gradients resnet8 --device tpux", "Examples: cpu, cuda"),
    "no layer": ("gradients resnet8 --layer layer9", "has no module 'layer9'"),
    "no seeds": ("gradients resnet8 --seeds 0", "--seeds 0: a whole number of 1 or more"),
    "images and noise": ("gradients resnet8 --images . --noise", "exclude each other"),
    "no images": ("gradients resnet8 --images nowhere", "is no folder, .npz file or known set"),
    "typo of a set": ("gradients resnet8 --images embeded", "Did you mean embedded?"),
    "a set that is not there": ("identity resnet8 --images cifar10", "CIFAR-10 is not in .data"),
    "picture": ("gradients resnet8 --plot x.bmp", "names no picture format"),
    "unknown grain": ("gradients resnet8 --by blok", "Did you mean block?"),
    "scales": ("shattered --scales 0,x", "positive numbers"),
    "shattered norm": ("shattered --norm layer", "Allowed: batch, none, both"),
    "no model": ("responses", "Missing argument"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(cli, nets, name) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), nets / "other.ckpt")
    torch.save(zoo.build("resnet8", num_classes=3).state_dict(), nets / "wide.ckpt")
    line, message = BAD[name]
    run = cli(line)
    assert run.code == 2, run
    assert message in run.err.replace("\n", " ")
    assert run.out == ""
    assert "Traceback" not in run.err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none(cli) -> None:
    run = cli("gradients resnet8 --device cuda")
    assert (run.code, "sees no CUDA device" in run.err) == (2, True)
