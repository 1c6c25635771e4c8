"""The README's and the docs' snippets run, and what they say of JSON is what comes out."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from archlab.analyze.budget import BudgetRow, BudgetTotals
from archlab.analyze.by_depth.gradients import GradientRow, GradientTotals
from archlab.analyze.by_depth.responses import DepthTotals, IdentityRow, ResponseRow
from archlab.analyze.by_depth.shattered import ShatteredRow, ShatteredTotals
from archlab.analyze.factorize import BottleneckRow, BottleneckTotals
from archlab.analyze.field.certify import CertifyRow, CertifyTotals
from archlab.analyze.field.effective import EffectiveRow, EffectiveTotals
from archlab.analyze.field.receptive_field import FieldRow, FieldTotals
from archlab.analyze.field.unproductive import UnproductiveRow, UnproductiveTotals
from archlab.analyze.flops import FlopsRow, FlopsTotals
from archlab.analyze.memory import MemoryRow, MemoryTotals
from archlab.analyze.params import ParamsRow, ParamsTotals
from archlab.analyze.shapes import ShapesRow, ShapesTotals
from archlab.analyze.summary import SummaryRow, SummaryTotals
from archlab.api.training.finetune import FineTuneRow, FineTuneTotals
from archlab.api.training.single import Row, TrainTotals
from archlab.cli import main
from archlab.runs.verdict import VerdictRow, VerdictTotals
from archlab.survey.published import AgreementRow, AgreementTotals
from archlab.survey.result import ScanTotals
from archlab.survey.row import ScanRow
from archlab.train.evaluate import TestRow, TestTotals

ROOT = Path(__file__).parents[1]
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


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)


def commands(*pages: str) -> list[str]:
    lines = [
        line for page in pages for block in blocks(page, "bash") for line in block.splitlines()
    ]
    return [line.partition("#")[0].strip() for line in lines if line.startswith("archlab ")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_net.py").write_text(MY_NET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_readme_has_commands() -> None:
    assert len(commands("README.md")) >= 10


@pytest.mark.filterwarnings("ignore:`torch.jit")  # fvcore's tracer uses them
@pytest.mark.parametrize("command", commands("README.md", "docs/pictures.md"))
def test_readme_command(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    assert end.value.code in (0, None), err
    assert out or "wrote" in err


@pytest.mark.parametrize("snippet", blocks("README.md", "python"))
def test_readme_python(snippet: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(snippet, {})
    assert "4089184256" in capsys.readouterr().out


@pytest.mark.parametrize("snippet", blocks("docs/pictures.md", "python"))
def test_pictures_python(snippet: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(snippet, {})
    assert "layer1 9 " in capsys.readouterr().out
    assert (folder / "resnet56.svg").is_file()


def test_scale_commands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other: the second asks the table that the first made."""
    assert len(commands("docs/scale.md")) == 3
    for command in commands("docs/scale.md"):
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code in (0, None), capsys.readouterr().err
    assert (folder / "zoo.svg").is_file()


@pytest.mark.parametrize("snippet", blocks("docs/scale.md", "python"))
def test_scale_python(snippet: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(snippet, {})
    assert capsys.readouterr().out == "269722 0\n"


def gallery() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "examples" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.GALLERY
    return found


def test_the_gallery_page_has_each_picture_and_its_command() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text()
    for name, options in gallery().items():
        assert f"archlab render {options} --out {name}.png" in page
        assert f"figures/gallery/{name}.png" in page
        assert (ROOT / "docs" / "figures" / "gallery" / f"{name}.png").is_file()


@pytest.mark.parametrize("name", gallery())
def test_a_gallery_command_draws(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    target = str(tmp_path / "picture.svg")
    line = ["archlab", "render", *shlex.split(gallery()[name]), "--out", target]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None), capsys.readouterr().err
    assert Path(target).read_text().startswith("<svg")


def test_set_up_commands_need_only_python() -> None:
    first, second = (
        block.strip()
        for block in blocks("README.md", "bash")
        if block.startswith("python3 -m venv")
    )
    assert first.endswith("archlab params googlenet")
    assert second.endswith("nox")


@pytest.mark.parametrize(
    ("command", "totals", "row"),
    [
        ("params", ParamsTotals, ParamsRow),
        ("flops", FlopsTotals, FlopsRow),
        ("memory", MemoryTotals, MemoryRow),
        ("shapes", ShapesTotals, ShapesRow),
        ("summary", SummaryTotals, SummaryRow),
        ("bottleneck", BottleneckTotals, BottleneckRow),
        ("check", BudgetTotals, BudgetRow),
        ("rf` (schema `receptive_field", FieldTotals, FieldRow),
        ("rf --unproductive", UnproductiveTotals, UnproductiveRow),
        ("rf --verify", CertifyTotals, CertifyRow),
        ("rf --effective", EffectiveTotals, EffectiveRow),
        ("verdict`, `degradation", VerdictTotals, VerdictRow),
        ("train", TrainTotals, Row),
        ("test", TestTotals, TestRow),
        ("finetune", FineTuneTotals, FineTuneRow),
        ("gradients", GradientTotals, GradientRow),
        ("responses", DepthTotals, ResponseRow),
        ("identity", DepthTotals, IdentityRow),
        ("shattered", ShatteredTotals, ShatteredRow),
        ("scan", ScanTotals, ScanRow),
        ("scan --check", AgreementTotals, AgreementRow),
    ],
)
def test_json_page_names_every_field(command: str, totals: type, row: type) -> None:
    line = re.search(
        rf"^\| `{re.escape(command)}`\)? \| (.*?) \| (.*?) \|$", _json_page(), re.MULTILINE
    )
    assert line is not None
    for text, kind in ((line[1], totals), (line[2], row)):
        listed = re.match(r"`([^`]*)`", text)
        assert listed is not None
        assert listed[1].split(", ") == [field.name for field in fields(kind)]


def _json_page() -> str:
    return (ROOT / "docs" / "json.md").read_text()
