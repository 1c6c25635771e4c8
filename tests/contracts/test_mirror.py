"""A file and its test have the same name and place: archlab/X/y.py and tests/X/test_y.py.

What tests a whole package, such as tests/picture/test_golden.py, stands beside them. A command
needs no file of its own: tests/cli/test_commands.py and test_pairs.py run all commands.
"""

from pathlib import Path

import pytest

import archlab

PACKAGE = Path(archlab.__file__).parent
TESTS = Path(__file__).parents[1]
SOURCES = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*.py"))
    if not path.name.startswith("__") and path.parent.parent != PACKAGE / "cli" / "commands"
]


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_file_has_its_test(source: Path) -> None:
    test = source.with_name(f"test_{source.name}")
    assert (TESTS / test).exists(), f"archlab/{source} is tested in tests/{test}"
