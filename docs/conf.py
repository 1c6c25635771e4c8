"""The docs site: `nox -s docs`. Sphinx reads the Markdown as GitHub does; nothing is fetched.

A link to a page that is not there, a missing picture or an unknown reference is an error. The
reference pages are written by `reference/make.py` while the site is built, from the dicts of
commands and verbs.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "reference")]

import make  # noqa: E402  - it is found by the line above

from archlab import __version__  # noqa: E402

project, release, copyright = "archlab", __version__, "the archlab authors"  # noqa: A001
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "tutorial/runs/*/*"]
html_theme, html_title = "furo", f"archlab {release}"

# Markdown as on GitHub: links to headings, <img> with a width, <details>.
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 3
smartquotes = False  # --out is no dash

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_custom_sections = [("Source", "notes")]

make.write(HERE / "reference")


def setup(app: Any) -> None:
    """Copy the gallery as it is: its tiles are HTML, which Sphinx does not look into."""
    tiles = HERE / "figures" / "gallery"
    copied = Path(app.outdir) / "figures" / "gallery"
    app.connect("build-finished", lambda *_: shutil.copytree(tiles, copied, dirs_exist_ok=True))
