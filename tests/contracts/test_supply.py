"""What is said of Python versions and sessions in several places is the same in all of them."""

import ast
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOX = ast.parse((ROOT / "noxfile.py").read_text())
PYTHONS = [
    line.removeprefix("Programming Language :: Python :: ")
    for line in PROJECT["classifiers"]
    if re.search(r":: 3\.\d+$", line)
]


def sessions() -> dict[str, list[str]]:
    """The sessions of noxfile.py and the Pythons each is made for."""
    versions = {}
    for item in NOX.body:
        marks = getattr(item, "decorator_list", ())
        if any(ast.unparse(mark).startswith("nox.session") for mark in marks):
            words = {key.arg: key.value for mark in marks for key in getattr(mark, "keywords", ())}
            listed = words.get("python")
            versions[item.name] = ast.literal_eval(listed) if isinstance(listed, ast.List) else []
    return versions


def test_the_pythons_are_the_same_everywhere() -> None:
    assert sessions()["pythons"] == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_ci_runs_sessions_that_exist_and_every_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    matrix = workflow["jobs"]["nox"]["strategy"]["matrix"]["include"]
    known = set(sessions()) | {f"{name}-{python}" for name, pythons in sessions().items()
                               for python in pythons}  # fmt: skip
    asked = [name for entry in matrix for name in entry["sessions"].split()]
    assert set(asked) <= known
    assert {"lint", "contracts", "types", "tests", "minimums", "build"} <= set(asked)
    assert {entry["python"] for entry in matrix} == set(PYTHONS)


def test_every_session_says_what_it_does() -> None:
    for item in NOX.body:
        if isinstance(item, ast.FunctionDef):
            assert ast.get_docstring(item), item.name


def test_the_types_are_packaged() -> None:
    assert (ROOT / "archlab" / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_the_sdist_has_the_security_policy_and_the_sbom() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    sdist = project["tool"]["hatch"]["build"]["targets"]["sdist"]
    assert "SECURITY.md" in sdist["include"]
    assert (ROOT / "SECURITY.md").is_file()
    # Made by `nox -s build`, which looks into the sdist; hatch leaves out what git ignores.
    assert sdist["artifacts"] == ["sbom.cdx.json"]
    assert sdist["artifacts"][0] in (ROOT / ".gitignore").read_text().splitlines()
