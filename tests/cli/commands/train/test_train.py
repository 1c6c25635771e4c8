"""The commands that train, and those that read what was trained, on small runs."""

import contextlib
import csv
import io
import json
import signal
import subprocess
import sys
from importlib import import_module

import pytest

from archlab.runs.verdict import OUTCOMES
from archlab.train import recorder, steps

SMALL = (
    "--set steps=6 --set eval_every=3 --set checkpoint_every=2 --set batch_size=16 "
    "--set widths=(4,4,4)"
)


@pytest.fixture
def few(tmp_path):
    """A .npz with a few of the embedded images, in the folder that commands run in."""
    import numpy as np

    from archlab.data.sets import load_images

    images = load_images("embedded")
    np.savez(tmp_path / "few.npz", train_images=images.train_images[::25],
             train_labels=images.train_labels[::25], test_images=images.test_images[::50],
             test_labels=images.test_labels[::50], classes=np.array(images.classes))  # fmt: skip


@pytest.fixture
def run(cli, few):
    """One trained run in `one/`."""
    line = f"train resnet8 --recipe demo --data few.npz --out one {SMALL}"
    done = cli(line)
    assert done.code == 0, done.err
    return done


def test_train_prints_its_rows_and_goes_on(cli, run, tmp_path) -> None:
    assert "recipe demo: 6 steps, batch 16" in run.err
    assert run.out.count("\n") > 5
    again = cli(f"train resnet8 --recipe demo --data few.npz --out one {SMALL} -f json")
    document = json.loads(again.out)
    assert document["schema"] == "archlab.train/1"
    assert (document["totals"]["status"], document["totals"]["step"]) == ("done", 6)
    assert [row["step"] for row in document["rows"]] == [3, 6]
    assert list((tmp_path / "one/tensorboard").glob("events.out.tfevents.*"))


def test_a_zoo_net_takes_the_layout_of_its_images_and_says_so(cli, few, tmp_path) -> None:
    line = "train plain18 --recipe demo --data few.npz --set steps=1 --set batch_size=4"
    done = cli(f"{line} --out small")
    assert done.code == 0, done.err
    assert "layout: cifar for images up to 64x64, imagenet for larger ones; --set lay" in done.err
    assert "layout=cifar (by default cifar for images up to 64x64, imag" in done.out
    assert json.loads((tmp_path / "small/run.json").read_text())["options"]["layout"] == "cifar"
    chosen = cli(f"{line} --set layout=imagenet --out large -f json")
    assert (chosen.code, "layout:" in chosen.err) == (0, False)
    assert json.loads(chosen.out)["conventions"][0].startswith("layout=imagenet (by default")
    refused = cli(f"{line} --set layout=chapter --out old")
    assert refused.code == 2
    assert "'chapter' is not allowed; choose one of 'imagenet', 'cifar'" in refused.err
    assert not (tmp_path / "old").exists()


def test_another_recipe_in_the_same_folder_is_refused(cli, run) -> None:
    other = cli(f"train resnet8 --recipe demo --data few.npz --out one {SMALL} --set flip=true")
    assert other.code == 2
    assert "holds another run" in other.err


def test_ctrl_c_saves_and_says_how_to_go_on(cli, few, monkeypatch, tmp_path) -> None:
    pressed: list[float] = []

    def press(done: float, _total: float, _what: str) -> None:
        if not pressed:
            pressed.append(done)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(recorder, "_TICK", 0.0)
    monkeypatch.setattr(steps, "_BUDGET", 0.0)
    with monkeypatch.context() as patch:
        module = import_module("archlab.cli.commands.train.train")
        patch.setattr(module, "progress_shown", lambda **_: contextlib.nullcontext(press))
        stopped = cli(f"train resnet8 --recipe demo --data few.npz --out one {SMALL}")
    assert stopped.code == 130
    assert "interrupted. What is trained is saved; the same command goes on" in stopped.err
    assert "interrupted at step 1 of 6" in stopped.out
    done = cli(f"train resnet8 --recipe demo --data few.npz --out one {SMALL}")
    assert (done.code, (tmp_path / "one/done.json").exists()) == (0, True)


def test_test_shows_classes_and_confusion(cli, run) -> None:
    document = json.loads(cli("test one -f json").out)
    confusion = document["confusion"]
    right = sum(confusion[i][i] for i in range(10))
    assert sum(map(sum, confusion)) == document["totals"]["images"] == 40
    assert document["totals"]["accuracy"] == right / 40
    trained = json.loads(cli(f"train resnet8 --recipe demo --data few.npz --out one {SMALL} "
                             "-f json").out)  # fmt: skip
    assert trained["totals"]["test_error"] == pytest.approx(100 - 100 * right / 40)
    assert "true ↓" in cli("test one/last.ckpt").out
    rows = list(csv.DictReader(io.StringIO(cli("test one -f csv").out)))
    assert [row["path"] for row in rows][:2] == ["T-shirt/top", "trouser"]


