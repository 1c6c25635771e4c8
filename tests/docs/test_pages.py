"""Every snippet of the tutorial and the how-to pages runs as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from snippets import ROOT, blocks, commands, run, run_page

from archlab.data import sets as images
from archlab.errors import DataError
from archlab.runs.recipe import RECIPES
from archlab.tracer import overloads

DOCS = ROOT / "docs"
HOW_TO = sorted((DOCS / "how-to").glob("*.md"))
ADDING = [page for page in HOW_TO if page.name.startswith("add-")]  # run by test_how_to.py
PAGES = [
    page for page in [*sorted((DOCS / "tutorial").glob("*.md")), *HOW_TO] if page not in ADDING
]
TRAINING = [page for page in PAGES if any(block.word == "train" for block in blocks(page))]
LONG = [
    line
    for page in PAGES
    for block in blocks(page)
    if (block.language, block.word) == ("console", "long")
    for line, _ in commands(block)
    if line.startswith("archlab")
]
GPU = DOCS / "how-to" / "gpu.md"
# Numbers that run through all of a net's weights may differ in their last digit elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


def name(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.fixture(autouse=True)
def _operators_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    overloads.operator.cache_clear()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_runs(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    run_page(page)


@pytest.mark.parametrize("page", [*PAGES, *ADDING], ids=name)
def test_the_text_says_what_a_file_is_called(page: Path) -> None:
    text = page.read_text().splitlines()
    for block in blocks(page):
        if block.word and block.language != "console":
            before = "\n".join(text[max(0, block.line - 8) : block.line - 2])
            assert f"`{block.word}" in before or f'"{block.word}"' in before, block.word


def test_the_workflow_for_ci_is_yaml_whose_commands_pass(folder: Path) -> None:
    page = DOCS / "how-to" / "budget-in-ci.md"
    for block in blocks(page):
        if block.word:
            Path(block.word).write_text(block.text)
    steps = yaml.safe_load(Path("budget.yml").read_text())["jobs"]["budget"]["steps"]
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    ours = [line.partition(" >> ")[0] for line in lines if line.startswith("archlab")]
    assert len(ours) == 3
    assert [run(line).code for line in ours] == [0, 0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("page", TRAINING, ids=name)
def test_training_on_a_page_runs_for_a_few_steps(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    short = replace(RECIPES["demo"], steps=2, epochs=None, eval_every=1, eval_images=20)
    monkeypatch.setitem(RECIPES, "demo", short)
    run_page(page, "train")


@pytest.mark.parametrize("line", LONG)
def test_a_long_command_gets_as_far_as_its_images(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its options are understood. Real sweeps run in tests/train, the examples in test_examples."""

    def absent(*_: object, **__: object) -> None:
        raise DataError("the images are not here")

    monkeypatch.chdir(tmp_path)
    content = {"archlab": {"spec": "resnet8"}}  # the page's checkpoint is kept without weights
    monkeypatch.setattr("archlab.train.checkpoint.read", lambda _: content)
    Path("turned.npz").touch()
    for reader in ("read_file", "_official"):
        monkeypatch.setattr(images, reader, absent)
    ran = run(line)
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "archlab: the images are not here")


@pytest.mark.gpu
def test_what_the_gpu_page_shows_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(GPU, "gpu")
