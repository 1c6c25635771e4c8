"""The three shortcut options of He et al. 2015."""

import pytest
import torch
from torch import nn

from archlab.errors import OptionError
from archlab.zoo.shortcut import PadShortcut, shortcut_path


def test_option_a_subsamples_and_appends_zero_channels() -> None:
    x = torch.arange(2 * 3 * 5 * 5, dtype=torch.float32).reshape(2, 3, 5, 5)
    out = PadShortcut(3, 7, 2)(x)
    assert out.shape == (2, 7, 3, 3)
    assert torch.equal(out[:, :3], x[:, :, [0, 2, 4]][..., [0, 2, 4]])
    assert not out[:, 3:].any()
    assert not list(PadShortcut(3, 7, 2).state_dict())


def test_which_shapes_need_a_shortcut_module() -> None:
    assert shortcut_path(8, 8, 1, shortcut="A") is None
    assert shortcut_path(8, 8, 1, shortcut="B") is None
    assert isinstance(shortcut_path(8, 8, 1, shortcut="C"), nn.Sequential)
    assert isinstance(shortcut_path(8, 8, 2, shortcut="A"), PadShortcut)
    assert isinstance(shortcut_path(8, 16, 1, shortcut="B"), nn.Sequential)
    with pytest.raises(OptionError, match="do not shrink"):
        shortcut_path(16, 8, 1, shortcut="A")
