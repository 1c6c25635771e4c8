"""Pictures of the same nets by archlab, an older archlab and torchview, at one height.

    git worktree add /tmp/old f07d9f5
    python tests/benchmarks/beside.py /tmp/old docs/figures/beside [NAME …]

Writes one PNG a net. Each tool draws at its defaults, archlab on white (`--theme light`), and its
picture is scaled to HEIGHT, whatever its size. torchview's graph is laid out by pygraphviz.
"""

from __future__ import annotations

import os
import platform
import runpy
import shlex
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import timm
import torch
import torchvision
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT, GAP, LABEL, TEXT = 1480, 640, 48, 36, 22  # pixels
IMAGE = "3x224x224"
NETS = {
    "googlenet": ("torchvision:googlenet", IMAGE),
    "resnet18": ("torchvision:resnet18", IMAGE),
    "resnet50": ("torchvision:resnet50", IMAGE),
    "resnet152": ("torchvision:resnet152", IMAGE),
    "inception_v3": ("torchvision:inception_v3", "3x299x299"),
    "densenet121": ("torchvision:densenet121", IMAGE),
    "mobilenet_v3_large": ("torchvision:mobilenet_v3_large", IMAGE),
    "hrnet": ("timm:hrnet_w18", IMAGE),
    "vit_b_16": ("torchvision:vit_b_16", IMAGE),
    "swin_t": ("torchvision:swin_t", IMAGE),
    "maxvit_t": ("torchvision:maxvit_t", IMAGE),
    "r3d_18": ("torchvision:r3d_18", "3x16x112x112"),
    "fasterrcnn": ("torchvision:fasterrcnn_resnet50_fpn", "3x256x256"),
    "pyramid": ("examples/13_nets_to_draw.py:Pyramid", IMAGE),
    "u-net": ("examples/03_u_net.py:UNet", "3x128x128"),
    "detector": ("examples/13_nets_to_draw.py:Detector", "3x320x320"),
}


def by_archlab(net: str, size: str, tree: Path, path: Path) -> None:
    command = ["archlab", "render", net, "--input", size, "--theme", "light", "--out", str(path)]
    print(f"PYTHONPATH={tree} {shlex.join(command)}", flush=True)
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    # -P: Python would look for archlab in the current folder first.
    subprocess.run([sys.executable, "-P", "-m", *command], cwd=ROOT, env=environment, check=True)


def by_torchview(net: str, size: str, path: Path) -> None:
    from pygraphviz import AGraph  # here: torch first
    from torchview import draw_graph

    place, _, name = net.rpartition(":")
    if place == "torchvision":
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        options |= {"weights_backbone": None} if "rcnn" in name else {}
        module = torchvision.models.get_model(name, weights=None, **options)
    elif place == "timm":
        module = timm.create_model(name)
    else:
        module = runpy.run_path(str(ROOT / place))[name]()
    shape = (1, *map(int, size.split("x")))
    graph = AGraph(string=draw_graph(module.eval(), input_size=shape).visual_graph.source)
    print(f"draw_graph({net}, input_size={shape})", flush=True)
    graph.layout("dot")
    points = float(graph.graph_attr["bb"].split(",")[3])
    graph.graph_attr["dpi"] = str(min(96.0, 4 * HEIGHT / points * 72))  # finer is scaled away
    graph.draw(str(path))


def side_by_side(pictures: dict[str, Path]) -> Image.Image:
    """Scale all to one height and put each below its name, on sheets of one width."""
    from matplotlib.font_manager import findfont

    font = ImageFont.truetype(findfont("DejaVu Sans"), TEXT)
    Image.MAX_IMAGE_PIXELS = None
    scaled = []
    for path in pictures.values():
        picture = Image.open(path).convert("RGB")
        share = min(HEIGHT / picture.height, WIDTH / 2 / picture.width)
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        scaled.append(picture.resize(size, Image.Resampling.LANCZOS))
    widths = [
        max(picture.width, round(font.getlength(name))) + GAP
        for name, picture in zip(pictures, scaled, strict=True)
    ]
    spare = max(0, WIDTH - sum(widths)) // len(widths)
    widths = [width + spare for width in widths]
    sheet = Image.new("RGB", (max(WIDTH, sum(widths)), LABEL + HEIGHT), "white")
    pen, left = ImageDraw.Draw(sheet), 0
    for name, picture, width in zip(pictures, scaled, widths, strict=True):
        pen.text((left + width / 2, LABEL / 2), name, "#333", font, anchor="mm")
        sheet.paste(picture, (left + (width - picture.width) // 2, LABEL))
        left += width
    return sheet


def main() -> None:
    warnings.simplefilter("ignore")
    old, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "-C", old, "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    names = ("torch", "torchvision", "torchview", "pygraphviz")
    print(f"Python {platform.python_version()},", *(f"{name} {version(name)}," for name in names))
    for name in sys.argv[3:] or NETS:
        with tempfile.TemporaryDirectory() as kept:
            titles = ("archlab", f"archlab before ({commit})", f"torchview {version('torchview')}")
            paths = {title: Path(kept) / f"{i}.png" for i, title in enumerate(titles)}
            today, before, other = paths.values()
            by_archlab(*NETS[name], ROOT, today)
            by_archlab(*NETS[name], old, before)
            by_torchview(*NETS[name], other)
            sheet = side_by_side(paths)
        sheet = sheet.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2)  # keeps rare colours
        sheet.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
