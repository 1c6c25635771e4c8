"""What a fresh process imports: nothing slow before it is needed, and less than a meta forward.

The first call of one of torch's Python meta kernels imports sympy (and often torch._dynamo), about
a second; the shape rules avoid that for the common operators. See shared design, "Starting fast".
"""

import json
import subprocess
import sys
import textwrap

import pytest

SLOW = ("sympy", "torch._dynamo")

NETS = """
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 4, stride=4)
        self.token = nn.Parameter(torch.zeros(1, 1, 32))
        self.norm, self.qkv = nn.LayerNorm(32), nn.Linear(32, 96)
        self.drop, self.head = nn.Dropout(0.1), nn.Linear(32, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        split = self.qkv(self.norm(x)).reshape(*x.shape[:2], 3, 4, 8).permute(2, 0, 3, 1, 4)
        q, k, v = split.unbind(0)
        fused = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.drop(fused.transpose(1, 2).reshape(x.shape))
        scores = (q @ k.transpose(-2, -1) * 8**-0.5).softmax(-1) @ v
        return self.head(x + scores.transpose(1, 2).reshape(x.shape))

encoder = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
nets = {
    "resnet18": ("resnet18", None),
    "googlenet": ("googlenet", None),
    "resnet20": ("resnet20", None),
    "plain20": ("plain20", None),
    "attention": (Attention(), (2, 3, 16, 16)),
    "encoder": (encoder, (2, 9, 32)),
    "text": (nn.Sequential(nn.Embedding(50, 32), encoder), "2x9:int64"),
    "lstm": (nn.LSTM(8, 16, 2, bidirectional=True), (5, 2, 8)),
    "vgg": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(7)), (2, 3, 32, 32)),
}
"""


def run(code: str) -> dict[str, list[str]]:
    # What libraries deprecate in each other depends on their versions.
    warn = ("-W", "error", "-W", "default::DeprecationWarning")
    done = subprocess.run(
        [sys.executable, *warn, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported: dict[str, list[str]] = json.loads(done.stdout)
    return imported


def test_a_trace_imports_neither_sympy_nor_dynamo() -> None:
    imported = run(
        f"""
import json, sys
import torch
from torch import nn
import archlab
{NETS}
slow = {{("torch", "alone"): [name for name in {SLOW!r} if name in sys.modules]}}
for name, (net, shape) in nets.items():
    model = archlab.load(net, input=shape, batch=2 if shape is None else None)
    for mode in ("eval", "train"):
        archlab.trace(model, mode=mode)
        slow[name, mode] = [name for name in {SLOW!r} if name in sys.modules]
print(json.dumps({{" ".join(key): value for key, value in slow.items()}}))
"""
    )
    assert len(imported) == 1 + 2 * 9
    assert not any(imported.values()), imported


@pytest.mark.parametrize(
    "statement",
    ["import archlab", "import typer, archlab.cli; typer.main.get_command(archlab.cli.app)"],
)
def test_no_torch_before_a_command_needs_it(statement: str) -> None:
    imported = run(
        f"""
        import json, sys
        {statement}
        slow = ("torch", "torchvision", "timm", "numpy", "fvcore", *{SLOW!r})
        print(json.dumps({{"imported": [name for name in slow if name in sys.modules]}}))
        """
    )
    assert imported == {"imported": []}
