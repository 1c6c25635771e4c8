"""What a machine has besides packages: Graphviz, fonts, images, cores, memory, disk."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from archlab.data.catalog import EMBEDDED, SETS
from archlab.doctor.finding import AGAIN, PYTHON, Finding
from archlab.errors import LayoutError
from archlab.result import size
from archlab.view.drawing.engine import laid_out


def drawing() -> Iterator[Finding]:
    """Yield whether a drawing can be laid out (it is tried), and the system's Graphviz."""
    state, found = "ok", "a drawing was made"
    try:
        laid_out("digraph { a -> b }", ["svg"])
    except LayoutError as error:
        state, found = "broken", str(error)
    yield Finding(
        part="drawing", name="Graphviz", state=state, found=found, required=True,
        enables="archlab render --out FILE.svg, .png, .pdf", get=f"{AGAIN} pygraphviz",
    )  # fmt: skip
    dot = shutil.which("dot")
    yield Finding(
        part="drawing", name="dot", state="ok" if dot else "missing", found=dot or "not on PATH",
        enables="drawings where pygraphviz cannot be installed", get="apt install graphviz",
    )  # fmt: skip


def fonts() -> Iterator[Finding]:
    """Yield the font of all drawings, and one for letters that it lacks."""
    spec = importlib.util.find_spec("matplotlib")  # not imported
    home = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    letters = home / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    yield Finding(
        part="font", name="DejaVu Sans", state="ok" if letters.is_file() else "missing",
        found=str(letters) if spec is not None else "-", get=f"{AGAIN} matplotlib",
        enables="drawings that look the same on every machine",
    )  # fmt: skip
    family = _chinese_font()
    yield Finding(
        part="font", name="CJK", state="ok" if family else "missing", found=family or "none",
        enables="Chinese, Japanese and Korean letters in drawings",
        get="apt install fonts-noto-cjk fontconfig",
    )  # fmt: skip


def _chinese_font() -> str:
    """The first font with Chinese letters that fontconfig lists; empty where it lists none."""
    if shutil.which("fc-list") is None:
        return ""
    command = ["fc-list", ":lang=zh", "family"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return min(done.stdout.splitlines(), default="").partition(",")[0]


def images(data_dir: Path) -> Iterator[Finding]:
    """Yield the images inside the package, and the official sets in a folder."""
    yield Finding(
        part="images", name="embedded", state="ok" if EMBEDDED.is_file() else "broken",
        found=str(EMBEDDED), required=True, enables="the demo, without data or network",
        get="install archlab again, from where you had it",
    )  # fmt: skip
    for name, archive in SETS.items():
        place = data_dir / archive.folder
        arguments = f"{name!r}, data_dir={str(data_dir)!r}, download=True"
        code = f"import archlab; archlab.ImageData({arguments}).images"
        yield Finding(
            part="images", name=name, state="ok" if place.is_dir() else "missing",
            found=str(place) if place.is_dir() else f"not in {data_dir}",
            enables=f"--data {name}", get=f'{PYTHON} -c "{code}"',
        )  # fmt: skip


def room() -> Iterator[Finding]:
    """Yield system, cores, memory and disk: for a report of a fault."""
    free = shutil.disk_usage(Path.cwd()).free
    facts = {
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "disk": f"{size(free)} free in {Path.cwd()}",
    }
    for name, found in facts.items():
        yield Finding(part="machine", name=name, state="ok", found=found)


def _memory() -> str:
    """Free and whole memory, where the system says so."""
    place = Path("/proc/meminfo")
    if not place.is_file():
        return "unknown"
    lines = place.read_text().splitlines()
    sizes = {
        name: int(rest.split()[0]) * 1024 for name, _, rest in (x.partition(":") for x in lines)
    }
    return f"{size(sizes['MemAvailable'])} free of {size(sizes['MemTotal'])}"
