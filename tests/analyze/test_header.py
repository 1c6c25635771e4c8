"""The header of a result says what its graph is."""

from archlab.analyze.header import header


def test_the_header_has_the_facts_of_the_graph(train) -> None:
    train.input(2, 3, 8, 8)
    head = header(train.graph(), "1 MAC = 1 multiply-add", "no bias")
    assert head.lines() == (
        "net · input 2x3x8x8 float32 · train mode · by hand",
        "1 MAC = 1 multiply-add",
        "no bias",
    )
