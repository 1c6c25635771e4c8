"""The commands and snippets of the README, and of the pages on pictures and on scale, run."""

from __future__ import annotations

from pathlib import Path

import pytest
from snippets import ROOT, blocks, run

MY_NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))
"""


def texts(page: str, language: str) -> list[str]:
    return [block.text for block in blocks(ROOT / page) if block.language == language]


def commands(*pages: str) -> list[str]:
    lines = [line for page in pages for text in texts(page, "bash") for line in text.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.startswith("archlab ")]


@pytest.fixture
def net_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_net.py").write_text(MY_NET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_readme_has_commands() -> None:
    assert len(commands("README.md")) >= 10


@pytest.mark.filterwarnings("ignore:`torch.jit")  # fvcore's tracer uses them
@pytest.mark.usefixtures("net_folder")
@pytest.mark.parametrize("command", commands("README.md", "docs/pictures.md"))
def test_readme_command(command: str) -> None:
    ran = run(command)
    assert ran.code == 0, ran.err
    assert ran.out or "wrote" in ran.err


@pytest.mark.parametrize("snippet", texts("README.md", "python"))
def test_readme_python(snippet: str, net_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(snippet, {})
    assert "4089184256" in capsys.readouterr().out


@pytest.mark.parametrize("snippet", texts("docs/pictures.md", "python"))
def test_pictures_python(
    snippet: str, net_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(snippet, {})
    assert "layer1 9 " in capsys.readouterr().out
    assert (net_folder / "resnet56.svg").is_file()


def test_scale_commands(net_folder: Path) -> None:
    """One after the other: the second asks the table that the first made."""
    lines = commands("docs/scale.md")
    assert len(lines) == 4
    for line in lines:
        ran = run(line)
        assert ran.code == 0, ran.err
    assert (net_folder / "zoo.svg").is_file()


@pytest.mark.parametrize("snippet", texts("docs/scale.md", "python"))
def test_scale_python(snippet: str, net_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(snippet, {})
    assert capsys.readouterr().out == "269722 0\n"


def test_set_up_commands_need_only_python() -> None:
    first, second = (
        text.strip() for text in texts("README.md", "bash") if text.startswith("python3 -m venv")
    )
    assert first.endswith("archlab params googlenet")
    assert second.endswith("nox")
