"""Fine-tuning: the plan of what is frozen, and what is refused before a download."""

from dataclasses import replace
from pathlib import Path

import pytest

import archlab
from archlab.api.training.finetune import _compared, freeze_plan
from archlab.errors import OptionError, RunError
from archlab.runs.ledger import Run
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Outcome, Plan


def test_the_default_leaves_the_end_of_the_freeze_to_the_images() -> None:
    assert freeze_plan("backbone", None) is None
    assert freeze_plan("backbone", 100).until == 100
    assert freeze_plan("none", None).frozen == ()
    with pytest.raises(OptionError):
        freeze_plan("tail", None)


def test_a_checkpoint_that_is_absent_is_said_before_images_are_fetched(monkeypatch) -> None:
    monkeypatch.setattr("archlab.api.training.finetune.load_images", pytest.fail)
    with pytest.raises(RunError):
        archlab.finetune_model("no/such/run", download=True)


def test_three_ways_side_by_side() -> None:
    plan = Plan(model="plain8", options={}, seed=3, recipe=RECIPES["demo"], data="embedded",
                data_dir=".data", data_name="made up", fingerprint="0", kind="finetune",
                freeze={"frozen": ["stem", "stages"], "until": 1500})  # fmt: skip
    fields = {"step": 10, "total": 10, "running_error": 1.0, "seconds": 2.0}
    done = Outcome(status="done", train_error=1.0, test_error=8.0, **fields)
    failed = Outcome(status="failed", train_error=None, test_error=None, why="no loss", **fields)
    runs = [Run(Path(), plan, done, ()), Run(Path(), replace(plan, kind="probe"), failed, ())]
    answer = _compared(runs)
    assert (answer.totals.finetune, answer.totals.probe, answer.totals.scratch) == (8, None, None)
    assert [(row.path, row.status) for row in answer.rows] == [
        ("finetune", "done"), ("probe", "failed"),
    ]  # fmt: skip
    assert "stem and stages frozen until step 1,500" in answer.header.conventions[0]
    assert [(missing.what, missing.why) for missing in answer.missing] == [("probe", "no loss")]


FLAT = """
from torch import nn

class Flat(nn.Sequential):
    def __init__(self, num_classes=10):
        super().__init__(nn.Flatten(), nn.Linear(256, num_classes))
"""


def test_a_net_without_a_backbone_is_fine_tuned_alone(tmp_path) -> None:
    (tmp_path / "flat.py").write_text(FLAT)
    spec, recipe = f"{tmp_path / 'flat.py'}:Flat", replace(RECIPES["demo"], steps=3, epochs=None)
    archlab.train_model(spec, data="embedded", recipe=recipe, out=tmp_path / "run")
    given = {
        "model": spec,
        "data": "embedded",
        "recipe": recipe,
        "freeze": freeze_plan("none", None),
    }
    with pytest.raises(OptionError, match="leave out the linear probe"):
        archlab.finetune_model(tmp_path / "run", out=tmp_path / "all", **given)
    assert not (tmp_path / "all").exists()
    answer = archlab.finetune_model(tmp_path / "run", out=tmp_path / "one", alone=True, **given)
    assert [(row.path, row.status) for row in answer.rows] == [("finetune", "done")]
    assert "nothing frozen;" in answer.header.conventions[-2]
