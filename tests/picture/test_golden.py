"""Ten pictures against golden files; `nox -s golden` accepts new ones after a look at them.

A golden file holds ids, classes, tooltips and words in order, and the SVG's hash.
"""

import hashlib
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import archlab

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "googlenet": lambda: archlab.render("googlenet"),
    "googlenet-train": lambda: archlab.render(
        archlab.load("googlenet", batch=2), mode="train", direction="LR"
    ),
    "resnet18-macs": lambda: archlab.render("resnet18", color_by="macs"),
    "resnet56-field": lambda: archlab.render("resnet56", color_by="receptive-field", theme="dark"),
    "resnet152": lambda: archlab.render("resnet152", boxes=25),
    "vit_b_16": lambda: archlab.render("torchvision:vit_b_16"),
    "densenet121": lambda: archlab.render("torchvision:densenet121"),
    "alexnet-volumes": lambda: archlab.render("torchvision:alexnet", style="volumes"),
    "resnet20-volumes": lambda: archlab.render("resnet20", style="volumes", color_by="memory"),
    "plain20-resnet20": lambda: archlab.render_diff("plain20", "resnet20", theme="print"),
}


def skeleton(svg: str) -> str:
    lines = []
    for item in ET.fromstring(svg).iter():
        kind = item.tag.rpartition("}")[2]
        if kind == "g":
            lines.append(f"{item.get('class')} {item.get('id')}")
        elif kind in ("text", "title"):
            lines.append(f"  {(item.text or '').strip()!r}")
    return "\n".join(lines)


@pytest.mark.parametrize("name", CASES)
def test_golden(name) -> None:
    svg = CASES[name]().svg
    digest = hashlib.sha256(svg.encode()).hexdigest()
    text = f"sha256 {digest}\n{skeleton(svg)}\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("ARCHLAB_ACCEPT"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text)
    wanted, *rest = path.read_text().splitlines()
    assert skeleton(svg).splitlines() == rest
    assert f"sha256 {digest}" == wanted
