"""Run a page that adds something to archlab, and then tests, in a copy of the tree.

    python tests/docs/follow.py docs/how-to/add-a-view.md tests/view -k format

A process of its own, so that it imports the archlab of the copy.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from snippets import run_page

if __name__ == "__main__":
    page, *tests = sys.argv[1:]
    run_page(Path(page).resolve())
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *tests]))
