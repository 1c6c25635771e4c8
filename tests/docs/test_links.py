"""No link of a page is dead, each picture of the tutorial has the command that makes it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import typer
from snippets import FENCE, ROOT, blocks
from typer.main import get_command

import archlab
from archlab.cli.app import app

DOCS = ROOT / "docs"
KEPT = ("_build", "runs", "reference")
PAGES = sorted(
    page for page in DOCS.rglob("*.md") if not set(page.relative_to(DOCS).parts[:-1]) & set(KEPT)
)
TOP = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY")]
LESSONS = sorted((DOCS / "tutorial").glob("*.md"))


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def slugs(page: Path) -> set[str]:
    """Return the anchors that GitHub and the site make of a page's headings."""
    text = FENCE.sub("", page.read_text())
    heads = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, *TOP], ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_of_a_page_is_dead(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    for link in [*re.findall(r"\]\(([^)]+)\)", text), *re.findall(r'(?:src|href)="([^"]+)"', text)]:
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in slugs(target), link


def test_every_page_has_a_place_in_the_site() -> None:
    places = (DOCS / "index.md").read_text().splitlines()
    for page in PAGES:
        name = page.relative_to(DOCS).with_suffix("")
        if name.parts[0] != "how-to" and page.name != "index.md":  # those by a pattern
            assert str(name) in places, f"{name} stands in no toctree of docs/index.md"


def test_every_picture_of_the_tutorial_has_its_command() -> None:
    made = module(DOCS / "tutorial" / "figures.py").figures()
    shown = {
        name
        for page in LESSONS
        for name in re.findall(r"figures/tutorial/(\w+)\.png", page.read_text())
    }
    assert shown == set(made)
    for name in made:
        assert (DOCS / "figures" / "tutorial" / f"{name}.png").is_file()


def test_the_reference_has_every_command_option_and_name() -> None:
    make = module(DOCS / "reference" / "make.py")
    commands, names = make.commands(), make.names()
    group = get_command(app)
    for command in group.list_commands(typer.Context(group)):
        assert f"## archlab {command}\n" in commands
    assert "`-o, --out <path>`" in commands
    assert "`--max-params" in commands
    for name in archlab.__all__:
        assert f" archlab.{name}\n" in names


FILES = re.compile(r"`((?:archlab|docs|examples|tests)/[\w./-]+\.\w+)")


@pytest.mark.parametrize("page", [*PAGES, *TOP], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_file_of_the_project_that_a_page_names_is_there(page: Path) -> None:
    # CONTRIBUTING writes NAME for the one to be chosen; a page that adds files holds their text.
    made = {block.word for block in blocks(page)}
    named = {name for name in FILES.findall(page.read_text()) if "NAME" not in name}
    assert not [name for name in sorted(named - made) if not (ROOT / name).exists()]
