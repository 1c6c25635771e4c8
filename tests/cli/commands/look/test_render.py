"""`archlab render`: every format by its suffix, the terminal, and what goes wrong."""

import json
import re
import sys

import pytest

from archlab.cli import main, streams
from archlab.cli.commands.look import render
from archlab.view.drawing import fonts

STARTS = {
    "svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph archlab {",
    "mmd": b"%% resnet20", "json": b"{", "txt": b"resnet20 \xc2\xb7 269.7 K params",
}  # fmt: skip


@pytest.mark.parametrize("suffix", STARTS)
def test_a_file_by_its_suffix(cli, tmp_path, suffix) -> None:
    run = cli(f"render resnet20 --out net.{suffix}")
    assert (run.code, run.out, run.err) == (0, "", f"wrote net.{suffix}\n")
    assert (tmp_path / f"net.{suffix}").read_bytes().startswith(STARTS[suffix])


def test_the_terminal_gets_a_drawing(capfdbinary, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["archlab", "render", "resnet20"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    out = capfdbinary.readouterr().out.decode()
    assert "┌ layer1 ×3 · ResidualUnit" in out
    assert "◄" in out


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 60 columns that reads answers."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(streams, "is_terminal", lambda: True)
    monkeypatch.setattr(render, "is_terminal", lambda: True)


def width(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_a_terminal_has_its_width_and_colours(cli, terminal, monkeypatch) -> None:
    painted = cli("render resnet18").out
    assert "\x1b[34mConv 7×7 /2 · BN · ReLU\x1b[0m" in painted
    monkeypatch.setenv("NO_COLOR", "1")
    plain = cli("render resnet18").out
    assert "\x1b" not in plain
    assert width(plain) <= 60


@pytest.mark.parametrize("where", ["", "--out -", "--out net.txt"])
def test_pipes_and_files_have_80_columns_and_no_colours(cli, tmp_path, monkeypatch, where) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run = cli(f"render torchvision:densenet121 {where}")
    text = (tmp_path / "net.txt").read_text() if "net" in where else run.out
    assert 70 < width(text) <= 80
    assert "\x1b" not in text


def test_an_overlay_is_heat_in_every_format(cli, tmp_path) -> None:
    (tmp_path / "lat.csv").write_text("module,latency, ms\nlayer1,3\nfc,1\n")
    text = cli("render resnet20 --depth 1 --overlay lat.csv").out
    assert "75.0 % ██████" in text
    assert cli("render resnet20 --depth 1 --overlay lat.csv --out net.svg").code == 0
    assert "75.0 % of latency" in (tmp_path / "net.svg").read_text()
    (tmp_path / "some.csv").write_text("module,sparsity\nlayer9,3\nfc,1\n")
    run = cli("render resnet20 --overlay some.csv")
    text = " ".join(run.out.split())
    assert "1 of 2 paths are modules of resnet20; not found: layer9 (nearest: layer" in text


def test_paths_of_an_overlay_that_match_nothing_are_told_once(cli, tmp_path) -> None:
    (tmp_path / "all.csv").write_text("module,sparsity\nconv1,2\nfc,1\n")
    assert cli("render resnet20 --overlay all.csv").err == ""
    (tmp_path / "some.csv").write_text("module,sparsity\nlayer9,3\nfcc,2\nfc,1\n")
    for where in ("", " --out net.svg"):
        first, *rest = cli(f"render resnet20 --overlay some.csv{where}").err.splitlines()
        assert first.startswith(
            "archlab: note: 2 of 3 paths of the overlay are no modules of resnet20, and left out: "
            "layer9 (nearest: layer"
        )
        assert first.endswith("), fcc (nearest: fc).")
        assert rest == ["wrote net.svg"] * bool(where)


def test_letters_without_a_font_are_told_of_png_and_pdf_alone(cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fonts, "families", lambda: ["DejaVu Sans"])  # as on a bare machine
    (tmp_path / "odd.py").write_text(
        "from torch import nn\n\n"
        "def net(name):\n"
        "    model = nn.Sequential()\n"
        "    model.add_module(name, nn.Linear(4, 4))\n"
        "    model.add_module('end', nn.Linear(4, 4))\n"
        "    return model\n"
    )
    for name, letters in (("卷积卷", "卷积"), ("größe", ""), ("a\\x1bb", "")):
        for suffix in ("png", "pdf", "svg", "txt"):
            said = cli(f"render odd.py:net --set name={name!r} -i 4 -o net.{suffix}").err
            if letters and suffix in ("png", "pdf"):
                assert said == (
                    "archlab: note: no font found here has 2 letters of this drawing, which PNG "
                    f"and PDF show as boxes: {letters}. Write .svg, where the reader's fonts are "
                    f"used, or install Noto Sans CJK SC.\nwrote net.{suffix}\n"
                )
            else:
                assert said == f"wrote net.{suffix}\n"


def test_formats_and_suffixes_may_differ(cli, tmp_path) -> None:
    assert cli("render resnet20 --format json --out net.txt").code == 0
    assert json.loads((tmp_path / "net.txt").read_text())["schema"] == "archlab.drawing/2"


@pytest.mark.parametrize(
    "line",
    [
        "render plain20 resnet20 --diff --out d.svg",
        "render resnet20 --view autograd --out d.svg",
        "render resnet20 --view autograd --color-by memory --out d.svg",
        "render resnet20 --ops --boxes 100 --out d.svg",
        "render googlenet --expand inception4b --color-by params --direction LR --out d.svg",
        "render nets.py:Net --input 3x8x8 --theme print --out d.pdf",
        "render resnet20 --depth 1 --color-by receptive-field --theme dark --out d.png",
    ],
)
def test_options(cli, line) -> None:
    run = cli(line)
    assert run.code == 0, run.err
    assert run.err.startswith("wrote d.")


BAD = {
    "unknown suffix": ("render resnet20 -o net.gif", "'.gif' names no picture format"),
    "no suffix": (
        "render resnet20 -o net",
        "without a suffix it has no picture format. Allowed: .svg",
    ),
    "unknown format": ("render resnet20 -f sgv", "Did you mean svg?"),
    "unknown theme": ("render resnet20 -f svg --theme drak", "Did you mean dark?"),
    "unknown direction": ("render resnet20 -f svg --direction RL", "Allowed: TB, LR"),
    "unknown measure": ("render resnet20 --color-by mac", "Did you mean macs?"),
    "unknown view": ("render resnet20 --view modul", "Did you mean modules?"),
    "no such module": ("render resnet20 --expand layer4", "Did you mean layer"),
    "two models": ("render resnet20 plain20", "MODEL: 2 given; --diff takes two"),
    "one to compare": ("render resnet20 --diff", "MODEL: 1 given"),
    "no folder": ("render resnet20 -o absent/net.svg", "There is no folder absent"),
    "a folder": ("render resnet20 -o .", "has no picture format"),
    "few boxes": ("render resnet20 --boxes 2", "a whole number of 3 or more is wanted"),
    "boxes of text": (
        "render resnet20 --boxes abc",
        "archlab: --boxes abc: a whole number of 3 or more is wanted.\n",
    ),
    "depth of text": ("render resnet20 -d x", "--depth x: a whole number of 0 or more is wanted."),
    "depth below 0": ("render resnet20 --depth -1", "--depth -1: a whole number of 0 or more"),
    "no such option": ("render resnet20 --width -3", "No such option: --width"),
    "a sheet that is none": ("render resnet20 --fit foo", "--fit foo is unknown. Allowed: auto,"),
    "a direction that is none": ("render resnet20 --direction up", "up is unknown. Allowed: TB"),
    "a box to open": (
        "render resnet20 --expand conv1",
        "--expand conv1: conv1 is one box already, Conv 3×3 · BN · ReLU: there is nothing in it "
        "to open. Beside it these can be opened: layer1, layer2, layer3.",
    ),
    "boxes and depth": ("render resnet20 --boxes 9 --depth 2", "exclude each other"),
    "diff and view": ("render resnet20 plain20 --diff --view autograd", "exclude each other"),
    "diff and heat": (
        "render resnet20 plain20 --diff --color-by macs",
        "--diff and --color-by exclude each other",
    ),
    "a theme of text": ("render resnet20 --theme dark", "--theme has no meaning for --format txt"),
    "no model": ("render resnet19", "6n + 2"),
    "no overlay": ("render resnet20 --overlay no.csv", "--overlay no.csv: No such file"),
    "an overlay that is a folder": ("render resnet20 --overlay .", "--overlay .: it is a folder"),
    "an overlay of code": ("render resnet20 --overlay nets.py", "--overlay nets.py: "),
    "an overlay of another model": (
        "render resnet20 --overlay vgg.csv",
        "--overlay: 0 of 1 paths are modules of resnet20. Not found: features.0",
    ),
    "overlay and heat": (
        "render resnet20 --overlay vgg.csv --color-by macs",
        "--color-by and --overlay exclude each other",
    ),
    "overlay and diff": (
        "render resnet20 plain20 --overlay vgg.csv --diff",
        "--diff and --overlay exclude each other",
    ),
    "overlay and autograd": (
        "render resnet20 --overlay vgg.csv --view autograd",
        "--view and --overlay exclude each other: the heat of the backward pass is the memory",
    ),
    "another heat of the backward pass": (
        "render resnet20 --view autograd --color-by macs",
        "--color-by macs and --view autograd exclude each other: the heat of the backward pass is "
        "the memory that it keeps. Leave --color-by out.",
    ),
    "operators of the backward pass": (
        "render resnet20 --view autograd --ops",
        "the backward pass has a box for every function already. Leave --ops out.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(cli, tmp_path, name) -> None:
    line, message = BAD[name]
    (tmp_path / "vgg.csv").write_text("module,latency, ms\nfeatures.0,3\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    run = cli(line)
    assert run.code == 2
    assert message in run.err
    assert "Traceback" not in run.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_forward_that_fails_half_way_is_drawn_up_to_there(cli, tmp_path) -> None:
    run = cli("render torchvision:vgg11 --input 3x16x16 --out half.svg")
    assert run.code == 2
    assert "failed in features." in run.err
    svg = (tmp_path / "half.svg").read_text()
    assert "the forward failed here" in svg
    assert 'id="features.0"' in svg


def test_names_with_anything_in_them(cli, tmp_path) -> None:
    (tmp_path / "odd.py").write_text(
        "from torch import nn\n\n"
        "class Odd(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.names = ['<b>&\"q\"', 'line\\nbreak', '漢字', 'x' * 300, '{a|b}', '\\\\N']\n"
        "        for name in self.names:\n"
        "            self.add_module(name, nn.Conv2d(3, 3, 1))\n\n"
        "    def forward(self, x):\n"
        "        for name in self.names:\n"
        "            x = getattr(self, name)(x)\n"
        "        return x\n"
    )
    assert cli("render odd.py:Odd --input 3x8x8 --out odd.svg --expand 漢字").code == 2  # a leaf
    assert cli("render odd.py:Odd --input 3x8x8 --ops --out odd.svg").code == 0
    svg = (tmp_path / "odd.svg").read_text()
    assert svg.count('class="node box operator"') == 6
    for piece in ("&lt;b&gt;&amp;&quot;q&quot;", "line break", "漢字", "{a|b}", "\\N"):
        assert piece in svg
    assert svg.count("x" * 38) >= 7  # 300 letters in lines of 38


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "json"])
def test_volumes_by_suffix(cli, tmp_path, suffix) -> None:
    run = cli(f"render resnet20 --style volumes --out net.{suffix}")
    assert (run.code, run.err) == (0, f"wrote net.{suffix}\n")
    assert (tmp_path / f"net.{suffix}").read_bytes().startswith(STARTS[suffix])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("resnet20", "--style volumes has no meaning for --format txt, which a terminal gets"),
        ("resnet20 --out net.dot", "--style volumes has no meaning for --format dot"),
        ("resnet20 --format mmd", "--style volumes has no meaning for --format mmd"),
        ("plain20 resnet20 --diff --out a.svg", "--style and --diff exclude each other"),
        ("resnet20 --view autograd --out a.svg", "--style and --view exclude each other"),
        ("torchvision:vit_b_16 --out a.svg", "none of|1 of the .* Use --style cards"),
    ],
)
def test_what_has_no_volumes(cli, line, message) -> None:
    run = cli(f"render {line} --style volumes")
    assert run.code == 2
    assert re.search(message, run.err)


def test_cards_can_be_asked_for_everywhere(cli) -> None:
    assert cli("render resnet20 --style cards --format txt").code == 0
    assert cli("render plain20 resnet20 --diff --style cards --out a.svg").code == 0
