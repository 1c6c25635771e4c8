"""No two files import each other, also not inside functions; nothing imports the front door back.

import-linter holds folders against each other. This holds files, and sees the imports inside
functions that dodge a circle. Imports for type checkers alone are left out.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import archlab

ROOT = Path(archlab.__file__).parent


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(path): path for path in ROOT.rglob("*.py")}


def import_nodes(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from import_nodes(child)


def imported(source: str, known: set[str]) -> set[str]:
    """The modules among `known` that a source imports, at its top or in a function."""
    names: set[str] = set()
    for node in import_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        else:
            whole = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            names |= {dotted if dotted in known else str(node.module) for dotted in whole.values()}
    return names & known


def circle(sources: dict[str, str]) -> list[str]:
    """The names on a circle of imports, or nothing."""
    known = set(sources)
    edges = {name: imported(text, known) - {name} for name, text in sources.items()}
    try:
        tuple(TopologicalSorter(edges).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_of_imports() -> None:
    assert not circle({name: path.read_text() for name, path in FILES.items()})


@pytest.mark.parametrize("line", ["import {}", "from {} import x", "def f():\n    import {}"])
def test_a_circle_is_seen(line: str) -> None:
    assert circle({"a.b": line.format("a.c"), "a.c": "from a import b"})
    assert not circle({"a.b": line.format("a.c"), "a.c": "if TYPE_CHECKING:\n    import a.b"})


def test_nothing_below_the_front_door_imports_it() -> None:
    below = {name: path for name, path in FILES.items() if name != "archlab"}
    importers = [
        name for name, path in below.items() if "archlab" in imported(path.read_text(), {*FILES})
    ]
    assert importers == []
