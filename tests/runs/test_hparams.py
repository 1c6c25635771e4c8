"""What loggers are told: flat names, values that YAML and a checkpoint of plain values can hold."""

import numpy as np
import pytest

from archlab.runs import hparams
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Plan


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (3, 3), (True, True), (0.5, 0.5), ("a", "a"), (None, None), ((1, 2), "(1, 2)"),
        ([1, "b"], "[1, 'b']"), (np.float64(0.5), 0.5), (np.zeros((2, 3)), "ndarray 2x3 float64"),
    ],
)  # fmt: skip
def test_values_are_plain(value, plain) -> None:
    told = hparams.of_net("net", {"option": value}, RECIPES["demo"])["options.option"]
    assert (told, type(told)) == (plain, type(plain))


def test_net_and_data_share_no_name() -> None:
    """Lightning refuses a name with two values, and they may have two recipes."""
    net = hparams.of_net("net", {}, RECIPES["paper"])
    data = hparams.of_data("cifar10", RECIPES["demo"], {"seed": 1})
    assert not net.keys() & data.keys()


def test_a_plan_has_every_entry_of_its_recipe_and_no_place() -> None:
    plan = Plan(
        model="resnet20", options={"widths": [4, 4, 4]}, seed=3, recipe=RECIPES["paper"],
        data="/home/me/images.npz", data_dir="/home/me", data_name="mine", fingerprint="0123",
        init="/home/me/run", init_id="4567", freeze={"frozen": ["stem"], "until": 5, "shares": {}},
    )  # fmt: skip
    told = hparams.of_plan(plan)
    names = {"seed", "fingerprint", "init_id", "steps", "epochs", "batch_size", "eval_every"}
    assert names <= told.keys()
    assert (told["recipe"], told["data"], told["freeze.until"]) == ("paper", "mine", 5)
    assert told["options.widths"] == "[4, 4, 4]"
    assert not [value for value in told.values() if "/home" in str(value)]
