"""Make the tutorial's pictures again, each by the command that its page shows.

    python docs/tutorial/figures.py [NAME ...]       # all, or some: inception highway

A command of a page that writes NAME.png makes docs/figures/tutorial/NAME.png, in 256 colours.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
FIGURES = HERE.parent / "figures" / "tutorial"
COMMAND = re.compile(r"^\$ (archlab .*(?:--out|--plot) (\w+)\.png)$", re.MULTILINE)
FILE = re.compile(r"^```python (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def figures() -> dict[str, str]:
    """Return name -> command of every picture of the tutorial."""
    text = "\n".join(page.read_text() for page in sorted(HERE.glob("*.md")))
    return {name: command for command, name in COMMAND.findall(text)}


def main(names: list[str]) -> None:
    """Run the commands in a folder like a reader's."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(HERE / "runs", Path(folder) / "runs")
        for page in HERE.glob("*.md"):
            for name, text in FILE.findall(page.read_text()):
                (Path(folder) / name).write_text(text)
        for name, command in figures().items():
            if not names or name in names:
                subprocess.run(command, shell=True, cwd=folder, check=True)
                image = Image.open(Path(folder) / f"{name}.png").convert("RGB")
                image.quantize(256).save(FIGURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
