"""Tracks between two rows: none for straight lines, one where lines do not meet, else apart."""

from archlab.layout.channel import BEFORE, BEHIND, LEAST, STEP, Net, height, level, route


def test_a_straight_line_needs_no_track() -> None:
    assert route({1: Net({0.0}, {0.0})}) == 0
    assert height(0) == LEAST


def test_a_fork_has_one_track_for_all_its_lines() -> None:
    net = Net({0.0}, {-50.0, 0.0, 50.0})
    assert route({1: net}) == 1
    assert net.track == 0


def test_lines_that_meet_in_one_point_share_a_track() -> None:
    nets = {1: Net({-50.0}, {0.0}), 2: Net({0.0}, {0.0}), 3: Net({50.0}, {0.0})}
    assert route(nets) == 1
    assert (nets[1].track, nets[2].track, nets[3].track) == (0, None, 0)


def test_lines_apart_share_a_track_and_lines_above_each_other_do_not() -> None:
    apart = {1: Net({0.0}, {40.0, 20.0}), 2: Net({100.0}, {140.0, 120.0})}
    assert route(apart) == 1
    over = {1: Net({0.0}, {40.0, 20.0}), 2: Net({10.0}, {60.0, 50.0})}
    assert route(over) == 2
    # Both go to the right: the one that begins further right is above, so that they do not cross.
    assert over[2].track < over[1].track


def test_a_line_down_at_one_x_is_above_a_line_that_leaves_there() -> None:
    nets = {1: Net({0.0}, {30.0, 31.0}), 2: Net({60.0}, {0.0, -5.0})}
    route(nets)
    assert nets[1].track < nets[2].track


def test_heights_grow_by_a_step_a_track() -> None:
    assert height(3) == BEFORE + 2 * STEP + BEHIND
    assert level(2) == BEFORE + 2 * STEP
