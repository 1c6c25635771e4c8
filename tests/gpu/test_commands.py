"""Every command that runs a net, on a GPU; and the chapter's flow with deterministic=True."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from snippets import run

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]
SHORT = "--recipe demo --set steps=20"
CHAPTER = """
import sys, warnings
import pytorch_lightning as pl, torch
from archlab import Classifier, ImageData, TrainingCurve, summary
warnings.simplefilter("ignore")
if "gemm" in sys.argv:
    torch.nn.Linear(8, 8).cuda()(torch.zeros(2, 8, device="cuda"))
for name in ("resnet18", "googlenet"):
    model = Classifier(name, options={"layout": "cifar"})
    summary(model, (3, 32, 32))
    trainer = pl.Trainer(max_epochs=1, accelerator="auto", devices="auto", deterministic=True,
                         limit_train_batches=5, limit_val_batches=1, limit_test_batches=1,
                         enable_progress_bar=False, enable_model_summary=False)
    data = ImageData("embedded")
    data.channels = 3
    trainer.fit(model, datamodule=data)
    shown, = trainer.test(model, datamodule=data, verbose=False)
    TrainingCurve(trainer.log_dir).plot()
    assert trainer.strategy.root_device.type == "cuda"
    assert torch.isfinite(torch.tensor(shown["test_loss"]))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_training_and_what_follows_it() -> None:
    for line in (
        f"archlab train resnet8 {SHORT} --gradients 10 --out run",
        "archlab test run",
        "archlab export run --to pt2",
        "archlab export run --to safetensors",
        f"archlab finetune run --data embedded {SHORT} --out tuned",
        f"archlab degradation --depths 8,14 --seeds 2 {SHORT} --out sweep",
        "archlab verdict sweep",
    ):
        ran = run(line)
        assert ran.code == 0, f"{line}\n{ran.err}"
    assert (Path("run") / "gradients.csv").is_file()
    assert torch.cuda.get_device_name() in (Path("sweep") / "ledger.csv").read_text()


@pytest.mark.parametrize("command", ["gradients", "identity", "responses"])
def test_probes(command) -> None:
    ran = run(f"archlab {command} resnet20 --device cuda --seeds 1 --format json")
    assert ran.code == 0, ran.err


def test_fields_are_certified_where_there_is_a_gpu() -> None:
    ran = run("archlab rf resnet20 --verify")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("first", ["", "gemm"])
def test_the_chapters_flow(first, folder) -> None:
    """cuBLAS reads its workspace once, at the first matrix product: one's own may come first."""
    done = subprocess.run(
        [sys.executable, "-c", CHAPTER, *first.split()],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
