"""Quantities by depth, with theory beside them: gradients, responses, shattering. No torch."""
