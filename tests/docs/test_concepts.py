"""The commands of the concept pages run: measured ones on one seed and two samples."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from snippets import ROOT, Block, blocks, commands, matches, run
from torch import nn

from archlab.data import sets as images
from archlab.errors import DataError

DOCS = ROOT / "docs"
NET = """
from torch import nn

class Net(nn.Module):
    input_shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 10)

    def forward(self, x):
        x = self.one(x).relu()
        return self.head((x + self.two(x)).relu().mean((2, 3)))
"""
FEWER = {
    "gradients": " --seeds 1 --batch 2",
    "identity": " --seeds 1 --batch 2",
    "responses": " --seeds 1 --batch 2",
    "shattered": " --seeds 1 --depths 2,4",
}


def of(page: str, language: str) -> list[Block]:
    return [block for block in blocks(DOCS / page) if block.language == language]


LINES = [
    line.partition("#")[0].strip()
    for page in ("gradients.md", "receptive-field.md")
    for block in of(page, "bash")
    for line in block.text.splitlines()
    if line.startswith("archlab")
]
TRAINING = [line for block in of("training.md", "console") for line, _ in commands(block)]


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    names: dict[str, type[nn.Module]] = {}
    exec(NET, names)
    torch.save(names["Net"]().state_dict(), "run.ckpt")


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize("line", LINES)
def test_a_command_runs(line: str) -> None:
    ran = run(line + FEWER.get(line.split()[1], ""))
    assert ran.code == 0, ran.err
    assert ran.text


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize("block", of("receptive-field.md", "console"))
def test_what_the_page_on_receptive_fields_shows(block: Block) -> None:
    for line, shown in commands(block):
        assert matches(shown, run(line).text)


@pytest.mark.parametrize("line", TRAINING)
def test_a_command_on_training_is_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise DataError("the images are not here")

    monkeypatch.chdir(tmp_path)
    for reader in ("read_file", "_official"):
        monkeypatch.setattr(images, reader, absent)
    ran = run(line)
    assert ran.code == 2
    assert "the images are not here" in ran.err or "runs/" in ran.err  # its run is not, either
