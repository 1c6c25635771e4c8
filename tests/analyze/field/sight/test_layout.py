"""Where h and w are after reshapes: flattening, cutting windows, class tokens."""

from __future__ import annotations

from archlab.analyze.field.sight.layout import Axis, Digit, Layout, of_input, plain, pure, reshaped


def of_image(shape: tuple[int, ...]) -> Layout:
    return of_input(shape, {len(shape) - 2: 0, len(shape) - 1: 1})


def test_image_layout() -> None:
    layout = of_image((1, 3, 8, 6))
    assert [pure(axis) for axis in layout] == [None, None, 0, 1]
    assert [pure(axis) for axis in of_image((1, 3, 4, 8, 6))] == [None, None, None, 0, 1]


def test_flatten_and_back() -> None:
    layout = of_image((1, 3, 8, 6))
    flat = reshaped(layout, (1, 3, 48))
    assert flat is not None
    assert flat[2].digits == (Digit(8, 0), Digit(6, 1))
    assert reshaped(flat, (1, 3, 8, 6)) == layout


def test_windows() -> None:
    # 8 rows in windows of 4: the outer digit counts windows (4 apart), the inner places.
    cut = reshaped((plain(1), *of_image((1, 3, 8, 8))[2:], plain(3)),
                   (1, 2, 4, 2, 4, 3))  # fmt: skip
    assert cut is not None
    assert cut[1].digits == (Digit(2, 0, 4),)
    assert cut[2].digits == (Digit(4, 0, 1),)
    assert pure(cut[1]) is None
    joined = reshaped(cut, (1, 8, 8, 3))
    assert joined is not None
    assert pure(joined[1]) == 0


def test_uneven_cut_is_lost() -> None:
    assert reshaped(of_image((1, 1, 6, 1)), (1, 4, 1)) is None


def test_leading_tokens_are_kept_whole() -> None:
    tokens = (plain(1), Axis((Digit(4, 0), Digit(4, 1)), lead=1), plain(8))
    same = reshaped(tokens, (17, 8))
    assert same is not None
    assert same[0].lead == 1
    assert reshaped(same, (1, 17, 8)) == tokens
    assert reshaped(tokens, (136,)) is None
