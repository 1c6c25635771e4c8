"""Each page that adds something is followed in a copy of the tree.

The page's own test passes there, and so do the tests that run over every entry of what it adds to.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from snippets import ROOT, blocks, run_page, write_files

HOW_TO = ROOT / "docs" / "how-to"
# Page -> the tests that can fail by what it adds.
TESTS = {
    "add-a-column": ("tests/analyze/test_shapes.py", "tests/docs/test_json.py",
                     "tests/contracts/test_kinds.py", "-k", "shapes"),
    "add-a-data-set": ("tests/data/test_catalog.py", "tests/data/test_sets.py",
                       "-k", "test_catalog or absent_data"),
    "add-a-drawing-format": ("tests/view/drawing/test_edge_list.py",
                             "tests/contracts/test_circles.py", "tests/picture/test_picture.py",
                             "tests/contracts/test_mirror.py",
                             "-k", "edge or no_circle or each_format"),
    "add-a-recipe": ("tests/runs/test_recipe.py", "tests/train/test_run.py", "-k", "recipe"),
    "add-a-view": ("tests/view/test_table.py", "tests/cli/test_commands.py",
                   "-k", "(test_table and not unknown) or (tsv and params)"),
    "add-a-zoo-family": ("tests/zoo", "tests/contracts/test_circles.py",
                         "tests/contracts/test_mirror.py", "tests/contracts/test_zoo_nets.py",
                         "-k", "allcnn or no_circle"),
    "add-an-analyzer": ("tests/analyze/test_largest.py", "archlab/api/cost.py",
                        "tests/contracts/test_circles.py", "tests/contracts/test_kinds.py",
                        "tests/contracts/test_public_docs.py",
                        "tests/contracts/test_public_names.py",
                        "tests/contracts/test_zoo_nets.py", "tests/contracts/test_mirror.py",
                        "tests/cli/test_commands.py", "tests/cli/test_pairs.py",
                        "-k", "largest or no_circle or public_names or every_command or "
                        "every_option"),
    "add-an-option": ("tests/cli/test_command.py", "tests/cli/test_pairs.py",
                      "archlab/cli/command.py", "-k", "not each_pair"),
    "add-an-operator": ("tests/tracer/test_operators.py", "tests/tracer/test_shape_nets.py",
                        "-k", "test_operators or cdist"),
}  # fmt: skip


def test_every_page_that_adds_is_followed() -> None:
    assert {page.stem for page in HOW_TO.glob("add-*.md")} == set(TESTS)


@pytest.mark.parametrize("name", TESTS)
def test_contributing_says_how_many_files_an_addition_touches(name: str) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (count,) = re.findall(rf"how-to/{name}\.md\).*\| (\d+) \|$", text, re.MULTILINE)
    words = {block.word for block in blocks(HOW_TO / f"{name}.md")}
    assert int(count) == sum(word.startswith(("archlab/", "tests/")) for word in words)


@pytest.mark.slow
def test_each_page_is_followed_in_a_copy_of_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = {name: _tree(tmp_path / name, monkeypatch) for name in TESTS}
    words = [("--", str(tree), f"docs/how-to/{name}.md", *TESTS[name])
             for name, tree in trees.items()]  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("follow.py")), *itertools.chain(*words)],
        check=False, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if os.environ.get("ARCHLAB_ACCEPT"):
        for name, tree in trees.items():
            shutil.copy(tree / "docs" / "how-to" / f"{name}.md", HOW_TO)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(tmp_path)


def _tree(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run what a page shows of archlab as it is; return a tree with what it adds."""
    page, tree = HOW_TO / f"{folder.name}.md", folder / "tree"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for block in blocks(page):
        if block.word and "/" not in block.word:
            Path(block.word).write_text(block.text)
    run_page(page, "example")
    for part in ("archlab", "tests", "docs/how-to"):  # compiled files too: none is made anew
        shutil.copytree(ROOT / part, tree / part)
    for file in ("pyproject.toml", "docs/json.md"):
        shutil.copy(ROOT / file, tree / file)
    write_files(page, tree)
    return tree


@pytest.mark.parametrize(
    ("text", "edit", "result"),
    [
        ("a\nb\n", " a\n+new\n b\n", "a\nnew\nb\n"),
        ("a\nb\nc\n", "-b\n+x\n@@\n c\n+d\n", "a\nx\nc\nd\n"),
        ("a\n\nb\n", " a\n\n+new\n", "a\n\nnew\nb\n"),
    ],
)
def test_a_diff_edits(text: str, edit: str, result: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(f"```diff file.py\n{edit}```\n")
    (tmp_path / "file.py").write_text(text)
    write_files(tmp_path / "page.md", tmp_path)
    assert (tmp_path / "file.py").read_text() == result


@pytest.mark.parametrize("text", ["b\n", "a\na\n"])
def test_a_diff_whose_lines_are_not_there_once_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("```diff file.py\n a\n+new\n```\n")
    (tmp_path / "file.py").write_text(text)
    with pytest.raises(AssertionError, match="does not hold these lines once"):
        write_files(tmp_path / "page.md", tmp_path)
