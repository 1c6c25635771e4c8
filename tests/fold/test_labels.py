"""The shape on an edge is the one that leaves the box: held against torch's forward hooks."""

from copy import deepcopy
from math import prod

import pytest
import small_nets
import torch
from hooked import Inputs, leaving
from torch import nn

import archlab
from archlab import zoo
from archlab.fold import Role, Wish, fold
from archlab.fold.drawing import Box, Drawing
from archlab.ir.graph import Graph

IMAGE = (3, 16, 16)
FLOAT = 4  # bytes of a float32, which is what all modules of these nets return
SMALL = {
    "UNet": IMAGE, "Detector": IMAGE, "Pyramid": IMAGE, "ChannelsLast": IMAGE, "Mixer": IMAGE,
    "Gate": IMAGE, "Sound": (1, 40), "Volume": (2, 8, 8, 8), "Clip": (5, 3, 12, 12),
    "Tagger": (12,), "Experts": (10,),
}  # fmt: skip
IDS = ("Tagger", "Experts", "StepsFirst")
LARGE = {
    "resnet18": (3, 64, 64), "googlenet": (3, 64, 64), "densenet121": (3, 64, 64),
    "swin_t": (3, 224, 224), "vit_b_16": (3, 224, 224), "mobilenet_v3_large": (3, 64, 64),
    "convnext_tiny": (3, 64, 64), "maxvit_t": (3, 224, 224), "inception_v3": (3, 96, 96),
    "shufflenet_v2_x1_0": (3, 64, 64), "video.r3d_18": (3, 8, 32, 32),
    "video.mvit_v2_s": (3, 16, 224, 224), "segmentation.fcn_resnet50": (3, 64, 64),
}  # fmt: skip
WISHES = (Wish(), Wish(depth=1), Wish(depth=2), Wish(boxes=300))


def small(name: str) -> nn.Module:
    return getattr(small_nets, name)().eval()


def large(name: str) -> nn.Module:
    from torchvision import models

    place, _, name = name.rpartition(".")
    build = getattr(getattr(models, place), name) if place else getattr(models, name)
    more = {"weights_backbone": None} if place == "segmentation" else {}
    more |= {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        return build(weights=None, **more).eval()


def modules(drawing: Drawing) -> dict[str, Box]:
    """Return the boxes that stand for one module each, whose id is the module's path then."""
    parts = ("one turn", " steps")  # of a module
    return {
        box.id: box
        for box in drawing.boxes
        if box.path and box.id.partition("~")[0] == box.path and not box.title.endswith(parts)
    }


def wrong(graph: Graph, drawing: Drawing, truth: dict[str, set[tuple[int, ...]]]) -> list[str]:
    boxes, faults = modules(drawing), []
    for edge in drawing.edges:
        box = boxes.get(edge.tail)
        if box is None or box.path not in truth or edge.role == Role.REPEAT:
            continue
        # Of several modules in one box, the last one's output leaves it.
        paths = {graph.nodes[node].path for node in box.nodes} if box.fused else {box.path}
        known = set().union(*(truth.get(path, ()) for path in paths))
        if edge.shape not in known:
            faults.append(f"{edge.tail} -> {edge.head}: {edge.shape}, not in {known}")
        if edge.bytes != FLOAT * prod(edge.shape):
            faults.append(f"{edge.tail} -> {edge.head}: {edge.bytes} bytes of {edge.shape}")
        # A map has the sizes that leave its module, the channels first.
        if box.makes and sorted(box.makes) not in [sorted(shape) for shape in known]:
            faults.append(f"{box.id} makes {box.makes}, not one of {known}")
    return faults


def labels(drawing: Drawing) -> list[object]:
    words = [(box.id, box.wide, box.name, box.note) for box in drawing.boxes]
    return [(e.tail, e.head, e.shape, e.read, e.changed) for e in drawing.edges] + words


def compare(net: nn.Module, inputs: Inputs, *, batched: bool = True) -> None:
    """Hold the labels of a net against its hooks, and those of a batch of 1 against one of 8."""
    copy = deepcopy(net).to("meta")
    truth = leaving(copy, lambda batch: inputs(batch).to("meta"), batched=batched)
    batches = (1, 8) if batched else (1,)
    graphs = [archlab.trace(archlab.load(net, input=inputs(batch))) for batch in batches]
    for wish in WISHES:
        drawings = [fold(graph, wish) for graph in graphs]
        for graph, drawing in zip(graphs, drawings, strict=True):
            assert not wrong(graph, drawing, truth), wish
        assert labels(drawings[0]) == labels(drawings[-1]), wish


@pytest.mark.parametrize("name", SMALL)
def test_labels_of_small_nets_are_what_hooks_say(name: str) -> None:
    kind = torch.int64 if name in IDS else torch.float32
    compare(small(name), lambda batch: torch.zeros(batch, *SMALL[name], dtype=kind))


def test_a_batch_may_be_the_second_axis() -> None:
    compare(small("StepsFirst"), lambda batch: torch.zeros(7, batch, dtype=torch.int64))


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (small_nets.Single(), IMAGE),
        (nn.Sequential(nn.LSTM(4, 5)), (7, 4)),
        (nn.TransformerEncoderLayer(16, 2, 32), (7, 16)),
        (nn.Sequential(nn.Linear(32, 5), nn.ReLU()), (32,)),
    ],
)
def test_a_sample_without_a_batch_keeps_all_its_axes(net: nn.Module, shape: tuple) -> None:
    compare(net.eval(), lambda _: torch.zeros(shape), batched=False)
    graph = archlab.trace(archlab.load(net, input=torch.zeros(shape)))
    assert fold(graph).edges[0].shape == shape


@pytest.mark.parametrize("name", LARGE)
def test_labels_of_torchvisions_models_are_what_hooks_say(name: str) -> None:
    compare(large(name), lambda batch: torch.empty(batch, *LARGE[name], device="meta"))


@pytest.mark.parametrize("name", zoo.names())
def test_labels_of_the_zoo_are_what_hooks_say(name: str) -> None:
    net = archlab.load(name).module.to("meta").eval()
    compare(net, lambda batch: torch.empty(batch, 3, 64, 64, device="meta"))
