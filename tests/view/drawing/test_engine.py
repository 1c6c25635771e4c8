"""The layout runs in a process of its own: what stops, crashes or is absent is an error here."""

import pytest

from archlab.errors import LayoutError
from archlab.view.drawing import engine
from archlab.view.drawing.dot import dot
from archlab.view.drawing.engine import laid_out, many_laid_out


def test_png_and_pdf_need_no_system_dot(drawing, style, monkeypatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    png, pdf = laid_out(dot(drawing, style), ["png", "pdf"])
    assert png.startswith(b"\x89PNG")
    assert pdf.startswith(b"%PDF")
    assert b"/FontFile" in pdf  # the fonts are inside


def test_a_layout_that_takes_too_long_is_stopped() -> None:
    edges = "".join(f"a{i} -> a{(i * 7919) % 900};" for i in range(6000))
    with pytest.raises(LayoutError, match=r"more than 0\.5 s") as caught:
        laid_out(f"digraph {{{edges}}}", ["svg"], timeout=0.5)
    assert caught.value.dot.startswith("digraph")


def test_a_crash_in_the_layout_is_an_error_here(monkeypatch, tmp_path) -> None:
    worker = tmp_path / "crash.py"
    worker.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(engine.layout_worker, "__file__", str(worker))
    with pytest.raises(LayoutError, match="code -11"):
        laid_out("digraph {a}", ["svg"])


def test_text_that_is_no_graph_is_an_error() -> None:
    with pytest.raises(LayoutError, match="Graphviz failed"):
        laid_out("digraph {", ["svg"])


def without_pygraphviz(monkeypatch, tmp_path) -> None:
    worker = tmp_path / "absent.py"
    worker.write_text("raise SystemExit(127)")
    monkeypatch.setattr(engine.layout_worker, "__file__", str(worker))


def test_without_any_graphviz_it_says_what_to_do(monkeypatch, tmp_path) -> None:
    without_pygraphviz(monkeypatch, tmp_path)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(LayoutError, match="pip install pygraphviz"):
        laid_out("digraph {a}", ["svg"])


def test_the_systems_dot_is_the_fallback(monkeypatch, tmp_path) -> None:
    without_pygraphviz(monkeypatch, tmp_path)
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\ncat >/dev/null\nprintf '<svg %s' $1\n")
    program.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _: str(program))
    assert laid_out("digraph {a}", ["svg", "pdf"]) == [b"<svg -Tsvg", b"<svg -Tpdf"]


def test_a_png_that_would_be_too_large_is_refused() -> None:
    rows = "->".join(f"a{i}" for i in range(1200))
    with pytest.raises(LayoutError, match=r"32,767 pixels.*\.svg or \.pdf"):
        laid_out(f"digraph {{{rows}}}", ["png"])


def test_many_are_laid_out_in_one_process(monkeypatch) -> None:
    first, second = many_laid_out(["digraph {a -> b}", "digraph {c}"])
    assert (first.count(b'class="node"'), second.count(b'class="node"')) == (2, 1)
    assert many_laid_out([]) == []


def test_one_that_fails_takes_no_other_with_it() -> None:
    first, second = many_laid_out(["digraph {a}", "digraph {"])
    assert first.count(b'class="node"') == 1
    assert second is None
    slow = "digraph {" + "".join(f"a{i} -> a{j};" for i in range(90) for j in range(i)) + "}"
    assert many_laid_out([slow, slow], timeout=0.05) == [None, None]
