"""Figures with axes: receptive fields, training curves, quantities by depth, scans."""
