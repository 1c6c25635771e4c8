"""The net of a run in Python and in files; what is no trained run is refused."""

from dataclasses import replace

import pytest
import torch

import archlab
from archlab.data.sets import load_images
from archlab.errors import DataError, OptionError, RunError, SpecError, WriteError
from archlab.runs import record
from archlab.runs.recipe import RECIPES

NET = """
from torch import nn

def net(num_classes=10):
    return nn.Sequential(nn.Conv2d(3, 4, 16), nn.Flatten(), nn.Linear(4, num_classes))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two steps on the embedded images."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    recipe = replace(RECIPES["demo"], steps=2, widths=(4, 4, 4))
    archlab.train_model("resnet8", recipe=recipe, out=folder)
    return folder


def test_the_loaded_net_is_the_one_that_was_tested(run) -> None:
    net = archlab.load_model(run)
    assert not net.training
    content = torch.load(run / record.CHECKPOINT, weights_only=True)["state_dict"]
    assert all(torch.equal(value, content[f"model.{name}"])
               for name, value in net.state_dict().items())  # fmt: skip
    # The same images by hand: the share of right answers is that of `evaluate_model`.
    data = archlab.ImageData("embedded", RECIPES["demo"])
    pixels, labels = data.part("test")
    with torch.no_grad():
        right = (net(data.normalizer(pixels)).argmax(1) == labels).sum()
    assert int(right) == archlab.evaluate_model(run).totals.right


def test_averaged_weights_are_preferred(run, tmp_path) -> None:
    content = torch.load(run / record.CHECKPOINT, weights_only=True)
    last = {name: value for name, value in content["state_dict"].items()
            if name.startswith("model.")}  # fmt: skip
    averaged = {name.replace("model.", "average.", 1): value + 1 for name, value in last.items()}
    content["state_dict"] = {**averaged, **content["state_dict"]}
    torch.save(content, tmp_path / "both.ckpt")
    net = archlab.load_model(tmp_path / "both.ckpt")
    for name, value in net.state_dict().items():
        assert torch.equal(value, averaged[f"average.{name}"])


def test_the_file_lies_in_the_run_and_has_the_shape_of_its_images(run, tmp_path) -> None:
    path = archlab.export_model(run, to="pt2")
    assert path == run / "model.pt2"
    images = torch.randn(3, 1, 16, 16)
    net = archlab.load_model(run)
    with torch.no_grad():
        torch.testing.assert_close(torch.export.load(path).module()(images), net(images))
    # The suffix names the format; another size of image is a net for that size.
    other = archlab.export_model(run / record.CHECKPOINT, out=tmp_path / "a.pt2", input="1x32x24")
    assert torch.export.load(other).module()(torch.zeros(1, 1, 32, 24)).shape == (1, 10)


def test_grey_images_are_repeated_for_a_net_of_colours(tmp_path) -> None:
    (tmp_path / "net.py").write_text(NET)
    spec = f"{tmp_path / 'net.py'}:net"
    archlab.train_model(spec, recipe=replace(RECIPES["demo"], steps=1), out=tmp_path / "run")
    with pytest.raises(RunError, match="add model="):
        archlab.export_model(tmp_path / "run", to="pt2")
    path = archlab.export_model(tmp_path / "run", to="pt2", model=spec)
    assert torch.export.load(path).module()(torch.zeros(5, 3, 16, 16)).shape == (5, 10)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({}, OptionError, "No format: give to with one of onnx, pt2, safetensors"),
        ({"to": "onxn"}, OptionError, "to='onxn' is unknown. Did you mean onnx"),
        ({"out": "net.bin"}, OptionError, "to='bin' is unknown"),
        ({"to": "pt2", "out": "net.onnx"}, OptionError, "a file of to='pt2' ends in .pt2"),
        ({"to": "pt2", "input": "16x16"}, OptionError, "channels, height and width"),
        ({"to": "pt2", "input": "3xyx3"}, SpecError, "is not a shape"),
        ({"to": "safetensors", "input": "1x8x8"}, OptionError, "for any size of image"),
        ({"out": "nowhere/net.pt2"}, WriteError, "nowhere/net.pt2 cannot be written"),
    ],
)
def test_what_cannot_be_exported_so(run, tmp_path, monkeypatch, keywords, error, message) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(run.iterdir())
    with pytest.raises(error, match=message):
        archlab.export_model(run, **keywords)
    assert sorted(run.iterdir()) == before
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_not_trained(run, tmp_path) -> None:
    record.write_plan(tmp_path / "planned", record.read_plan(run))
    for ask in (archlab.load_model, archlab.export_model):
        keywords = {"to": "pt2"} if ask is archlab.export_model else {}
        with pytest.raises(RunError, match="planned is not trained yet: it holds no "):
            ask(tmp_path / "planned", **keywords)


def test_a_checkpoint_without_its_images_needs_their_size(run, tmp_path) -> None:
    alone = tmp_path / "alone.ckpt"
    alone.write_bytes((run / record.CHECKPOINT).read_bytes())
    with pytest.raises(OptionError, match="does not lie in a run's folder: give input"):
        archlab.export_model(alone, to="pt2")
    plan = replace(record.read_plan(run), data=str(tmp_path / "gone.npz"))
    record.write_plan(tmp_path, plan)
    with pytest.raises(DataError, match="without the images, give input with the sizes of one"):
        archlab.export_model(alone, to="pt2")
    path = archlab.export_model(alone, to="pt2", input=load_images("embedded").shape)
    assert path == tmp_path / "alone.pt2"
