"""The list of named models: of the zoo with paper and summary, of a library with names alone."""

import pytest

from archlab import zoo
from archlab.errors import OptionError, SpecError
from archlab.resolve.catalog import catalog


def test_the_zoo_comes_with_paper_and_summary() -> None:
    listing = catalog()
    assert [entry.name for entry in listing.rows] == list(zoo.names())
    assert all(entry.summary and "arXiv" in entry.paper for entry in listing.rows)
    assert any("6n+2" in line for line in listing.footer)


def test_a_library_comes_with_names_alone() -> None:
    listing = catalog("resnet*", source="torchvision")
    assert "resnet50" in [entry.name for entry in listing.rows]
    assert [column.name for column in listing.columns] == ["name"]
    assert listing.footer == ()


def test_what_matches_nothing_suggests_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"zoo has no model that matches 'googlnet'\. Did you mean"):
        catalog("googlnet")
    with pytest.raises(OptionError, match=r"source='tim' is unknown\. Did you mean timm\?"):
        catalog(source="tim")
