"""How far other counters are off, on models whose MACs are known by a published table or by hand.

`python tests/benchmarks/rivals.py` prints the table of docs/results.md: each cell is the error in
percent of the true MACs, `=` for exact.
"""

from __future__ import annotations

import importlib.util
import logging
import platform
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torchinfo
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
    return archlab.flops(net, input=inputs).macs


COUNTERS: dict[str, Callable[[nn.Module, tuple[torch.Tensor, ...]], int]] = {
    "fvcore": by_fvcore,
    "torchinfo": by_torchinfo,
    "FlopCounterMode, CPU": by_flop_counter,
    "archlab": by_archlab,
}


def error(count: int, truth: int) -> str:
    return "=" if count == truth else f"{100 * (count - truth) / truth:+.1f}"


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print(f"python {platform.python_version()}, torch {torch.__version__}\n")
    print(f"| | {' | '.join(COUNTERS)} |\n|---|{'---|' * len(COUNTERS)}")
    for name, (net, inputs, truth) in cases().items():
        net.eval()
        with torch.no_grad():
            cells = [error(counter(net, inputs), truth) for counter in COUNTERS.values()]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
