"""Ways to show a table. A view gets data and gives text; it asks nothing and knows no analyzer."""

from __future__ import annotations

from archlab.view.table import FORMATS, render

__all__ = ["FORMATS", "render"]
