"""Every snippet of the tutorial, the how-to pages and the gallery's examples runs as it stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from snippets import ROOT, blocks, run_page

from archlab.train.recipe import RECIPES

DOCS = ROOT / "docs"
PAGES = sorted([*(DOCS / "tutorial").glob("*.md"), *(DOCS / "how-to").glob("*.md")])
TRAINING = [page for page in PAGES if any(block.word == "train" for block in blocks(page))]
# Numbers that run through all of a net's weights may differ in their last digit elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


def name(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_runs(page: Path, folder: Path) -> None:
    run_page(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", TRAINING, ids=name)
def test_training_on_a_page_runs_for_a_few_steps(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    short = replace(RECIPES["demo"], steps=2, epochs=None, eval_every=1, eval_images=20)
    monkeypatch.setitem(RECIPES, "demo", short)
    run_page(page, training=True)
