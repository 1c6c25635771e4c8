"""The requirements are those of pyproject.toml; what is missing, old or broken is named."""

import importlib.metadata
import shutil
import tomllib
from pathlib import Path

from archlab import doctor
from archlab.doctor import packages
from archlab.doctor.imports import Imported

ROOT = Path(__file__).parents[2]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_requirement_is_looked_at_and_its_purpose_is_told() -> None:
    extras = project().get("optional-dependencies", {})
    optional = [
        line for name, lines in extras.items() if name not in packages.OURS for line in lines
    ]
    for line in (*project()["dependencies"], *optional):
        assert line.partition(";")[0].partition(">=")[0].strip() in packages.PURPOSE
    requirements = {each.name: each for each in packages.requirements()}
    assert requirements["torch"].required
    assert not requirements["timm"].required
    assert "pytest" not in requirements


def all_fine(names: list[str]) -> Imported:
    return Imported(dict.fromkeys(names, ""), "", ())


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
    assert "2.5.1+cu124; 2.9 or newer" in rows["torch"].found
    assert doctor.broken(tuple(rows.values())) == ["torch"]  # timm is optional


def test_the_gpu(monkeypatch) -> None:
    monkeypatch.setattr(packages, "imported", all_fine)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    gpu = list(packages.packages())[-1]
    assert (gpu.name, gpu.state, gpu.required) == ("CUDA", "missing", False)
    assert gpu.found == "no NVIDIA driver on this machine"
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert "torch (built without CUDA) sees no GPU" in list(packages.packages())[-1].found
    seen = Imported({}, "13.0", ("NVIDIA H100",))
    monkeypatch.setattr(packages, "requirements", lambda: ())
    monkeypatch.setattr(packages, "imported", lambda _: seen)
    (gpu,) = packages.packages()
    assert (gpu.state, gpu.found) == ("ok", "CUDA 13.0: NVIDIA H100")


def test_without_metadata_nothing_is_called_required(monkeypatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    assert {item.name for item in packages.requirements()} == set(packages.PURPOSE)
    assert not any(item.required for item in packages.requirements())
