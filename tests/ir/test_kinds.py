"""The kinds of node and their attributes: registered by name, and what computes."""

from archlab.ir.kinds import ATTRS, COMPUTE_KINDS, Attrs, Kind


def test_every_attribute_record_is_registered_by_its_name() -> None:
    assert set(ATTRS.values()) == set(Attrs.__args__)
    assert all(name == cls.__name__ for name, cls in ATTRS.items())


def test_compute_kinds_are_those_that_do_not_only_move() -> None:
    moving = {Kind.RESHAPE, Kind.PERMUTE, Kind.SLICE, Kind.CREATE, Kind.COPY}
    assert set(Kind) - COMPUTE_KINDS == moving
    assert Kind.OPAQUE in COMPUTE_KINDS
