"""Other tools beside archlab: counters of MACs, and TorchLens's receptive fields.

`nox -s rivals` prints two tables of docs/results.md. In the first, each cell is the error in
percent of the true MACs, `=` for exact, on models whose MACs are known by a published table or by
hand. The second compares the local receptive field of every layer of 30 nets: its size, jump and
centre on both axes.
"""

from __future__ import annotations

import importlib.util
import logging
import platform
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
import torchinfo
import torchlens
import torchvision
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archlab

Case = tuple[nn.Module, tuple[torch.Tensor, ...], int]
TRUTH = Path(__file__).parents[1] / "truth"


def hand_made() -> dict:
    spec = importlib.util.spec_from_file_location("hand_made_nets", TRUTH / "hand_made_nets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NETS


def cases() -> dict[str, Case]:
    """Model, inputs, true MACs: torchvision's published _ops made exact, or a hand formula."""
    image = (torch.randn(1, 3, 224, 224),)
    nets = hand_made()
    lstm, tokens, _, lstm_macs = nets["x:lstm_bi2"]
    twice, pair, _, twice_macs = nets["x:module_twice"]
    encoder, sequence, _, encoder_macs = nets["x:transformer_encoder_train"]
    models = torchvision.models
    # A 16 x 16 map of 8 channels, kernel 2, 16 out, 4 groups: input elements x 2 x 2 x 16 / 4.
    grouped = nn.Sequential(nn.ConvTranspose2d(8, 16, 2, 2, groups=4, bias=False))
    return {
        "resnet50": (models.resnet50(), image, 4_089_184_256),
        "convnext_tiny": (models.convnext_tiny(), image, 4_455_531_264),
        "swin_t": (models.swin_t(), image, 4_490_566_656),
        "vit_b_16": (models.vit_b_16(), image, 17_563_828_224),
        "bidirectional LSTM": (lstm(), tokens(), lstm_macs),
        "TransformerEncoder, eval": (encoder(), sequence(), encoder_macs),
        "grouped transposed conv": (grouped, (torch.randn(1, 8, 16, 16),), 8 * 256 * 4 * 4),
        "module called twice": (twice(), pair(), twice_macs),
    }


def by_fvcore(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    analysis = FlopCountAnalysis(net, inputs)
    return int(analysis.unsupported_ops_warnings(enabled=False).total())


def by_torchinfo(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    return int(torchinfo.summary(net, input_data=inputs, verbose=0).total_mult_adds)


def by_flop_counter(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    with FlopCounterMode(display=False) as counter:
        net(*inputs)
    return counter.get_total_flops() // 2


def by_archlab(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    return archlab.flops(archlab.load(net, input=inputs)).macs


COUNTERS: dict[str, Callable[[nn.Module, tuple[torch.Tensor, ...]], int]] = {
    "fvcore": by_fvcore,
    "torchinfo": by_torchinfo,
    "FlopCounterMode, CPU": by_flop_counter,
    "archlab": by_archlab,
}


def error(count: int, truth: int) -> str:
    return "=" if count == truth else f"{100 * (count - truth) / truth:+.1f}"


# 224² is slow in TorchLens, which runs on values; the fields are smaller than the image nowhere.
SIDES = {"torchvision:inception_v3": 96, "resnet20": 32, "plain56": 32}
NETS = """
    resnet18 resnet34 resnet50 googlenet resnet20 plain56 torchvision:alexnet torchvision:vgg11
    torchvision:vgg16_bn torchvision:squeezenet1_0 torchvision:squeezenet1_1 torchvision:densenet121
    torchvision:inception_v3 torchvision:mobilenet_v2 torchvision:mobilenet_v3_small
    torchvision:mnasnet0_5 torchvision:shufflenet_v2_x0_5 torchvision:efficientnet_b0
    torchvision:regnet_x_400mf torchvision:regnet_y_400mf torchvision:convnext_tiny
    torchvision:resnext50_32x4d torchvision:lraspp_mobilenet_v3_large torchvision:fcn_resnet50
    torchvision:deeplabv3_mobilenet_v3_large timm:repvgg_a0 timm:hrnet_w18_small timm:dla34
    timm:res2net50_26w_4s timm:darknet53
"""
Geometry = tuple[float, ...]  # size, jump and centre, each of height and width


def fields_of_torchlens(net: nn.Module, x: torch.Tensor) -> dict[str, Geometry | str]:
    """Return layer -> its geometry, or why there is none, for the first call of each layer."""
    found: dict[str, Geometry | str] = {}
    for op in torchlens.trace(net, x).ops:
        for call in op.output_of_module_calls or ():
            path, _, number = str(call).partition(":")
            if number == "1":
                found[path] = geometry(op.receptive_field)
    return found


def geometry(field: Any) -> Geometry | str:
    try:
        values = (*field.size, *field.jump, *field.center0)
    except torchlens.receptive_field.ReceptiveFieldError as error:
        return "whole image" if "No windowed" in str(error) else "unknown"
    return tuple(map(float, values))


def fields_of_archlab(model: archlab.Model) -> dict[str, Geometry]:
    rows = archlab.receptive_field(model).rows
    names = [f"{name}_{axis}" for name in ("rf", "stride", "center") for axis in "hw"]
    return {
        row.path: tuple(float(getattr(row, name)) for name in names)
        for row in rows
        if row.rf_h is not None and row.rf_w is not None
    }


def fields() -> None:
    print(f"\ntorchlens {torchlens.__version__}, timm {timm.__version__}\n")
    print("| net | layers | equal | different | whole image | unknown | first |")
    print("|---|--:|--:|--:|--:|--:|---|")
    for name in NETS.split():
        side = SIDES.get(name, 64)
        torch.manual_seed(0)
        model = archlab.load(name, input=(1, 3, side, side))
        ours = fields_of_archlab(model)
        theirs = fields_of_torchlens(model.seeded(0).eval(), torch.randn(1, 3, side, side))
        both = {path: theirs[path] for path in ours if path in theirs}
        kinds = {path: verdict(ours[path], both[path]) for path in both}
        count = Counter(kinds.values())
        first = next((path for path in both if kinds[path] not in ("equal", "different")), "")
        first = next((path for path in both if kinds[path] == "different"), first)
        cells = [count[kind] for kind in ("equal", "different", "whole image", "unknown")]
        print(f"| {name} | {len(both)} | {' | '.join(map(str, cells))} | {first} |", flush=True)


def verdict(ours: Geometry, theirs: Geometry | str) -> str:
    if isinstance(theirs, str):
        return theirs
    return "equal" if theirs == ours else "different"


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    counters()
    fields()


def counters() -> None:
    print(f"python {platform.python_version()}, torch {torch.__version__}\n")
    print(f"| | {' | '.join(COUNTERS)} |\n|---|{'---|' * len(COUNTERS)}")
    for name, (net, inputs, truth) in cases().items():
        net.eval()
        with torch.no_grad():
            cells = [error(counter(net, inputs), truth) for counter in COUNTERS.values()]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