@pytest.fixture
def pets(tmp_path):
    """Images of two classes in `pets/`, some in a folder below their class, and a text."""
    import numpy as np
    from PIL import Image

    for i, place in enumerate(("train/cat", "train/cat/tabby", "train/dog", "test/cat/far/away")):
        (tmp_path / "pets" / place).mkdir(parents=True)
        pixels = np.full((8, 8, 3), 50 * i, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pets" / place / "a.png")
    (tmp_path / "pets/train/dog/notes.txt").touch()
    return tmp_path / "pets"


def test_files_that_are_not_read_are_told_once(cli, pets) -> None:
    done = cli("train resnet8 --recipe demo --data pets --set steps=1 --out one")
    assert done.code == 0, done.err
    assert done.err.count("files that are not read: 1 (1 .txt; first ") == 1
    document = json.loads(cli("test one -f json").out)
    assert document["totals"]["images"] == 1
    assert "not read: 1 (1 .txt" in document["conventions"][-1]


def test_export_writes_the_net(cli, run, tmp_path) -> None:
    import torch

    done = cli("export one --to pt2")
    assert (done.code, done.out, done.err) == (0, "", "wrote one/model.pt2\n")
    program = torch.export.load(tmp_path / "one/model.pt2").module()
    assert program(torch.zeros(3, 1, 16, 16)).shape == (3, 10)
    for line, message in (
        ("export one", "No format: give --to with one of onnx, pt2, safetensors"),
        ("export one --to onxn", "--to onxn is unknown. Did you mean onnx?"),
        ("export one --out none/a.pt2", "There is no folder none to write a.pt2 in"),
        ("export none --to pt2", "There is no checkpoint none"),
        ("export one --to pt2 --model plain14", "holds weights of resnet8, not of plain14"),
    ):
        refused = cli(line)
        assert (refused.code, refused.out) == (2, "")
        assert message in refused.err


def test_curves_of_a_run(cli, run, tmp_path) -> None:
    done = cli("curves one --out one.svg")
    assert (done.code, done.err) == (0, "wrote one.svg\n")
    assert "accuracy" in (tmp_path / "one.svg").read_text()


def test_a_logger_by_import_path(cli, few, tmp_path) -> None:
    done = cli(f"train resnet8 --recipe demo --data few.npz --out one {SMALL} --no-tensorboard "
               "--logger pytorch_lightning.loggers.CSVLogger --logger-set name=mine")  # fmt: skip
    assert done.code == 0
    written = list((tmp_path / "one/mine").rglob("metrics.csv"))
    assert "train_error" in written[0].read_text()
    assert not (tmp_path / "one/tensorboard").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("one_process")
def test_a_sweep_from_the_command_line(cli, few, tmp_path) -> None:
    line = f"degradation --depths 8,14 --seeds 1 --recipe demo --data few.npz --out sweep {SMALL}"
    done = cli(f"{line} -f json")
    assert done.code == 0, done.err
    assert "4 of 4 runs over" in done.err
    document = json.loads(done.out)
    assert document["totals"]["outcome"] in OUTCOMES
    for name in ("verdict.json", "figure.svg", "ledger.csv", "sweep.json"):
        assert (tmp_path / "sweep" / name).is_file()
    assert len(list((tmp_path / "sweep").glob("*/metrics.csv"))) == 4
    assert json.loads(cli("verdict sweep -f json").out) == document
    assert cli("curves sweep --style fig1 --out fig1.png").code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("one_process")
def test_finetune_from_the_command_line(cli, run, tmp_path) -> None:
    done = cli(f"finetune one --data few.npz --recipe demo --until 2 --out tuned {SMALL} -f json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert [row["path"] for row in document["rows"]] == ["finetune", "probe", "scratch"]
    assert "stem and stages frozen until step 2" in document["conventions"][0]
    assert None not in document["totals"].values()


def test_the_time_of_one_net_is_told_before_it_starts(cli, few, monkeypatch) -> None:
    from archlab.train import cost

    monkeypatch.setattr(cost, "seconds_a_step", lambda *_: 3600.0)
    done = cli(f"train resnet8 --recipe demo --data few.npz --out one {SMALL}")
    # 6 steps; 80 and 40 images at step 3, and at the end, in batches of 16.
    hours = 6 + 2 * 120 / 3 / 16
    assert f"estimate: about {hours:.0f} hours on CPU" in done.err
    assert (
        "estimate" not in cli(f"train resnet8 --recipe demo --data few.npz --out one {SMALL}").err
    )


def test_seeds_are_a_count_or_names() -> None:
    from archlab.cli.commands.train.degradation import _numbers

    assert _numbers("seeds", "3") == [3]
    assert _numbers("seeds", "4,") == [4]
    assert _numbers("seeds", "4, 5") == [4, 5]


def test_reading_finished_runs_imports_no_torch() -> None:
    names = "from archlab.api.training import curves, degradation"
    code = f"import sys; {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


BAD = {
    "depth": ("degradation --depths 20,57", "try 56 or 62"),
    "one depth": ("degradation --depths 20", "two depths or more"),
    "depth of text": ("degradation --depths 20,x", "whole numbers joined by commas"),
    "kind": ("degradation --kinds plane", "Allowed: plain, residual"),
    "no seeds": ("degradation --seeds 0", "one seed or more"),
    "recipe": ("degradation --recipe fats", "Did you mean fast?"),
    "key": ("degradation --set epoch=2", "Did you mean epochs?"),
    "value": ("degradation --set epochs=two", "a number, above 0"),
    "figure": ("degradation --style fig7 --recipe demo", "Did you mean fig"),
    "format": ("degradation --format jsn", "Did you mean json?"),
    "absent data": ("degradation --recipe fast", "--download"),
    "data": ("degradation --recipe demo --data nowhere", "is no known set, folder"),
    "config": ("train resnet8 --config absent.yaml", "cannot be read"),
    "config key": ("train resnet8 --config bad.yaml", "unknown key 'learning_rat'"),
    "model": ("train resnet9 --recipe demo", "6n + 2"),
    "argument": ("train resnet20 --recipe demo --set widht=3", "Did you mean widths?"),
    "typo of the recipe": ("train resnet20 --recipe demo --set eopchs=3", "Did you mean epochs?"),
    "argument of a file": ("train nets.py:Net --set eopchs=3", "nor nets.py:Net has it"),
    "logger": ("train resnet8 --recipe demo --logger json.JSONDecoder", "is no Lightning logger"),
    "no logger": ("train resnet8 --recipe demo --logger nowhere.Logger", "cannot be imported"),
    "no folder": ("verdict nowhere", "There is no folder nowhere"),
    "no sweep": ("verdict .", "is no sweep"),
    "no logs": ("curves .", "holds no logs"),
    "no run": ("curves nowhere", "There is no folder nowhere"),
    "picture": ("curves . --out a.gif", "names no picture format"),
    "no checkpoint": ("test nowhere.ckpt", "There is no checkpoint"),
    "not a checkpoint": ("test nets.py --data embedded", "is no checkpoint that can be read"),
    "what to tune": ("finetune nowhere.ckpt --data embedded", "There is no checkpoint"),
    "part": ("finetune nowhere.ckpt --data embedded --freeze neck", "is no part"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(cli, tmp_path, case) -> None:
    (tmp_path / "bad.yaml").write_text("learning_rat: 1\n")
    line, expected = BAD[case]
    done = cli(line)
    assert done.code == 2, done
    assert expected in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_checkpoint_of_another_model(cli, run, tmp_path) -> None:
    done = cli("test one --model resnet14")
    assert done.code == 2
    assert "holds weights of resnet8, not of resnet14" in done.err


def test_a_net_with_fewer_outputs_than_classes(cli, tmp_path) -> None:
    (tmp_path / "five.py").write_text(
        "from torch import nn\n\n"
        "class Five(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv, self.fc = nn.Conv2d(1, 8, 3), nn.Linear(8, 5)\n\n"
        "    def forward(self, x):\n"
        "        return self.fc(self.conv(x).mean((2, 3)))\n"
    )
    run = cli("train five.py:Five --recipe demo --set epochs=1 --out own")
    assert run.code == 2
    assert "gives (5,) outputs an image" in run.err
    assert "has 10 classes" in run.err


def test_a_run_that_diverges_ends_with_1(cli) -> None:
    run = cli("train resnet8 --recipe demo --set steps=20 --set learning_rate=1e9 --out nan")
    assert run.code == 1
    assert "failed" in run.out


@pytest.mark.usefixtures("one_process")
def test_a_folder_keeps_to_one_recipe(cli) -> None:
    line = "degradation --depths 8,14 --seeds 1 --out sweep --set"
    assert cli(f"{line} steps=2").code == 0
    run = cli(f"{line} steps=3")
    assert run.code == 2
    assert "holds a sweep of another recipe" in run.err
    assert cli(f"{line} steps=2").code == 0
