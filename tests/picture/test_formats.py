"""The formats of a drawing: which one a file name asks for."""

import pytest

from archlab.errors import OptionError
from archlab.picture.formats import FORMATS, picture_format


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_suffix_names_its_format(tmp_path, name) -> None:
    assert picture_format(tmp_path / f"a.{name.upper()}", FORMATS) == name


@pytest.mark.parametrize(("file", "fault"), [
    ("a.gif", r"the suffix '\.gif' names no picture format\. Allowed: \.svg, \.png\."),
    ("a", r"without a suffix it has no picture format\."),
])  # fmt: skip
def test_a_name_without_a_known_format_is_refused(tmp_path, file, fault) -> None:
    with pytest.raises(OptionError, match=fault):
        picture_format(tmp_path / file, ("svg", "png"))
