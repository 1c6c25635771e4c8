"""A file and its test have the same name and place: archlab/X/y.py and tests/X/test_y.py.

What tests a whole package, such as tests/picture/test_golden.py, stands beside them.
"""

from pathlib import Path

import pytest

import archlab

PACKAGE = Path(archlab.__file__).parent
TESTS = Path(__file__).parents[1]
# Folder -> files that have no test of their own yet. The list may only shrink.
ELSEWHERE = {
    ".": "files version",
    "analyze": "costs header tree",
    "analyze/by_depth": "responses shattered",
    "analyze/field": "certify effective",
    "analyze/field/sight": "join mix move propagate rules sight windows",
    "api/field": "growth pictures receptive_field",
    "api/live": "gradients header pictures probes",
    "api/page": "of_model of_runs report",
    "api/scale": "row scan",
    "api/training": "degradation finetune recipes single",
    "cli": "app engines measuring options output progress sweep watch",
    "cli/commands": (
        "bottleneck check compare curves degradation doctor finetune flops gradients identity "
        "memory models params render report responses rf scan shapes shattered summary test train "
        "verdict"
    ),
    "data/embedded": "make",
    "doctor": "finding",
    "engine": "process worker",
    "fold": "choose drawing edges emit fuse names repeat tree",
    "ir": "kinds",
    "picture": "formats graph look",
    "probe": (
        "autograd blocks branches effective_field gradient_support initial losses norm responses "
        "samples shattered shortcuts untouched watch weights"
    ),
    "resolve": "accuracy catalog",
    "result": "by_depth field listing table",
    "tracer": "chain isolate layout modules operators reading recorder settings tensors windows",
    "train": "build cost evaluate process",
    "view/drawing": "card layout_worker",
    "view/figure": "over_time written",
    "view/page": "content drawing stages",
    "zoo": "conv options shortcut",
}
KNOWN = {
    Path(folder, f"{name}.py") for folder, names in ELSEWHERE.items() for name in names.split()
}
SOURCES = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*.py"))
    if not path.name.startswith("__")
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
