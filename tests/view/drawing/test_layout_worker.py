"""What the worker writes and with which code it ends, with a Graphviz that is made up."""

import ast
import io
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from archlab.view.drawing import layout_worker
from archlab.view.drawing.layout_worker import NO_GRAPHVIZ, TOO_LARGE, main, resolution


@pytest.fixture
def work(monkeypatch):
    """`work(formats, text)` gives exit code and output; a text of n letters is n points wide."""

    class AGraph:
        def __init__(self, string: str) -> None:
            self.text, self.graph_attr = string, {}

        def draw(self, format: str, prog: str) -> bytes:  # noqa: A002
            assert prog == "dot"
            if format == "svg":
                return f'<svg width="{len(self.text)}pt" height="9pt">'.encode()
            return f"{format} {self.graph_attr.get('dpi', '')}".encode()

    def run(formats: list[str], text: bytes) -> tuple[int, bytes]:
        out = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
        return main(formats), out.getvalue()

    graphviz = ModuleType("pygraphviz")
    graphviz.AGraph = AGraph
    monkeypatch.setitem(sys.modules, "pygraphviz", graphviz)
    return run


def test_each_picture_stands_behind_its_size(work) -> None:
    svg = b'<svg width="7pt" height="9pt">'  # 30 bytes
    assert work(["svg", "png", "pdf"], b"digraph") == (
        0, b"30\n" + svg + b"12\npng 144.0000" + b"4\npdf ",
    )  # fmt: skip


def test_many_texts_are_told_apart_by_their_sizes(work) -> None:
    code, out = work(["many", "svg"], b"3\na\nb5\nccccc0\n")
    widths = [line.partition(b'"')[2].partition(b"pt")[0] for line in out.split(b"<svg")[1:]]
    assert (code, widths) == (0, [b"3", b"5", b"0"])
    assert work(["many", "svg"], b"") == (0, b"")
    svg = b'30\n<svg width="1pt" height="9pt">'
    assert work(["many", "svg", "pdf"], b"1\na1\nb") == (0, 2 * (svg + b"4\npdf "))
    assert work(["many", "png"], b"1\na49148\n" + b"x" * 49_148) == (TOO_LARGE, b"12\npng 144.0000")


def test_a_png_that_could_not_be_read_is_not_written(work) -> None:
    # 48 dots an inch and 32,765 pixels are 49,147.5 points.
    assert work(["png"], b"x" * 49_148) == (TOO_LARGE, b"")
    assert work(["png"], b"x" * 49_147) == (0, b"11\npng 48.0005")


def test_it_ends_itself() -> None:
    """Its parent may be gone: nobody else would end an endless layout."""
    edges = "".join(f"a{i} -> a{(i * 7919) % 900};" for i in range(6000))
    ended = subprocess.run(
        [sys.executable, layout_worker.__file__, "0.5", "svg"],
        input=f"digraph {{{edges}}}".encode(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGALRM


def test_without_graphviz_the_code_says_so(work, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert work(["svg"], b"digraph") == (NO_GRAPHVIZ, b"")


@pytest.mark.parametrize(
    ("size", "dpi"),
    [
        ("100pt 90pt", 144),
        ("90pt 32765pt", 72),  # a point is a pixel at 72 dots an inch
        ("65530pt 9pt", 36),
        ("none", 144),
    ],
)
def test_the_longer_side_decides_the_resolution(size, dpi) -> None:
    width, _, height = size.partition(" ")
    assert resolution(f'<svg width="{width}" height="{height}"') == dpi


def test_the_worker_imports_nothing_slow() -> None:
    tree = ast.parse(Path(layout_worker.__file__).read_text())
    lines = [line for line in ast.walk(tree) if isinstance(line, ast.Import | ast.ImportFrom)]
    names = {getattr(line, "module", None) or line.names[0].name for line in lines}
    assert names == {"__future__", "re", "signal", "sys", "pygraphviz"}
