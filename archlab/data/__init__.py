"""Labelled images as arrays, and pictures of a folder for a net that is measured."""
