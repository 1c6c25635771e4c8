"""Files of trained nets: what other programs read from them is what the net says."""

import io
import json
import struct
import sys

import pytest
import torch
from torch import nn

from archlab import zoo
from archlab.errors import DependencyError, TraceError
from archlab.train.export import FORMATS, exported

SHAPE = (1, 16, 16)
ABOUT = {"spec": "resnet8", "options": {"widths": (4, 4, 4)}}


class Heads(nn.Module):
    """Gives the scores of an auxiliary head in eval mode too, as the net of the course does."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(256, 3), nn.Linear(256, 3)

    def forward(self, x):
        return self.first(x.flatten(1)), self.second(x.flatten(1))


class Branches(nn.Module):
    """Goes another way for bright images, which no graph of operators can say."""

    def forward(self, x):
        return x.flatten(1) if x.sum() > 0 else -x.flatten(1)


def small() -> nn.Module:
    """A net with statistics of its own, so that eval mode shows."""
    torch.manual_seed(0)
    net = zoo.build("resnet8", in_channels=1, widths=(4, 4, 4))
    for _ in range(3):
        net(torch.randn(8, *SHAPE) + 1)
    return net


def scores(net: nn.Module, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        output = net.eval()(images)
    return output[0] if isinstance(output, tuple) else output


@pytest.mark.parametrize("make", [small, Heads])
def test_pt2_gives_the_scores_for_any_number_of_images(make) -> None:
    net = make().train()
    program = torch.export.load(io.BytesIO(exported(net, "pt2", SHAPE, {}))).module()
    for count in (1, 2, 7):
        images = torch.randn(count, *SHAPE)
        torch.testing.assert_close(program(images), scores(net, images), atol=1e-5, rtol=0)


@pytest.mark.parametrize("make", [small, Heads])
def test_onnx_gives_the_scores_for_any_number_of_images(make) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    net = make().train()
    session = runtime.InferenceSession(exported(net, "onnx", SHAPE, {}))
    (given,), (answered,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("images", ["batch", *SHAPE])
    assert (answered.name, answered.shape[0]) == ("scores", "batch")
    for count in (1, 2, 7):
        images = torch.randn(count, *SHAPE)
        (found,) = session.run(None, {"images": images.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), scores(net, images), atol=1e-4, rtol=0)


def test_safetensors_holds_every_tensor_and_how_the_net_is_built() -> None:
    pytest.importorskip("safetensors")
    net = small().to(memory_format=torch.channels_last)
    content = exported(net, "safetensors", SHAPE, ABOUT)
    # As the format is specified: the length of a JSON header, the header, the tensors.
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    about = header.pop("__metadata__")
    assert about["format"] == "pt"
    assert json.loads(about["archlab"]) == {"spec": "resnet8", "options": {"widths": [4, 4, 4]}}
    state = net.state_dict()
    assert header.keys() == state.keys()
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        kind = {"F32": torch.float32, "I64": torch.int64}[entry["dtype"]]
        values = torch.frombuffer(bytearray(content[begin:end]), dtype=kind)
        assert torch.equal(values.view(entry["shape"]), state[name])


def test_tied_weights_are_written_in_full() -> None:
    saved = pytest.importorskip("safetensors.torch")
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    tensors = saved.load(exported(net, "safetensors", SHAPE, {}))
    assert torch.equal(tensors["0.weight"], tensors["1.weight"])


@pytest.mark.parametrize(
    ("to", "module"),
    [("onnx", "onnx"), ("onnx", "onnxscript"), ("safetensors", "safetensors.torch")],
)
def test_a_package_that_is_absent_is_named(monkeypatch, to, module) -> None:
    if module == "onnxscript":
        pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, module, None)
    package = module.partition(".")[0]
    with pytest.raises(DependencyError, match=rf"{package} is not .* pip install (\w+ )?{package}"):
        exported(small(), to, SHAPE, {})


@pytest.mark.parametrize("to", ["pt2", "onnx"])
def test_a_net_that_is_no_graph_is_refused(to) -> None:
    if to == "onnx":
        pytest.importorskip("onnxscript")
    with pytest.raises(TraceError, match=f"Branches cannot be exported to {to}: "):
        exported(Branches(), to, SHAPE, {})


def test_each_format_is_tested_here() -> None:
    assert set(FORMATS) == {"onnx", "pt2", "safetensors"}
