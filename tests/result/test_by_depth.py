"""What a probe measures by depth."""

from archlab.result.by_depth import Branch


def test_the_ratio_of_a_branch() -> None:
    assert Branch("a", 0, (4, 8, 8), branch=3.0, shortcut=6.0).ratio == 0.5
    assert Branch("a", 0, (4, 8, 8), branch=3.0, shortcut=0.0).ratio is None
