"""Patterns that have a name: of small operators that are drawn as one box, and of modules.

A pattern is one small function in one of two tables, `operators.CLOSED` and `modules.NAMED`.
"""

from archlab.fold.patterns.modules import named
from archlab.fold.patterns.operators import closed

__all__ = ["closed", "named"]
