"""Run pages that add something to archlab, and then tests, each page in a copy of the tree.

    python tests/docs/follow.py tree1 docs/how-to/add-a-view.md tests/view -k format -- tree2 …

Each has a process of its own, so that it imports the archlab of its copy. All are forked from this
one, which has imported what takes longer than most of the tests. What they print goes to tree1.log
and so on, and to standard error where something failed.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import pytest
import torchvision  # noqa: F401  and torch


def follow(tree: str, page: str, *tests: str) -> int:
    """Run the page and the tests in the tree; return pytest's exit code."""
    os.chdir(tree)
    sys.path[:0] = [tree, f"{tree}/tests/docs"]
    os.environ["PYTHONPATH"] = tree
    from snippets import run_page  # it imports archlab

    run_page(Path(page).resolve())
    return pytest.main(["-q", "-p", "no:cacheprovider", *tests])


def forked(tree: str, *request: str) -> bool:
    """Follow a page in a child; return whether all went well."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    with Path(f"{tree}.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        sys.exit(follow(tree, *request))


if __name__ == "__main__":
    groups = itertools.groupby(sys.argv[1:], lambda word: word == "--")
    requests = [tuple(words) for between, words in groups if not between]
    failed = [tree for tree, *request in requests if not forked(tree, *request)]
    sys.stderr.writelines(Path(f"{tree}.log").read_text() for tree in failed)
    sys.exit(len(failed))
