"""The stub is the one list of public names: it, the package and the files agree."""

import ast
import importlib
from pathlib import Path

import pytest

import archlab

STUB = ast.parse(Path(archlab.__file__).with_suffix(".pyi").read_text())
HOMES = {
    alias.name: f"archlab.{node.module}"
    for node in STUB.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}


def test_the_package_lists_what_the_stub_does() -> None:
    assert set(archlab.__all__) == set(HOMES)
    assert set(HOMES) <= set(dir(archlab))


@pytest.mark.parametrize("name", HOMES)
def test_a_public_name_is_defined_in_the_file_that_the_stub_names(name: str) -> None:
    value = getattr(archlab, name)
    assert value is getattr(importlib.import_module(HOMES[name]), name)
    assert value.__module__ == HOMES[name]
    assert value.__doc__


def test_the_stub_exports_each_name_as_itself_once() -> None:
    names = [
        alias for node in STUB.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    assert all(
        alias.asname == alias.name for alias in names
    )  # else no re-export for a type checker
    assert len(names) == len(HOMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="flop"):
        _ = archlab.flop  # type: ignore[attr-defined]
