"""Losses against random targets: which one fits an output, and what auxiliary heads add."""

from __future__ import annotations

import pytest
import torch

from archlab.errors import OptionError
from archlab.probe.losses import choose_loss, random_target_loss


@pytest.mark.parametrize(
    ("name", "shapes", "taken"),
    [
        (None, [(4, 10)], "cross-entropy"),
        (None, [(4, 10, 8, 8)], "cross-entropy"),
        (None, [(4, 16, 100)], "cross-entropy"),
        (None, [(4,)], "mse"),
        (None, [(4, 1)], "mse"),
        ("sum", [(4, 10)], "sum"),
    ],
)
def test_the_loss_fits_the_output(name, shapes, taken) -> None:
    assert choose_loss(name, shapes)[0] == taken
    value = random_target_loss(taken, 0)(torch.randn(shapes[0]), None)
    assert value.shape == ()


def test_losses_that_do_not_fit() -> None:
    with pytest.raises(OptionError, match=r"wants an output of \(batch, classes"):
        choose_loss("cross-entropy", [(4, 1)])
    with pytest.raises(OptionError, match="Did you mean cross-entropy"):
        choose_loss("crossentropy", [(4, 2)])
    with pytest.raises(OptionError, match="no floating-point tensor"):
        choose_loss(None, [])


def test_auxiliary_heads_count_three_tenths() -> None:
    main, side = torch.full((2, 3), 1.0), torch.full((2, 3), 10.0)
    assert float(random_target_loss("sum", 0)((main, side, torch.ones(7)), None)) == 6 + 0.3 * 60
