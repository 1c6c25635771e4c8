"""`archlab rf`: tables, verdicts, certificate, pictures, and what it says to wrong input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from archlab.cli import main

ROW = {
    "path", "rf_h", "rf_w", "stride_h", "stride_w", "pad_h", "pad_w", "center_h", "center_w",
    "holes_h", "holes_w", "min_path_h", "min_path_w", "global_from",
}  # fmt: skip


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["archlab", "rf", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_json_rows(monkeypatch, capsys) -> None:
    code, out, _ = run(monkeypatch, capsys, "resnet20", "--format", "json")
    record = json.loads(out)
    assert code == 0
    assert record["schema"] == "archlab.receptive_field/1"
    assert set(record["rows"][0]) >= ROW
    last = next(row for row in record["rows"] if row["path"] == "layer3")
    assert (last["rf_h"], last["stride_w"], last["holes_h"]) == (81, 4, 0)


def test_one_layer(monkeypatch, capsys) -> None:
    code, out, _ = run(monkeypatch, capsys, "resnet20", "--layer", "layer2", "--format", "csv")
    assert code == 0
    assert out.splitlines()[1].startswith("layer2,Sequential,37,37")


def test_unproductive(monkeypatch, capsys) -> None:
    code, out, _ = run(
        monkeypatch,
        capsys,
        "plain20",
        "--unproductive",
        "--resolution",
        "32",
        "--resolution",
        "64x64",
    )
    assert code == 0
    assert "32x32: 8 of 19" in out
    assert "64x64: 3 of 19" in out


def test_verify_prints_agreement(monkeypatch, capsys) -> None:
    code, out, _ = run(monkeypatch, capsys, "resnet20", "--verify")
    assert code == 0
    assert "38 of 38 units of 19 convolutions agree" in out


def test_effective(monkeypatch, capsys) -> None:
    code, out, _ = run(
        monkeypatch, capsys, "resnet20", "--effective", "--layer", "layer1", "--format", "json"
    )
    assert code == 0
    assert 0 < json.loads(out)["rows"][0]["ratio"] <= 1


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_plot(monkeypatch, capsys, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"rf.{suffix}"
    code, _, err = run(monkeypatch, capsys, "resnet20", "plain20", "--plot", str(target))
    assert code == 0
    assert f"wrote {target}" in err
    start = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    assert target.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resnet20", "--layer", "layer9"], "no layer 'layer9'. Did you mean"),
        (["resnet20", "plain20"], "add --plot"),
        (
            ["resnet20", "plain20", "--plot", "x.svg", "--verify", "--format", "json"],
            "Only for one model: --format, --verify.",
        ),
        (["resnet20", "--plot", "x.bmp"], "names no picture format"),
        (["resnet20", "--plot", "missing/x.svg"], "no folder missing"),
        (["resnet20", "--unproductive", "--resolution", "big"], "is no size"),
        (["resnet20", "--effective", "--images", "nowhere"], "no folder nowhere"),
        (["resnet20", "--resolution", "64"], "--resolution is for --unproductive"),
        (["resnet20", "--checkpoint", "none.pt"], "--checkpoint is for --effective"),
        (["resnet20", "--verify", "--effective"], "--verify and --effective exclude each other"),
        (["resnet20", "--effective", "--checkpoint", "none.pt"], "no checkpoint none.pt"),
    ],
)
def test_bad_input(monkeypatch, capsys, arguments: list[str], said: str) -> None:
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_no_spatial_axis(monkeypatch, capsys, tmp_path: Path) -> None:
    (tmp_path / "flat.py").write_text(
        "from torch import nn\n\ndef net():\n    return nn.Linear(4, 4)\n"
    )
    code, out, _ = run(monkeypatch, capsys, f"{tmp_path}/flat.py:net", "--input", "2x4")
    assert code == 0
    assert "no spatial axis" in out
    for question in ("--verify", "--unproductive", "--effective"):
        code, _, err = run(
            monkeypatch, capsys, f"{tmp_path}/flat.py:net", "--input", "2x4", question
        )
        assert code == 2, question
        assert "Traceback" not in err
