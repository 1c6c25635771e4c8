"""A figure inside a page: its ids meet no others."""

from archlab.view.page.figure import inlined


def test_figures_do_not_meet() -> None:
    svg = '<svg viewBox="0 0 2 2"><g id="a"/><use href="#a" style="fill: url(#a)"/></svg>'
    assert 'id="f7-a"' in inlined(svg, "none", "f7")
    assert 'href="#f7-a" style="fill: url(#f7-a)"' in inlined(svg, "none", "f7")
