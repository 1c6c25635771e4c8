"""The plan of folders on the design page is the tree."""

from __future__ import annotations

import re
from pathlib import Path

from snippets import ROOT, blocks

PACKAGE = ROOT / "archlab"


def planned() -> set[Path]:
    """The paths of the plan: two blanks of indentation are a level."""
    (plan,) = (block for block in blocks(ROOT / "docs" / "design.md") if block.language == "text")
    paths: list[Path] = []
    parts: list[str] = []
    for indent, name in re.findall(r"^( *)([\w.]+)", plan.text, re.MULTILINE):
        parts = [*parts[: len(indent) // 2], name]
        paths.append(ROOT.joinpath(*parts))
    assert len(paths) == len(set(paths))
    return set(paths) - {PACKAGE}


def test_the_plan_names_every_folder_and_every_file_beside_them() -> None:
    folders = {path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__"}
    files = {path for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    assert planned() == folders | files | {PACKAGE / "__init__.pyi"}
