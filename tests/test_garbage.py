"""Garbage is looked for seldom, and still found."""

import gc
import weakref

import pytest

from archlab.garbage import collect_seldom


@pytest.fixture(autouse=True)
def _put_back():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


class Circle:
    def __init__(self) -> None:
        self.itself = self


def test_a_circle_is_found_after_many_objects_and_not_before() -> None:
    gc.set_threshold(700, 10, 10)
    collect_seldom()
    gc.collect()
    lost = weakref.ref(Circle())
    kept = [[] for _ in range(50_000)]
    assert lost() is not None
    kept += [[] for _ in range(60_000)]
    assert lost() is None
