"""Each picture of the gallery has its command, and the commands and examples of its page run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from snippets import ROOT, run, run_page


def gallery() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "examples" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.GALLERY
    return found


def test_the_gallery_page_has_each_picture_and_its_command() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text()
    for name, options in gallery().items():
        assert f"archlab render {options} --out {name}.png" in page
        assert f"figures/gallery/{name}.png" in page
        assert (ROOT / "docs" / "figures" / "gallery" / f"{name}.png").is_file()


@pytest.mark.parametrize("name", gallery())
def test_a_gallery_command_draws(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    target = tmp_path / "picture.svg"
    ran = run(f"archlab render {gallery()[name]} --out {target}")
    assert ran.code == 0, ran.err
    assert target.read_text().startswith("<svg")


def test_the_examples_of_the_gallery_run(folder: Path) -> None:
    run_page(ROOT / "docs" / "gallery.md", "example")
