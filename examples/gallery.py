"""Draw the gallery: `python examples/gallery.py docs/figures/gallery` writes a PNG a line."""

import shlex
import subprocess
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
EXAMPLES = ("06_receptive_field", "07_draw")  # they write the picture they are given
GALLERY = {
    "googlenet": "googlenet --mode train --batch 2",
    "inception": "googlenet --expand inception4c --boxes 30",
    "resnet18": "resnet18 --color-by macs",
    "resnet50": "torchvision:resnet50 --color-by receptive-field",
    "resnet56": "resnet56",
    "plain56": "plain56",
    "twins": "plain20 resnet20 --diff",
    "resnet152": "torchvision:resnet152",
    "vit_b_16": "torchvision:vit_b_16",
    "densenet121": "torchvision:densenet121",
    "swin_t": "torchvision:swin_t",
    "u-net": "examples/03_u_net.py:UNet --input 3x128x128",
    "volumes": "torchvision:vgg16 --style volumes",
    "u-net-volumes": "examples/03_u_net.py:UNet --input 3x128x128 --style volumes",
    "lstm": "examples/04_tagger.py:Tagger --input ids=1x20:int64",
    "detection": "torchvision:retinanet_resnet50_fpn --input 3x256x256 --boxes 36",
    "backward": "resnet20 --view autograd --boxes 24",
}
if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "gallery")
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or (*GALLERY, *EXAMPLES):
        path = folder / f"{name}.png"
        drawn = ["archlab", "render", *shlex.split(GALLERY.get(name, "")), "--theme", "light"]
        example = [sys.executable, str(HERE / f"{name}.py"), str(path)]
        subprocess.run([*drawn, "--out", str(path)] if name in GALLERY else example, check=True)
        Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)  # a third the size
