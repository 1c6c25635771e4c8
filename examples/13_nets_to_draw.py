"""Three nets with many ways through them: a detector, a feature pyramid, a mixture of experts.

archlab render examples/13_nets_to_draw.py:Detector --input 3x320x320 --out detector.svg
archlab render examples/13_nets_to_draw.py:Pyramid --input 3x224x224 --out pyramid.svg
archlab render examples/13_nets_to_draw.py:Experts --input ids=1x64:int64 --out experts.svg
"""

import torch
import torchvision
from torch import nn
from torch.nn.functional import gelu, interpolate


def conv(inputs: int, outputs: int, size: int = 1, stride: int = 1) -> nn.Sequential:
    """A convolution with its norm and activation; the map stays as large, or is halved."""
    weights = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(weights, nn.BatchNorm2d(outputs), nn.SiLU())


class Unit(nn.Module):
    """Two 3×3 convolutions, with a shortcut in the backbone and without one in the neck."""

    def __init__(self, width: int, *, shortcut: bool) -> None:
        super().__init__()
        self.shortcut = shortcut
        self.convs = nn.Sequential(conv(width, width, 3), conv(width, width, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a map of the same size."""
        return x + self.convs(x) if self.shortcut else self.convs(x)


class Split(nn.Module):
    """Half of the channels pass a row of units; the last convolution reads each unit's output."""

    def __init__(
        self, inputs: int, outputs: int, units: int = 1, *, shortcut: bool = False
    ) -> None:
        super().__init__()
        half = outputs // 2
        self.first = conv(inputs, outputs)
        self.units = nn.ModuleList(Unit(half, shortcut=shortcut) for _ in range(units))
        self.last = conv((2 + units) * half, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a map of the same height and width."""
        parts = list(self.first(x).chunk(2, 1))
        for unit in self.units:
            parts.append(unit(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Pool(nn.Module):
    """Three poolings in a row, joined: as much context as windows of 5, 9 and 13 give (SPPF)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.last = conv(width, width // 2), conv(2 * width, width)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a map of the same size."""
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Head(nn.Module):
    """What one level says of each of its places: a box as distributions, and class logits."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.box = nn.Sequential(conv(width, 64, 3), conv(64, 64, 3), nn.Conv2d(64, 64, 1))
        self.kind = nn.Sequential(conv(width, 80, 3), conv(80, 80, 3), nn.Conv2d(80, classes, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (batch, 64 + classes, height, width)."""
        return torch.cat([self.box(x), self.kind(x)], 1)


class Detector(nn.Module):
    """A detector like YOLOv8: a backbone, a neck that goes up and down again, three heads."""

    def __init__(self, width: int = 16, classes: int = 80) -> None:
        super().__init__()
        w2, w4, w8, w16 = (width * factor for factor in (2, 4, 8, 16))
        self.stem = nn.Sequential(conv(3, width, 3, 2), conv(width, w2, 3, 2))
        self.stage2 = Split(w2, w2, 1, shortcut=True)
        self.stage3 = nn.Sequential(conv(w2, w4, 3, 2), Split(w4, w4, 2, shortcut=True))
        self.stage4 = nn.Sequential(conv(w4, w8, 3, 2), Split(w8, w8, 2, shortcut=True))
        self.stage5 = nn.Sequential(conv(w8, w16, 3, 2), Split(w16, w16, 1, shortcut=True))
        self.context = Pool(w16)
        self.larger = nn.Upsample(scale_factor=2)
        self.up4, self.up3 = Split(w16 + w8, w8), Split(w8 + w4, w4)
        self.to4, self.down4 = conv(w4, w4, 3, 2), Split(w4 + w8, w8)
        self.to5, self.down5 = conv(w8, w8, 3, 2), Split(w8 + w16, w16)
        self.heads = nn.ModuleList(Head(size, classes) for size in (w4, w8, w16))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps of strides 8, 16 and 32."""
        map3 = self.stage3(self.stage2(self.stem(x)))
        map4 = self.stage4(map3)
        map5 = self.context(self.stage5(map4))
        up4 = self.up4(torch.cat([self.larger(map5), map4], 1))
        out3 = self.up3(torch.cat([self.larger(up4), map3], 1))
        out4 = self.down4(torch.cat([self.to4(out3), up4], 1))
        out5 = self.down5(torch.cat([self.to5(out4), map5], 1))
        return [head(out) for head, out in zip(self.heads, (out3, out4, out5), strict=True)]


class Pyramid(nn.Module):
    """ResNet-18 with a feature pyramid on top (Lin et al. 2017)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        net = torchvision.models.resnet18()
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.stages = nn.ModuleList([net.layer1, net.layer2, net.layer3, net.layer4])
        self.lateral = nn.ModuleList(nn.Conv2d(size, width, 1) for size in (64, 128, 256, 512))
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(4))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return maps of one width at strides 32, 16, 8 and 4."""
        maps = [self.stem(x)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        top = self.lateral[3](maps[4])
        levels = [self.smooth[3](top)]
        for i in (2, 1, 0):
            top = self.lateral[i](maps[i + 1]) + interpolate(top, scale_factor=2.0)
            levels.append(self.smooth[i](top))
        return levels


class Expert(nn.Module):
    """The feed-forward part of a transformer block, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        return self.down(gelu(self.up(x)))


class Block(nn.Module):
    """Attention, then experts; a token's gate is zero for all but the two it likes best."""

    def __init__(self, width: int, experts: int = 8) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(Expert(width) for _ in range(experts))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape, (batch, tokens, width)."""
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        y = self.norm2(x)
        gates = self.router(y).softmax(-1)
        best, which = gates.topk(2)
        gates = torch.zeros_like(gates).scatter(-1, which, best)
        return x + sum(gates[..., i : i + 1] * expert(y) for i, expert in enumerate(self.experts))


class Experts(nn.Module):
    """A small language model with a mixture of experts; its head has the embedding's weights."""

    def __init__(self, words: int = 1000, width: int = 128, blocks: int = 3) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return (batch, tokens, words) logits."""
        return self.head(self.norm(self.blocks(self.embed(ids))))
