"""`archlab doctor`: says what is there, what is not and how to get it, also without torch."""

import importlib.metadata
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from archlab import doctor
from archlab.doctor import machine, packages
from archlab.doctor.imports import Imported, imported
from archlab.errors import LayoutError

ROOT = Path(__file__).parents[2]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def report(*options: str, **environment: str) -> tuple[int, dict]:
    command = [sys.executable, "-m", "archlab", "doctor", "--format", "json", *options]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_here_all_that_is_required_is_in_order(cli) -> None:
    run = cli("doctor")
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines()[0].split() == ["part", "name", "state", "found"]
    assert run.out.splitlines()[-1] == "All that archlab needs is in order."


def test_every_requirement_is_looked_at_and_its_purpose_is_told() -> None:
    extras = project().get("optional-dependencies", {})
    optional = [
        line for name, lines in extras.items() if name not in packages.OURS for line in lines
    ]
    for line in (*project()["dependencies"], *optional):
        assert line.partition(";")[0].partition(">=")[0].strip() in packages.PURPOSE
    found = {item.name: item for item in packages.wanted()}
    assert found["torch"].required
    assert not found["timm"].required
    assert "pytest" not in found


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libcudart.so.12 is not there')", "ImportError: libcudart.so.12"),
        ("import os; os.abort()", "its import ends Python with code -6"),
    ],
)
def test_a_broken_torch(tmp_path, code, words) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(code)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    status, document = report(PYTHONPATH=path)
    rows = {row["name"]: row for row in document["rows"]}
    assert (status, document["status"]) == (1, "broken")
    assert "torch" in document["broken"]
    assert words in rows["torch"]["found"]
    assert rows["numpy"]["state"] == "ok"  # what comes after is still looked at
    minimum = next(line for line in project()["dependencies"] if line.startswith("torch>="))
    assert shlex.split(rows["torch"]["get"])[1:] == [
        "-m", "pip", "install", "--force-reinstall", "--no-deps", minimum,
    ]  # fmt: skip


def test_a_file_called_torch_in_the_current_folder_is_no_torch(tmp_path, monkeypatch) -> None:
    (tmp_path / "json5.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert "ModuleNotFoundError" in imported(["json5"]).errors["json5"]


def test_what_is_missing_or_too_old(monkeypatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "timm":
            raise importlib.metadata.PackageNotFoundError(name)
        return "2.5.1+cu124" if name == "torch" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(packages, "imported", all_fine)
    rows = {item.name: item for item in packages.packages()}
    assert (rows["timm"].state, rows["timm"].found) == ("missing", "-")
    assert rows["timm"].get.endswith("-m pip install 'timm>=1.0.12'")
    assert rows["timm"].enables == "timm:NAME models"
    assert rows["torch"].state == "too old"
    assert "2.5.1+cu124; 2.6 or newer" in rows["torch"].found
    assert doctor.broken(tuple(rows.values())) == ["torch"]  # timm is optional


def all_fine(names: list[str]) -> Imported:
    return Imported(dict.fromkeys(names, ""), "", ())


def test_the_gpu(monkeypatch) -> None:
    monkeypatch.setattr(packages, "imported", all_fine)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    gpu = list(packages.packages())[-1]
    assert (gpu.name, gpu.state, gpu.required) == ("CUDA", "missing", False)
    assert gpu.found == "no NVIDIA driver on this machine"
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert "torch (built without CUDA) sees no GPU" in list(packages.packages())[-1].found
    seen = Imported({}, "13.0", ("NVIDIA H100",))
    monkeypatch.setattr(packages, "wanted", lambda: ())
    monkeypatch.setattr(packages, "imported", lambda _: seen)
    (gpu,) = packages.packages()
    assert (gpu.state, gpu.found) == ("ok", "CUDA 13.0: NVIDIA H100")


def test_no_graphviz_at_all(monkeypatch) -> None:
    def fail(*_):
        raise LayoutError("There is no Graphviz.", "")

    monkeypatch.setattr(machine, "laid_out", fail)
    first = next(machine.drawing())
    assert (first.state, first.found) == ("broken", "There is no Graphviz.")
    assert doctor.broken((first,)) == ["Graphviz"]


def test_images_are_found_where_the_readers_look(tmp_path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    rows = {item.name: item for item in machine.images(tmp_path)}
    assert rows["cifar10"].state == "ok"
    assert rows["cifar100"].state == "missing"
    assert "archlab.ImageData('cifar100'" in shlex.split(rows["cifar100"].get)[-1]
    assert rows["embedded"].state == "ok"


def test_without_metadata_nothing_is_called_required(monkeypatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    assert {item.name for item in packages.wanted()} == set(packages.PURPOSE)
    assert not any(item.required for item in packages.wanted())


def test_doctor_itself_imports_nothing_heavy() -> None:
    code = (
        "import sys, archlab.doctor, archlab.cli\n"
        "print([m for m in ('torch', 'numpy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
