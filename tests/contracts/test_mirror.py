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
    "analyze": "costs header tree",
    "analyze/by_depth": "responses shattered",
    "analyze/field": "certify effective",
    "analyze/field/sight": "join mix move propagate rules sight windows",
    "api/field": "growth pictures receptive_field",
    "api/live": "gradients header pictures probes",
    "api/page": "of_model of_runs report",
    "api/scale": "row scan",
    "api/training": "degradation finetune recipes single",
    "cli": "app interrupt measuring options output running",
    "data/embedded": "make",
    "doctor": "finding",
    "engine": "process worker",
    "fold": "choose drawing edges emit fuse names repeat tree",
    "ir": "kinds",
    "picture": "graph look",
    "probe": "autograd watch",
    "resolve": "accuracy",
    "result": "by_depth field listing table",
    "runs": "ledger logs progress record",
    "tracer": "overloads settings",
    "train": "build cost evaluate process",
    "view/drawing": "card layout_worker",
    "view/figure": "export over_time",
    "view/page": "content drawing stages",
    "zoo": "options",
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
