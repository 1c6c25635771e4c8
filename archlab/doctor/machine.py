"""Looks for what archlab uses besides packages: fonts, images, cores, memory, disk."""

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
from archlab.result import size


def fonts() -> Iterator[Finding]:
    """Yield the font of all drawings, and one for the letters that it lacks."""
    spec = importlib.util.find_spec("matplotlib")  # finds it without an import, which may fail
    home = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    font = home / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    yield Finding(
        part="font", name="DejaVu Sans", state="ok" if font.is_file() else "missing",
        found=str(font) if spec is not None else "-", get=f"{AGAIN} matplotlib",
        enables="drawings that look the same on every machine",
    )  # fmt: skip
    family = ""
    # Any font with Chinese letters will do, and each distribution has another one.
    if shutil.which("fc-list") is not None:
        command = ["fc-list", ":lang=zh", "family"]
        process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  three fixed words
        family = min(process.stdout.splitlines(), default="").partition(",")[0]
    yield Finding(
        part="font", name="CJK", state="ok" if family else "missing", found=family or "none",
        enables="Chinese, Japanese and Korean letters in drawings",
        get="apt install fonts-noto-cjk fontconfig",
    )  # fmt: skip


def images(data_dir: Path) -> Iterator[Finding]:
    """Yield the images inside the package, and the official sets in a folder."""
    yield Finding(
        part="images", name="embedded", state="ok" if EMBEDDED.is_file() else "broken",
        found=str(EMBEDDED), required=True, enables="the demo, without data or network",
        get="install archlab again, from where you had it",
    )  # fmt: skip
    for name, archive in SETS.items():
        path = data_dir / archive.folder
        arguments = f"{name!r}, data_dir={str(data_dir)!r}, download=True"
        code = f"import archlab; archlab.ImageData({arguments}).images"
        yield Finding(
            part="images", name=name, state="ok" if path.is_dir() else "missing",
            found=str(path) if path.is_dir() else f"not in {data_dir}",
            enables=f"--data {name}", get=f'{PYTHON} -c "{code}"',
        )  # fmt: skip


def room() -> Iterator[Finding]:
    """Yield system, cores, memory and disk, which a report of a fault should contain."""
    free = shutil.disk_usage(Path.cwd()).free
    memory, table = "unknown", Path("/proc/meminfo")  # a file that only Linux has
    if table.is_file():
        lines = (line.partition(":") for line in table.read_text().splitlines())
        sizes = {name: int(kibibytes.split()[0]) * 1024 for name, _, kibibytes in lines}
        memory = f"{size(sizes['MemAvailable'])} free of {size(sizes['MemTotal'])}"
    facts = {
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "memory": memory,
        "disk": f"{size(free)} free in {Path.cwd()}",
    }
    for name, fact in facts.items():
        yield Finding(part="machine", name=name, state="ok", found=fact)
