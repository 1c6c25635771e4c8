"""Probes on nets whose numbers are known before: a silent branch, a unit response."""

import pytest

import archlab
from archlab.errors import OptionError


def test_a_branch_whose_last_norm_is_zero_adds_nothing() -> None:
    answer = archlab.identity("resnet8", init="zero-gamma", seeds=2, batch=4)
    assert {row.branch_to_input for row in answer.rows} == {0.0}
    assert {row.seed for row in answer.rows} == {0, 1}


def test_a_batch_norm_in_train_mode_has_unit_deviation() -> None:
    answer = archlab.responses("plain8", seeds=1, batch=8, layers=["layer1.0.conv1"])
    assert [row.path for row in answer.rows] == ["layer1.0.conv1"]
    # His initial gamma is 1; epsilon makes it a little less than 1.
    assert answer.rows[0].response == pytest.approx(1, abs=1e-3)


def test_progress_counts_nets_times_seeds() -> None:
    calls = []
    archlab.responses(
        "plain8", "resnet8", seeds=2, batch=2, progress=lambda done, of, _: calls.append((done, of))
    )
    assert calls == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_nets_of_the_line_have_names_that_say_what_they_are() -> None:
    answer = archlab.shattered(depths=(2,), scales=(0.1,), norm="both", width=8, seeds=1)
    assert set(answer.totals) == {"plain2", "resnet2, β 0.1", "plain2 + BN", "resnet2 + BN, β 0.1"}


@pytest.mark.parametrize("values", [{"width": 0}, {"depths": ()}, {"seeds": 0}, {"norm": "layer"}])
def test_what_is_not_allowed_is_refused(values) -> None:
    with pytest.raises(OptionError):
        archlab.shattered(**values)
