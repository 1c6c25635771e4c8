"""All nets of pycls's table: parameters, MACs and activations, exact.

Two conventions differ, and are taken into account: pycls counts the bias of every layer that has
one (the classifier's, those of squeeze-and-excitation) as one operation an output, and what the
pool of a stem puts out as activations.
"""

import json
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import archlab
from archlab.analyze.layers import activations
from archlab.ir.kinds import ConvAttrs, Kind

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # timm scripts functions at import, which torch deprecates
    pytest.importorskip("timm")

TABLE = json.loads((Path(__file__).parent / "pycls_complexity.json").read_text())
NAMES = [name for name in TABLE if name.endswith(".yaml")]
GROUPS = {"groups": 32, "width_per_group": 4}
# The same architectures elsewhere: model, image side, constructor arguments.
SAME: dict[str, tuple[str, int, dict[str, Any]]] = {
    "R-56": ("resnet56", 32, {"shortcut": "B"}),
    "V-56": ("plain56", 32, {}),
    "R-50-1x64d": ("torchvision:resnet50", 224, {}),
    "R-101-1x64d": ("torchvision:resnet101", 224, {}),
    "X-50-32x4d": ("torchvision:resnet50", 224, GROUPS),
    "X-101-32x4d": ("torchvision:resnet101", 224, GROUPS),
    "EN-B0": ("torchvision:efficientnet_b0", 224, {}),
    "EN-B2": ("torchvision:efficientnet_b2", 260, {}),
    "EN-B3": ("torchvision:efficientnet_b3", 300, {}),
    "EN-B5": ("torchvision:efficientnet_b5", 456, {}),
}


def same(name: str) -> tuple[str, int, dict[str, Any]]:
    """Return the net of a file `NAME_schedule.yaml`; RegNetX-1.6GF is timm's regnetx_016."""
    short = Path(name).name.partition("_")[0]
    if short in SAME:
        return SAME[short]
    family, size, unit = re.fullmatch(r"RegNet(X|Y)-([\d.]+)(MF|GF)", short).groups()
    hundreds = round(float(size) * {"MF": 0.01, "GF": 10}[unit])
    return f"timm:regnet{family.lower()}_{hundreds:03}", 224, {}


@cache
def measured(model: str, side: int, options: tuple[tuple[str, Any], ...]) -> dict[str, int]:
    loaded = archlab.load(model, input=(1, 3, side, side), **dict(options))
    cost, graph = archlab.flops(loaded), loaded.trace()
    assert cost.status == "complete"
    biases = sum(graph.tensors[node.outputs[0]].numel for node in graph.nodes if has_bias(node))
    pools = (node for node in graph.nodes if node.kind == Kind.POOL and not node.attrs.adaptive)
    pooled = sum(graph.tensors[node.outputs[0]].numel for node in pools)
    return {
        "params": archlab.params(loaded).totals.params,
        "flops": cost.totals.macs + biases,
        "acts": activations(graph) + pooled,
    }


def has_bias(node: Any) -> bool:
    if isinstance(node.attrs, ConvAttrs):
        return node.attrs.bias
    return node.op == "aten.addmm"


@pytest.mark.parametrize("name", NAMES)
def test_published_net(name: str) -> None:
    model, side, options = same(name)
    assert measured(model, side, tuple(options.items())) == TABLE[name]


def test_every_net_is_tested() -> None:
    assert len(NAMES) == 43  # and the date of the table
