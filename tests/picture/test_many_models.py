"""Every net of the zoo, all torchvision classifiers and 60 nets of timm can be read.

Text is measured with the font that draws it. No part lies on another, no line runs through a box
or a word, and the picture has the shape of a sheet.
"""

import warnings
import xml.etree.ElementTree as ET
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from sound import faults

import archlab
from archlab import zoo
from archlab.layout import layout
from archlab.view.drawing import face, paint
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.style import Style, theme_of

SVG = "{http://www.w3.org/2000/svg}"
OTHERS = """
    torchvision:fasterrcnn_resnet50_fpn torchvision:raft_small torchvision:deeplabv3_resnet50
    torchvision:ssd300_vgg16 torchvision:r3d_18 torchvision:mvit_v1_b torchvision:s3d
    torchvision:lraspp_mobilenet_v3_large torchvision:swin3d_t timm:nasnetalarge timm:pnasnet5large
""".split()  # noqa: SIM905
TIMM = """
    bat_resnext26ts beit_base_patch16_224 botnet26t_256 cait_s24_224 coat_tiny coatnet_0_rw_224
    convformer_s18 convit_tiny convmixer_768_32 convnext_tiny convnextv2_tiny crossvit_9_240
    cs3darknet_m cspresnet50 darknet53 davit_tiny deit3_small_patch16_224 densenet121 dla34
    dpn68 eca_nfnet_l0 edgenext_small efficientformer_l1 efficientnet_b0 efficientnetv2_s
    efficientvit_b0 eva02_tiny_patch14_224 fastvit_t8 focalnet_tiny_srf gcvit_xxtiny gernet_s
    ghostnet_100 hardcorenas_a hgnet_small hrnet_w18 inception_next_tiny inception_resnet_v2
    inception_v4 lcnet_050 levit_128s maxvit_tiny_tf_224 mixer_s16_224 mobilenetv3_small_100
    mobilevit_s mvitv2_tiny nest_tiny nf_resnet50 pit_ti_224 poolformer_s12 pvt_v2_b0
    regnety_002 repvgg_a0 res2net50_26w_4s resmlp_12_224 resnest14d rexnet_100 sequencer2d_s
    skresnet18 swin_tiny_patch4_window7_224 tinynet_a tnt_s_patch16_224 tresnet_m
    twins_svt_small visformer_tiny volo_d1_224 xception41 xcit_nano_12_p16_224
""".split()  # noqa: SIM905  sixty names read better as text


def torchvision_names() -> list[str]:
    from torchvision import models

    return [f"torchvision:{name}" for name in models.list_models(module=models)]


NAMES = [*zoo.names(), *torchvision_names(), *(f"timm:{name}" for name in TIMM)]


def test_there_are_as_many_as_promised() -> None:
    assert len(TIMM) >= 60
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_drawn_and_can_be_read(name, monkeypatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own
        picture = archlab.render(name)
    drawing = picture.drawing
    check(picture.svg, drawing)
    # A PNG has nine times the pixels at the usual 144 dpi, and takes as much longer.
    monkeypatch.setattr(paint, "DPI", paint.LEGIBLE)
    whole, _ = canvas(drawing, Style(theme_of("auto")))
    assert max(whole.width, whole.height) * 144 / 72 < paint.LONGEST, "a PNG has room for it"
    assert paint.painted(whole, "png").startswith(b"\x89PNG")
    assert paint.painted(whole, "pdf").startswith(b"%PDF")
    for direction in ("TB", "LR"):
        across = direction == "LR"
        geometry = layout(drawing, face.sizes(drawing, across=across), across=across)
        assert faults(drawing, geometry) == []
        if not across:
            assert 1 / 2 <= geometry.height / geometry.width <= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_net_for_another_task_is_drawn_and_can_be_read(name, monkeypatch) -> None:
    test_a_model_is_drawn_and_can_be_read(name, monkeypatch)


def check(svg: str, drawing) -> None:
    assert 5 <= len(drawing.boxes) <= 60
    root = ET.fromstring(svg)
    nodes = {
        item.get("id"): item
        for item in root.iter(f"{SVG}g")
        if (item.get("class") or "").startswith("node box")
    }
    assert set(nodes) == {box.id for box in drawing.boxes}
    frames = {key: frame(item) for key, item in nodes.items()}
    for key, item in nodes.items():
        left, top, right, bottom = frames[key]
        for text in item.iter(f"{SVG}text"):
            start, end = extent(text)
            assert left - 0.5 <= start, (key, text.text)
            assert end <= right + 0.5, (key, text.text)
            assert top - 0.5 <= float(text.get("y")) <= bottom + 0.5, (key, text.text)
    for one, other in combinations(frames, 2):
        assert apart(frames[one], frames[other]), (one, other)


def frame(item) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what a node draws."""
    boxes = []
    for rect in item.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        boxes.append((x, y, x + w, y + h))
    left, top, right, low = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(low)


def extent(text) -> tuple[float, float]:
    """From where to where a text goes, by the font's own metrics."""
    name = "DejaVuSans-Bold" if text.get("font-weight") == "bold" else "DejaVuSans"
    width = ems(name, text.text or "") * float(text.get("font-size"))
    start = float(text.get("x"))
    if text.get("text-anchor") == "middle":
        start -= width / 2
    return start, start + width


@cache  # the models have most of their texts in common
def ems(name: str, text: str) -> float:
    """How wide a text is, as a multiple of its size."""
    face = font(name)
    face.set_size(1000, 72)  # large, so that no pixel is rounded
    face.set_text(text, 0.0)
    return face.get_width_height()[0] / 64 / 1000


@cache
def font(name: str):
    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font

    return FT2Font(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"))


def apart(one, other) -> bool:
    return (
        one[2] <= other[0] + 0.1
        or other[2] <= one[0] + 0.1
        or one[3] <= other[1] + 0.1
        or other[3] <= one[1] + 0.1
    )


def test_the_check_sees_text_that_sticks_out_and_boxes_that_overlap() -> None:
    picture = archlab.render("plain20")
    check(picture.svg, picture.drawing)
    wide = picture.svg.replace(">Conv 3×3 · BN · ReLU<", f">{'W' * 60}<", 1)
    with pytest.raises(AssertionError):
        check(wide, picture.drawing)
    assert not apart((0, 0, 10, 10), (5, 5, 20, 20))
