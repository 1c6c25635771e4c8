"""`placed("resnet18")`: a model's drawing and its geometry; the nets are those of the tests."""

import pytest

import archlab
from archlab.layout import layout
from archlab.view.drawing import face
from archlab.view.drawing.style import FITS


@pytest.fixture(scope="session")
def placed():
    """`placed(model, direction="LR", fit="page")` gives drawing and geometry."""

    def place(model, *, direction="TB", fit="auto", **options):
        drawing = archlab.render(model, **options).drawing
        across = direction == "LR"
        sizes = face.sizes(drawing, across=across)
        return drawing, layout(drawing, sizes, across=across, goal=FITS[fit])

    return place
