"""Lay out DOT text in a process of its own: a crash or an endless layout takes nothing with it.

Run by `engine` as `python layout_worker.py SECONDS FORMAT …` with DOT on standard input. Writes for
each format its size in bytes, a line break, and the bytes. As `python layout_worker.py SECONDS many
FORMAT …` it reads any number of texts, each behind its size and a line break. After so many seconds
the system ends it. It imports nothing of archlab, so that it starts fast.
"""

from __future__ import annotations

import re
import signal
import sys

DPI = 144.0
LONGEST = 32_767  # pixels a side, the limit of the library that writes PNG
LEGIBLE = 48.0  # dots per inch below which text cannot be read
TOO_LARGE, NO_GRAPHVIZ = 3, 127  # exit codes


def main(words: list[str]) -> int:
    """Write the pictures; return the exit code."""
    texts, code = sys.stdin.buffer, 0
    try:
        if words[0] != "many":
            return _draw(texts.read().decode(), words)
        while code == 0 and (line := texts.readline()):
            code = _draw(texts.read(int(line)).decode(), words[1:])
    except ImportError:
        return NO_GRAPHVIZ
    return code


def _draw(source: str, formats: list[str]) -> int:
    import pygraphviz

    svg = pygraphviz.AGraph(string=source).draw(format="svg", prog="dot")
    for style in formats:
        data = svg
        if style != "svg":
            graph = pygraphviz.AGraph(string=source)
            if style == "png":
                dpi = resolution(svg.decode())
                if dpi < LEGIBLE:
                    return TOO_LARGE
                graph.graph_attr["dpi"] = f"{dpi:.4f}"
            data = graph.draw(format=style, prog="dot")
        _write(data)
    sys.stdout.buffer.flush()
    return 0


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(b"%d\n%b" % (len(data), data))


def resolution(svg: str) -> float:
    """Return dots per inch such that no side of a PNG is longer than can be written."""
    match = re.search(r'<svg width="(\d+)pt" height="(\d+)pt"', svg)
    points = max(map(int, match.groups())) if match else 0
    return min(DPI, (LONGEST - 2) * 72 / max(points, 1))


if __name__ == "__main__":
    # Whoever started it may have been killed; and Graphviz does not come back to Python meanwhile.
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
