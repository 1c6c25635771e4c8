"""Layers that can add no new context, at the traced resolution and at others."""

from __future__ import annotations

import pytest
from torch import nn

import archlab
from archlab.errors import OptionError


def test_unproductive_of_resnet20() -> None:
    # Richter's criterion at 32²: 0 of 19 by the shortest path, 8 by the longest (37 … 81, and 33).
    totals = archlab.unproductive("resnet20").totals
    assert (totals.convolutions, totals.critical + totals.border, totals.past_max_path) == (
        19,
        0,
        8,
    )
    plain = archlab.unproductive("plain20").totals
    assert plain.critical + plain.border == 8  # no shortcut: both paths are the same


def test_unproductive_at_other_sizes() -> None:
    result = archlab.unproductive("plain20", resolutions=[(32, 32), (224, 224)])
    assert len(result.rows) == 38
    assert all(row.verdict == "productive" for row in result.rows if row.resolution == "224x224")
    with pytest.raises(OptionError, match="height and width"):
        archlab.unproductive(archlab.load(nn.Sequential(nn.Linear(4, 4)), input="2x4"))


@pytest.mark.parametrize(
    ("net", "shape"), [(nn.Conv1d(4, 4, 3), "[1x4x16]"), (nn.Conv3d(3, 4, 3), "3x6x16x16")]
)
def test_videos_and_sequences_are_refused(net: nn.Module, shape: str) -> None:
    with pytest.raises(OptionError, match="steps of time"):
        archlab.unproductive(archlab.load(net, input=shape))
