"""One net: a folder belongs to one run, and a checkpoint says what it was tested with."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
import torch
from torch import nn

import archlab
from archlab import files, zoo
from archlab.api.training.single import logger_maker
from archlab.errors import DataError, OptionError, RunError
from archlab.lock import locked
from archlab.runs import record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Plan


def test_a_folder_of_another_run_is_refused(tmp_path) -> None:
    plan = Plan(model="plain8", options={}, seed=3, recipe=RECIPES["demo"], data="embedded",
                data_dir=".data", data_name="made up", fingerprint="0")  # fmt: skip
    record.write_plan(tmp_path, plan)
    with pytest.raises(RunError, match=r"holds another run \(plain8-seed3.*Give another out"):
        archlab.train_model("resnet8", recipe="demo", out=tmp_path)
    assert record.read_plan(tmp_path).id == plan.id


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (None, "trained for 2 of 4 steps"),
        ({"status": "failed", "why": "the loss is not finite"}, "of a run that failed: the loss"),
        ({"status": "done"}, " · trained"),
    ],
)
def test_a_test_says_how_far_its_net_was_trained(tmp_path, end, words) -> None:
    recipe = replace(RECIPES["demo"], steps=4, epochs=None, eval_every=4, checkpoint_every=2)
    archlab.train_model("resnet8", recipe=recipe, out=tmp_path)
    (tmp_path / record.DONE).unlink(missing_ok=True)
    files.write_json(tmp_path / record.PROGRESS, {"step": 2, "total": 4})
    if end:
        files.write_json(tmp_path / record.DONE, {**end, "step": 4, "total": 4})
    assert words in str(archlab.evaluate_model(tmp_path)).splitlines()[0]


@pytest.mark.parametrize("name", ["metrics.csv", "last.ckpt"])
def test_a_file_of_something_else_is_not_written_over(tmp_path, name) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(RunError, match=rf"holds a {name} and no run.json: it is no run's"):
        archlab.train_model("resnet8", recipe="demo", out=tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_checkpoint_outside_a_run_needs_images(tmp_path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"state_dict": zoo.build("plain8").state_dict()}, path)
    with pytest.raises((DataError, RunError)):
        archlab.evaluate_model(path, model="plain8")


def test_loggers_are_made_for_the_folder_of_a_run(tmp_path) -> None:
    make = logger_maker(["pytorch_lightning.loggers.CSVLogger"], ["version=7"], tensorboard=True)
    names = [type(logger).__name__ for logger in make(tmp_path)]
    assert names == ["TensorBoardLogger", "CSVLogger"]
    assert make(tmp_path)[1].version == 7
    assert logger_maker([], [], tensorboard=False)(tmp_path) == []
    with pytest.raises(OptionError, match="is not key=value"):
        logger_maker([], ["version"], tensorboard=False)


NETS = """
from torch import nn

class Scores(nn.Sequential):
    def __init__(self, num_classes=10):
        super().__init__(nn.Conv2d(1, 4, 16), nn.Flatten(), nn.Linear(4, num_classes))

class Dict(Scores):
    def forward(self, x):
        return {"logits": super().forward(x)}

class Two(Scores):
    def forward(self, x, y):
        return super().forward(x)
"""


@pytest.mark.parametrize(
    ("net", "message"),
    [("Dict", "The net returns dict"), ("Two", "Two is no classifier of images 1x16x16")],
)
def test_a_net_that_is_no_classifier_is_refused_before_anything_is_written(
    tmp_path, monkeypatch, net, message
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)
    before = torch.get_rng_state()
    with pytest.raises(OptionError, match=message):
        archlab.train_model(f"nets.py:{net}", recipe="demo")
    assert torch.equal(torch.get_rng_state(), before)
    assert [path.name for path in tmp_path.iterdir() if "cache" not in path.name] == ["nets.py"]


def test_a_net_without_parts_to_freeze_is_refused_before_anything_is_written(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)
    recipe = replace(RECIPES["demo"], steps=2)
    archlab.train_model("nets.py:Scores", recipe=recipe, out="run")
    with pytest.raises(OptionError, match="has no stem, stages and head"):
        archlab.finetune_model(
            "run", data="embedded", recipe=recipe, out="tuned", model="nets.py:Scores"
        )
    assert not (tmp_path / "tuned").exists()


@pytest.mark.parametrize("made", ["new", "new/in/new", "there"])
def test_a_run_that_fails_at_once_leaves_nothing(tmp_path, monkeypatch, made) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there/mine.txt").touch()

    def no_loggers(_folder):
        raise OptionError("no such logger")

    with pytest.raises(OptionError, match="no such logger"):
        archlab.train_model("resnet8", recipe="demo", out=made, loggers=no_loggers)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["there", "there/mine.txt"]


def test_a_run_that_another_process_has_begun_keeps_its_files(tmp_path, monkeypatch) -> None:
    """Both have found the folder empty; the one that comes later fails, and removes nothing."""

    def loggers(folder):
        held.enter_context(locked(folder))
        (folder / "of-the-other").touch()
        return ()

    with ExitStack() as held, pytest.raises(RunError, match="in use by another archlab"):
        archlab.train_model("resnet8", recipe="demo", out=tmp_path / "run", loggers=loggers)
    assert (tmp_path / "run/of-the-other").exists()
    assert (tmp_path / "run" / record.PLAN).exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recipe": None}, "recipe=None: a recipe, its name"),
        ({"seed": -1}, "seed=-1: a whole number, 0 or more"),
        ({"seed": "1"}, "a whole number, 0 or more"),
        ({"model": nn.Linear(2, 2)}, "Linear is no spec.*archlab.Classifier"),
    ],
)
def test_values_of_another_type_are_refused_in_words(changed, message) -> None:
    given = {"model": "resnet20", "data": "embedded", "recipe": "demo", **changed}
    with pytest.raises(OptionError, match=message):
        archlab.train_model(given.pop("model"), **given)
