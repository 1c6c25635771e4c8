"""Drawings of the same nets by torchview, torchviz and archlab, as a Markdown table.

    python tests/benchmarks/peers.py            # all, in a minute or two

Boxes are nodes of the DOT text; the size is that of the SVG at 72 dots an inch; CPU seconds are
from the built module to the SVG, layout in a child process included, the same Graphviz for all.
"""

from __future__ import annotations

import re
import resource
import sys
import warnings
from collections.abc import Callable

import torch
import torchvision

import archlab

MODELS = ("resnet18", "resnet152", "googlenet", "vit_b_16", "densenet121")


def by_torchview(net: torch.nn.Module) -> str:
    from torchview import draw_graph

    graph = draw_graph(net, input_size=(1, 3, 224, 224), device="meta", expand_nested=True)
    return graph.visual_graph.source


def by_torchviz(net: torch.nn.Module) -> str:
    from torchviz import make_dot

    output = net(torch.zeros(1, 3, 224, 224))
    return make_dot(output, params=dict(net.named_parameters())).source


def by_archlab(net: torch.nn.Module) -> str:
    return archlab.render(archlab.load(net, input="3x224x224")).svg


TOOLS: dict[str, Callable[[torch.nn.Module], str]] = {
    "torchview": by_torchview,
    "torchviz": by_torchviz,
    "archlab": by_archlab,
}


def cpu() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in usage)


def boxes(dot: str) -> int:
    names = re.findall(r'^\s*"?([\w.]+)"? \[', dot, re.MULTILINE)
    other = {"node", "edge", "graph"}
    return len({name for name in names if name not in other and not name.startswith("lane")})


def measured(draw: Callable[[torch.nn.Module], str], net: torch.nn.Module) -> tuple[str, ...]:
    start = cpu()
    from pygraphviz import AGraph  # here: torch first

    text = draw(net)
    # Ours is an SVG already; the others leave the layout to Graphviz.
    own = text.startswith("<svg")
    svg = text if own else AGraph(string=text).draw(format="svg", prog="dot").decode()
    count = svg.count('class="node box') if own else boxes(text)
    size = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert size is not None
    return (
        str(count),
        f"{float(size[1]):.0f} × {float(size[2]):.0f}",
        f"{len(svg) / 1000:.0f} kB",
        f"{cpu() - start:.1f}",
    )


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, CPU, one thread")
    print("| model | tool | boxes | points | SVG | CPU s |\n|---|---|---:|---:|---:|---:|")
    for name in sys.argv[1:] or MODELS:
        options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
        for tool, draw in TOOLS.items():
            net = torchvision.models.get_model(name, weights=None, **options).eval()
            draw(torchvision.models.get_model("alexnet").eval()) if name == MODELS[0] else None
            print(f"| {name} | {tool} | {' | '.join(measured(draw, net))} |", flush=True)


if __name__ == "__main__":
    main()
