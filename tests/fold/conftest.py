"""Graphs made by hand, as fixtures."""

import pytest

from archlab.fold import Drawing


@pytest.fixture
def edge_roles():
    def roles(drawing: Drawing) -> dict[tuple[str, str], str]:
        return {(edge.tail, edge.head): str(edge.role) for edge in drawing.edges}

    return roles
