"""A file and its test have the same name and place: archlab/X/y.py and tests/X/test_y.py.

What tests a whole package, such as tests/picture/test_golden.py, stands beside them. A command
needs no file of its own: tests/cli/test_commands.py and test_pairs.py run all commands.
"""

from pathlib import Path

import pytest

import archlab

PACKAGE = Path(archlab.__file__).parent
TESTS = Path(__file__).parents[1]
# Folder -> files that have no test of their own yet. The list may only shrink.
ELSEWHERE = {
    ".": "version",
    "view/page": "content drawing stages",
}
KNOWN = {
    Path(folder, f"{name}.py") for folder, names in ELSEWHERE.items() for name in names.split()
}
SOURCES = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*.py"))
    if not path.name.startswith("__") and path.parent.parent != PACKAGE / "cli" / "commands"
]


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_file_has_its_test_unless_listed(source: Path) -> None:
    test = source.with_name(f"test_{source.name}")
    if source in KNOWN:
        assert not (TESTS / test).exists(), f"tests/{test} is there: take {source} off the list"
    else:
        assert (TESTS / test).exists(), f"archlab/{source} is tested in tests/{test}"


def test_the_list_names_files_that_are_there() -> None:
    assert set(SOURCES) >= KNOWN
