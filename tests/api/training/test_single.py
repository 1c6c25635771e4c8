"""One net: a folder belongs to one run, and a checkpoint says what it was tested with."""

import pytest
import torch

import archlab
from archlab import zoo
from archlab.api.training.single import logger_maker
from archlab.errors import DataError, OptionError, RunError
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
