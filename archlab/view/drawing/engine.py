"""DOT text to SVG, PNG or PDF: by the Graphviz inside pygraphviz's wheel, else the system's `dot`.

Layout runs in a child process with a time limit, with matplotlib's DejaVu fonts, so that a picture
is the same on every machine, whatever fonts it has.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from archlab.errors import LayoutError, OutputError, keyword
from archlab.files import cache_folder, write
from archlab.view.drawing import layout_worker

FORMATS = ("svg", "png", "pdf")
TIMEOUT = 120.0
_CJK = 0x2E80  # DejaVu has no letters from here on: the system's fonts help out
_SYSTEM_FONTS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts",
    "/System/Library/Fonts", "/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip


def laid_out(dot: str, formats: Sequence[str], *, timeout: float = TIMEOUT) -> list[bytes]:
    """Return the pictures of DOT text, one for each of FORMATS that is asked for.

    Raises:
        LayoutError: no Graphviz, a crash, too slow, or a PNG too large; it carries the DOT text.
    """
    try:
        with _fonts(dot) as environment:
            worker = _run(_worker(timeout, *formats), dot.encode(), environment, timeout)
            if worker.returncode == layout_worker.NO_GRAPHVIZ:
                return [_by_system_dot(dot, style, environment, timeout) for style in formats]
    except subprocess.TimeoutExpired as error:
        raise LayoutError(f"The layout took more than {timeout:g} s.", dot) from error
    if worker.returncode == layout_worker.TOO_LARGE:
        raise LayoutError(
            f"The picture is too large for a PNG ({layout_worker.LONGEST:,} pixels a side at "
            f"{layout_worker.LEGIBLE:g} dpi or more). Write .svg or .pdf, or draw fewer boxes "
            f"({keyword('boxes')}, {keyword('depth')}).",
            dot,
        )
    if worker.returncode:
        raise LayoutError(f"Graphviz failed with code {worker.returncode}{_last(worker)}.", dot)
    return _pieces(worker.stdout, len(formats))


def many_laid_out(dots: Sequence[str], *, timeout: float = TIMEOUT) -> list[bytes | None]:
    """Return an SVG for each of many small DOT texts, None where that failed.

    All are laid out in one process, within `timeout` seconds; if one is slow or crashes, each gets
    a process of its own.
    """
    texts = [dot.encode() for dot in dots]
    data = b"".join(b"%d\n%b" % (len(text), text) for text in texts)
    with contextlib.suppress(subprocess.TimeoutExpired), _fonts("".join(dots)) as environment:
        worker = _run(_worker(timeout, "many", "svg"), data, environment, timeout)
        if worker.returncode == 0:
            return list(_pieces(worker.stdout, len(dots)))
    # One of them is at fault, and a crash does not say which.
    pictures: list[bytes | None] = []
    for dot in dots:
        try:
            pictures += laid_out(dot, ("svg",), timeout=timeout)
        except LayoutError:
            pictures.append(None)
    return pictures


def _worker(timeout: float, *arguments: str) -> list[str]:
    # It ends itself soon after its time is over, also where nobody is left to end it.
    seconds = f"{timeout + 1:g}"
    return [sys.executable, str(Path(layout_worker.__file__)), seconds, *arguments]


def _run(
    command: Sequence[str], data: bytes, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603  Python or `dot`; a drawing is its input, no argument
        command, input=data, capture_output=True, env=environment, timeout=timeout, check=False
    )


def _by_system_dot(dot: str, style: str, environment: dict[str, str], timeout: float) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise LayoutError(
            "There is no Graphviz: pygraphviz is not installed and no `dot` is on the path. "
            "Try pip install pygraphviz, or write .dot, .mmd or .txt.",
            dot,
        )
    process = _run([program, f"-T{style}"], dot.encode(), environment, timeout)
    if process.returncode:
        raise LayoutError(f"`dot` failed with code {process.returncode}{_last(process)}.", dot)
    return process.stdout


def _last(process: subprocess.CompletedProcess[bytes]) -> str:
    lines = process.stderr.decode(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else " (it crashed)"


def _pieces(data: bytes, count: int) -> list[bytes]:
    pieces = []
    for _ in range(count):
        size, _, rest = data.partition(b"\n")
        pieces.append(rest[: int(size)])
        data = rest[int(size) :]
    return pieces


@contextlib.contextmanager
def _fonts(dot: str) -> Iterator[dict[str, str]]:
    """Give an environment with matplotlib's fonts, and with the system's where they are needed."""
    spec = importlib.util.find_spec("matplotlib")  # not imported: that takes 0.4 s
    folders = []
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf")
    if any(ord(letter) >= _CJK for letter in dot):
        folders += [Path(folder).expanduser() for folder in _SYSTEM_FONTS]
    lines = "".join(f"<dir>{escape(str(folder))}</dir>" for folder in folders)
    # fontconfig keeps there what it read of the fonts: the next layout starts faster.
    cache = cache_folder() / "fontconfig"
    content = (
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"{lines}<cachedir>{escape(str(cache))}</cachedir></fontconfig>"
    )
    with contextlib.ExitStack() as stack:
        # Under a name of its content: what is killed leaves nothing that the next one does not use.
        config = cache / f"{hashlib.sha256(content.encode()).hexdigest()[:12]}.conf"
        if not config.is_file() and not _written(config, content):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="archlab-"))
            config = Path(folder) / config.name
            config.write_text(content)
        yield {**os.environ, "FONTCONFIG_FILE": str(config)}


def _written(path: Path, content: str) -> bool:
    """Write a file, its folder too; False where that is not allowed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, content)
    except (OSError, OutputError):
        return False
    return True
