"""Draw the gallery: `python examples/gallery.py docs/figures/gallery [NAME …]`.

Each net becomes an SVG, the whole drawing, and a PNG of one small size, to lay out as tiles.
"""

import shlex
import subprocess
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
TILE = (440, 640)  # pixels: twice what the page shows, for fine screens
EXAMPLES = ("06_receptive_field", "07_draw")  # they write the picture they are given
OWN = "examples/13_nets_to_draw.py"
GALLERY = {
    "googlenet": "googlenet --mode train --batch 2",
    "inception": "googlenet --expand inception4c --boxes 30",
    "inception_v3": "torchvision:inception_v3",
    "resnet18": "resnet18 --color-by macs",
    "resnet50": "torchvision:resnet50 --color-by receptive-field",
    "resnet152": "torchvision:resnet152",
    "plain56": "plain56",
    "resnet56": "resnet56",
    "backward": "resnet20 --view autograd --boxes 24",
    "twins": "plain20 resnet20 --diff",
    "twins34": "plain34 resnet34 --diff",
    "densenet121": "torchvision:densenet121",
    "mobilenet_v3_large": "torchvision:mobilenet_v3_large",
    "hrnet": "timm:hrnet_w18",
    "vit_b_16": "torchvision:vit_b_16",
    "swin_t": "torchvision:swin_t",
    "insets": "torchvision:swin_t --insets",
    "maxvit_t": "torchvision:maxvit_t",
    "fasterrcnn": "torchvision:fasterrcnn_resnet50_fpn --input 3x256x256",
    "retinanet": "torchvision:retinanet_resnet50_fpn --input 3x256x256 --boxes 36",
    "raft_small": "torchvision:raft_small",
    "r3d_18": "torchvision:r3d_18",
    "u-net": "examples/03_u_net.py:UNet --input 3x128x128",
    "volumes": "torchvision:vgg16 --style volumes",
    "resnet18-volumes": "resnet18 --style volumes",
    "u-net-volumes": "examples/03_u_net.py:UNet --input 3x128x128 --style volumes",
    "lstm": "examples/04_tagger.py:Tagger --input ids=1x20:int64",
    "detector": f"{OWN}:Detector --input 3x320x320",
    "pyramid": f"{OWN}:Pyramid --input 3x224x224",
    "experts": f"{OWN}:Experts --input ids=1x64:int64",
}


def tile(path: Path) -> None:
    """Scale a picture to fit a tile; what the picture leaves free is transparent."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail(TILE, Image.Resampling.LANCZOS)
    picture = picture.quantize(255, Image.Quantize.MAXCOVERAGE, kmeans=2)  # rare colours, too
    whole = Image.new("P", TILE, 255)
    whole.putpalette([*picture.getpalette()[: 3 * 255], 0, 0, 0])  # the last is transparent
    whole.paste(picture, ((TILE[0] - picture.width) // 2, (TILE[1] - picture.height) // 2))
    whole.save(path, transparency=255, optimize=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "gallery")
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or (*GALLERY, *EXAMPLES):
        drawing, picture = (folder / f"{name}.{kind}" for kind in ("svg", "png"))
        if name in EXAMPLES:
            subprocess.run([sys.executable, str(HERE / f"{name}.py"), str(picture)], check=True)
            Image.open(picture).convert("RGB").quantize(256).save(picture, optimize=True)
            continue
        for path, theme in ((drawing, "auto"), (picture, "light")):
            options = [*shlex.split(GALLERY[name]), "--theme", theme, "--out", str(path)]
            subprocess.run([sys.executable, "-m", "archlab", "render", *options], check=True)
        tile(picture)
