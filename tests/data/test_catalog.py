"""Every set of the table: a reader that is there, and messages that name it."""

import importlib

import pytest

from archlab.data.catalog import EMBEDDED, NAMES, SETS, SOURCES
from archlab.data.sets import is_set, load_images
from archlab.errors import DataError


@pytest.mark.parametrize("name", SETS)
def test_every_set_has_a_reader_and_is_asked_for_by_its_name(name, tmp_path) -> None:
    with pytest.raises(DataError) as raised:
        load_images(name, tmp_path)
    archive = SETS[name]
    assert f"{archive.title} is not in {tmp_path}" in str(raised.value)
    assert str(tmp_path / archive.folder) in str(raised.value)
    assert is_set(name)
    assert name in SOURCES


@pytest.mark.parametrize("archive", SETS.values(), ids=SETS)
def test_readers_are_there(archive) -> None:
    module, _, name = archive.reader.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_names_begin_with_the_images_inside_the_package() -> None:
    assert NAMES[0] == "embedded"
    assert EMBEDDED.is_file()
