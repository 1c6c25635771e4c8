"""The version stands in one place, from which the package, its build and its answers read it."""

import ast
import re
import tomllib
from pathlib import Path

import archlab
from archlab import version

ROOT = Path(__file__).parents[1]


def test_a_build_takes_the_version_from_this_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert "version" not in project["project"]
    place = Path(version.__file__).relative_to(Path(archlab.__file__).parents[1])
    assert project["tool"]["hatch"]["version"]["path"] == place.as_posix()


def test_it_is_three_numbers_that_can_be_read_without_running_anything() -> None:
    _, line = ast.parse(Path(version.__file__).read_text()).body
    assert isinstance(line, ast.Assign)
    value = ast.literal_eval(line.value)
    assert re.fullmatch(r"\d+\.\d+\.\d+", value)  # as Semantic Versioning has it
    assert archlab.__version__ == value


def test_no_other_file_of_the_package_writes_it_down() -> None:
    sources = sorted(Path(archlab.__file__).parent.rglob("*.py"))
    text = f'"{archlab.__version__}"'
    assert [path.name for path in sources if text in path.read_text()] == ["version.py"]
