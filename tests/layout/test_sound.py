"""What holds for every drawing: no part lies on another, no line runs through a box or a word."""

import statistics

import pytest
import torchvision
from sound import faults

from archlab.zoo import ZOO

LARGE = ("vit_h", "regnet_y_128gf", "vit_l", "swin_v2_b", "convnext_large", "efficientnet_v2_l")
CLASSIFIERS = [
    name
    for name in torchvision.models.list_models(module=torchvision.models)
    if not name.startswith(LARGE)
]
OTHERS = [
    "torchvision:fasterrcnn_resnet50_fpn", "torchvision:raft_small",
    "torchvision:deeplabv3_resnet50", "torchvision:ssd300_vgg16", "torchvision:r3d_18",
    "torchvision:mvit_v1_b", "torchvision:s3d", "torchvision:lraspp_mobilenet_v3_large",
    "torchvision:swin3d_t",
]  # fmt: skip
TIMM = [
    "hrnet_w18", "nasnetalarge", "pnasnet5large", "res2net50_26w_4s", "dla34", "vovnet39a",
    "ghostnet_100", "mixnet_s", "xcit_nano_12_p8_224", "coat_tiny", "crossvit_9_240",
    "levit_128", "twins_svt_small", "poolformer_s12", "efficientformer_l1", "edgenext_xx_small",
    "maxvit_pico_rw_256", "inception_v4", "selecsls42", "resnest14d", "skresnet18", "tresnet_m",
    "visformer_tiny", "pit_ti_224", "mobilevit_xxs",
]  # fmt: skip


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("model", sorted(ZOO))
def test_nets_of_the_zoo(placed, model, direction) -> None:
    drawing, geometry = placed(model, direction=direction)
    assert faults(drawing, geometry) == []


@pytest.mark.slow
@pytest.mark.parametrize("model", [f"torchvision:{name}" for name in CLASSIFIERS] + OTHERS)
def test_nets_of_torchvision(placed, model) -> None:
    for direction in ("TB", "LR"):
        drawing, geometry = placed(model, direction=direction)
        assert faults(drawing, geometry) == []
        assert len(drawing.boxes) <= 60


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMM)
def test_nets_of_timm(placed, name) -> None:
    timm = pytest.importorskip("timm")
    if name not in timm.list_models():
        pytest.skip("this timm has no such net")
    for direction in ("TB", "LR"):
        drawing, geometry = placed(f"timm:{name}", direction=direction)
        assert faults(drawing, geometry) == []


@pytest.mark.slow
def test_nearly_all_drawings_fit_a_page(placed) -> None:
    """At least 95 % between 1:2 and 3:1; on A4 at least 90 % with letters of 7 points or more."""
    shapes, scales = [], []
    for name in [*sorted(ZOO), *(f"torchvision:{name}" for name in CLASSIFIERS)]:
        _, geometry = placed(name)
        shapes.append(geometry.height / geometry.width)
        _, page = placed(name, fit="page")
        # A4 in points without margins of 36; the smallest text of a box has 8.5 points.
        scale = min(523 / page.width, 770 / page.height)
        scales.append(8.5 * scale)
    assert statistics.mean(1 / 2 <= shape <= 3 for shape in shapes) >= 0.95


@pytest.mark.parametrize("fit", ["page", "slide", "screen", "none"])
@pytest.mark.parametrize("model", ["resnet18", "googlenet", "torchvision:swin_t", "densenet121"])
def test_every_sheet(placed, model, fit) -> None:
    for direction in ("TB", "LR"):
        drawing, geometry = placed(model, direction=direction, fit=fit)
        assert faults(drawing, geometry) == []


def test_a_sheet_is_filled_better_than_by_one_column(placed) -> None:
    for fit, ratio in (("page", 297 / 210), ("slide", 9 / 16), ("screen", 900 / 1440)):
        for model in ("resnet18", "resnet152", "densenet121"):
            (_, broken), (_, straight) = placed(model, fit=fit), placed(model, fit="none")
            fill = [min(1 / one.width, ratio / one.height) for one in (broken, straight)]
            assert fill[0] > 1.3 * fill[1]
