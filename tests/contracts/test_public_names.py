"""The public names are those that resolve, and one list agrees with the other."""

import ast
import importlib
from pathlib import Path

import pytest

import archlab
from archlab import api

HOMES = {**api.VERBS, "ArchlabError": "archlab.errors"}


@pytest.mark.parametrize("name", archlab.__all__)
def test_a_public_name_resolves_to_its_home(name: str) -> None:
    home = importlib.import_module(HOMES[name])
    assert getattr(archlab, name) is getattr(home, name)
    assert getattr(archlab, name).__doc__


def test_the_lists_agree() -> None:
    assert len(set(archlab.__all__)) == len(archlab.__all__)  # ruff keeps the order
    assert set(api.VERBS) == set(api.__all__)
    assert set(api.__all__) == set(archlab.__all__) - {"ArchlabError"}
    assert set(archlab.__all__) <= set(dir(archlab))


@pytest.mark.parametrize("name", api.__all__)
def test_the_api_and_the_package_give_the_same_object(name: str) -> None:
    assert getattr(api, name) is getattr(archlab, name)


def test_type_checkers_see_the_public_names() -> None:
    tree = ast.parse(Path(archlab.__file__).read_text())
    guarded = [node for node in tree.body if isinstance(node, ast.If)]
    (block,) = [node for node in guarded if ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names}
    assert seen == api.VERBS


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'flop'"):
        _ = archlab.flop  # type: ignore[attr-defined]
