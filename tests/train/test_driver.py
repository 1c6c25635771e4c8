"""Why a GPU is not used, where there is a driver for one."""

import pytest
import torch

from archlab.api.training.recipes import opening
from archlab.runs.recipe import RECIPES
from archlab.train import device, driver

OLD = (
    "The NVIDIA driver on your system is too old (found version 11040).\nPlease update your GPU "
    "driver."
)


@pytest.fixture(autouse=True)
def with_driver(monkeypatch) -> None:
    """A machine with a driver, which torch does not use."""
    monkeypatch.setattr(device, "has_cuda", lambda: False)
    monkeypatch.setattr(driver.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)


def test_a_driver_that_is_too_old(monkeypatch) -> None:
    def refuse() -> None:
        raise RuntimeError(OLD)

    monkeypatch.setattr(torch.cuda, "init", refuse)
    assert driver.unused_gpu() == (
        "an NVIDIA driver is here, and torch cannot use it: The NVIDIA driver on your system is "
        "too old (found version 11040). Please update your GPU driver (torch is built for CUDA "
        "13.0)"
    )


def test_a_torch_without_cuda(monkeypatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert f"torch {torch.__version__} is built without CUDA" in driver.unused_gpu()


@pytest.mark.parametrize("value", ["", "-1"])
def test_gpus_that_are_hidden(monkeypatch, value) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert f"CUDA_VISIBLE_DEVICES={value} hides every GPU" in driver.unused_gpu()


def test_the_opening_of_every_training_says_it() -> None:
    for name in ("auto", "demo"):
        lines = opening(name, RECIPES["demo"]).split("\n")
        assert lines[1].startswith("an NVIDIA driver is here, and torch cannot use it: it shows no")


def test_nothing_is_said_without_a_driver_or_where_the_gpu_is_used(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(device, "has_cuda", lambda: True)
    assert driver.unused_gpu() == ""
    monkeypatch.setattr(device, "has_cuda", lambda: False)
    monkeypatch.setattr(driver.shutil, "which", lambda _: None)
    monkeypatch.setattr(driver, "_LOADED", tmp_path / "version")
    assert driver.unused_gpu() == ""
    (tmp_path / "version").touch()
    assert driver.unused_gpu() != ""
